// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The query engine as prisma-client-py runs it: a child process that answers on a port.
const { spawn } = require('node:child_process')
const http = require('node:http')
const { QUERY_ENGINE, fixture } = require('./engine_files')
const { freePort, until } = require('./postgres')

const running = new Set()

class QueryEngine {
  /** Starts it on a database; resolves when it answers, or with its exit code and stderr when it gave up. */
  static async start (url, { schema = fixture('schema.prisma'), environment = {} } = {}) {
    const engine = new QueryEngine()
    engine.port = await freePort()
    engine.agent = new http.Agent({ keepAlive: true })
    engine.process = spawn(QUERY_ENGINE, ['-p', engine.port, '--enable-metrics', '--enable-raw-queries'], {
      env: { ...process.env, DATABASE_URL: url, PRISMA_DML_PATH: schema, ...environment }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    engine.output = ''
    for (const stream of [engine.process.stdout, engine.process.stderr]) stream.setEncoding('utf8').on('data', text => { engine.output += text })
    running.add(engine)
    engine.ended = new Promise(resolve => engine.process.once('close', code => {
      engine.code = code
      running.delete(engine)
      resolve(code)
    }))
    await Promise.race([engine.ended, until(() => {
      if (engine.code !== undefined) return undefined
      return engine.send('GET', '/status')
    })])
    return engine
  }

  send (method, route, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.port, method, path: route, headers, agent: this.agent }, response => {
        let text = ''
        response.setEncoding('utf8').on('data', part => { text += part }).on('end', () => {
          resolve({ status: response.statusCode, body: JSON.parse(text) })
        })
      })
      request.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async request (body, transaction) {
    const { status, body: answer } = await this.send('POST', '/', body, transaction ? { 'x-transaction-id': transaction } : {})
    if (status !== 200) throw new Error(`status ${status}: ${JSON.stringify(answer)}`)
    return answer
  }

  /** The result of `operation`, as in `findManyThing { id }`; an error of Prisma's is thrown as {code, message, meta}. */
  async run (kind, operation, transaction) {
    const answer = await this.request({ variables: {}, operation_name: kind, query: `${kind} { result: ${operation} }` }, transaction)
    if (!answer.errors) return answer.data.result
    const { error_code: code, message, meta, ...rest } = answer.errors[0].user_facing_error
    throw Object.assign(new Error(message), { code, meta, rest, error: answer.errors[0].error })
  }

  query (operation, transaction) {
    return this.run('query', operation, transaction)
  }

  mutate (operation, transaction) {
    return this.run('mutation', operation, transaction)
  }

  /** Rows of raw SQL as {column: [type, value]}. */
  async sql (text, parameters = [], transaction) {
    const given = typeof parameters === 'string' ? parameters : JSON.stringify(parameters)
    const rows = await this.mutate(`queryRaw(query: ${JSON.stringify(text)} parameters: ${JSON.stringify(given)})`, transaction)
    return rows.map(row => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, [cell.prisma__type, cell.prisma__value]])))
  }

  async begin (options = {}) {
    const { status, body } = await this.send('POST', '/transaction/start', options)
    if (status !== 200) throw Object.assign(new Error(body.message), { status, code: body.error_code })
    return body.id
  }

  end (verb, id) {
    return this.send('POST', `/transaction/${id}/${verb}`)
  }

  /** For a file's `after`: what a failed test left running would keep the file from ending. */
  static stopAll () {
    return Promise.all(Array.from(running, engine => engine.stop()))
  }

  async stop () {
    this.agent.destroy()
    this.process.kill('SIGINT') // as prisma-client-py does
    return this.ended
  }
}

module.exports = { QueryEngine }

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Prisma's query engine as WebAssembly: documents in, replies out.
const fs = require('node:fs')
const path = require('node:path')
const { Adapter } = require('./adapter')
const connectionUrl = require('./connection_url')
const { clientSchema, databaseUrl, fieldsOf, overriddenUrl } = require('./datamodel')
const { UserFacingError } = require('./errors')
const { load, locate } = require('./node_modules')
const { Pool } = require('./pool')
const { reply } = require('./results')
const { tlsOptions } = require('./tls')
const { trace } = require('./trace')
const { Transactions } = require('./transactions')
const { translate } = require('./translate')

const NO_SPAN = '{}'

function webAssembly () {
  const runtime = '@prisma/client/runtime/query_engine_bg.postgresql'
  const glue = load(`${runtime}.js`)
  const compiled = new WebAssembly.Module(fs.readFileSync(locate(`${runtime}.wasm`)))
  glue.__wbg_set_wasm(new WebAssembly.Instance(compiled, { './query_engine_bg.js': glue }).exports)
  return glue.QueryEngine
}

const asError = error => ({ error: error.message, user_facing_error: error })
const errorReply = error => ({ errors: [asError(error)] })

class Engine {
  /** Reads the client's environment, and asks the database one question: Prisma's engine does not start without it. */
  static async start () {
    const schema = clientSchema()
    const target = connectionUrl.parse(overriddenUrl() || databaseUrl(schema))
    const directory = path.dirname(process.env.PRISMA_DML_PATH || '.')
    const pool = new Pool(target, await tlsOptions(target, directory))
    const client = await pool.acquire()
    client.release()
    const engine = new Engine(schema, pool)
    await engine.wasm.connect(NO_SPAN)
    return engine
  }

  constructor (schema, pool) {
    this.models = fieldsOf(schema)
    this.adapter = new Adapter(pool)
    const QueryEngine = webAssembly()
    this.wasm = new QueryEngine({
      datamodel: schema, env: {}, logQueries: false, ignoreEnvVarErrors: true, datasourceOverrides: {}, logLevel: 'error',
      configDir: '.', engineProtocol: 'json',
    }, line => trace('engine', { line }), this.adapter)
    this.transactions = new Transactions(this.wasm, this.adapter)
  }

  /** The reply to one request body: {query} or {batch, transaction}. */
  async request (body, transactionId) {
    trace('request', { body, transactionId })
    try {
      const request = JSON.parse(body)
      return request.batch ? await this.batch(request, transactionId) : await this.single(request, transactionId)
    } catch (error) {
      if (error instanceof UserFacingError) return errorReply(error)
      throw error
    }
  }

  translated ({ query, variables }) {
    if (typeof query !== 'string') throw new UserFacingError('P2009', 'The request has no query.')
    if (variables && Object.keys(variables).length > 0) throw new UserFacingError('P2009', 'Variables are not supported.')
    return translate(query, this.models)
  }

  async single (request, transactionId) {
    const operation = this.translated(request)
    const answer = this.parsed(await this.run(operation.query, transactionId))
    return answer.errors ? { errors: answer.errors } : reply(operation, answer)
  }

  async batch (request, transactionId) {
    const operations = request.batch.map(item => this.translated(item))
    // Inside an interactive transaction the engine must not open a second one.
    const transaction = request.transaction && !transactionId
      ? { isolationLevel: request.isolationLevel ?? request.isolation_level ?? null }
      : null
    const body = `{"batch":[${operations.map(operation => operation.query).join(',')}],"transaction":${JSON.stringify(transaction)}}`
    const answer = this.parsed(await this.run(body, transactionId))
    if (answer.errors) return { errors: answer.errors }
    return {
      batchResult: answer.batchResult.map((item, index) =>
        item.errors ? { errors: item.errors.map(error => this.fixed(error)) } : reply(operations[index], item)),
    }
  }

  run (body, transactionId) {
    trace('query', { body })
    if (transactionId !== undefined) this.transactions.check(transactionId)
    return this.wasm.query(body, NO_SPAN, transactionId)
  }

  parsed (text) {
    trace('answer', { text })
    const answer = JSON.parse(text)
    if (answer.errors) return { errors: answer.errors.map(error => this.fixed(error)) }
    if (answer.error_code) return { errors: [this.fixed({ error: answer.message, user_facing_error: answer })] }
    return answer
  }

  /** An error of the adapter comes back as P2036 with its number: give it the code that the native engine gives. */
  fixed (error) {
    const facing = error.user_facing_error
    if (facing.error_code === 'P2036') {
      const cause = this.adapter.exceptions.take(Number(facing.meta.id))
      if (cause instanceof UserFacingError) return asError(cause)
      const message = cause ? cause.message : facing.message
      return asError(new UserFacingError('P2010', `Raw query failed. Message: \`${message}\``, { code: 'N/A', message }))
    }
    facing.meta = facing.meta || {} // prisma-client-py calls meta.get()
    return error
  }

  /** `verb` is start, commit or rollback; resolves with {id} or {}, throws Prisma's error as {facing}. */
  async transaction (verb, argument) {
    let result
    try {
      result = await this.transactions[verb](argument, NO_SPAN)
    } catch (error) {
      if (!(error instanceof UserFacingError)) throw error
      result = error.toJSON()
    }
    trace('transaction', { verb, result })
    if (!result.error_code) return result
    const { user_facing_error: facing } = this.fixed({ error: result.message, user_facing_error: result })
    throw Object.assign(new Error(facing.message), { facing })
  }
}

module.exports = { Engine }

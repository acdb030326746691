// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The HTTP interface of Prisma's query engine, on 127.0.0.1 only.
const http = require('node:http')
const { trace } = require('./trace')
const { COMMIT, VERSION } = require('./version')

const TRANSACTION = /^\/transaction\/([^/]+)\/(commit|rollback)$/

function read (request) {
  return new Promise((resolve, reject) => {
    const parts = []
    request.on('data', part => parts.push(part))
    request.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
    request.on('error', reject)
  })
}

function send (response, status, body) {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
}

// The statuses that Prisma's server gives the reasons of P2028; the body is the bare error.
function transactionStatus ({ error_code: code, message }) {
  if (code !== 'P2028') return 500
  if (/Unable to start a transaction in the given time/.test(message)) return 504
  if (/Transaction not found/.test(message)) return 404
  if (/already closed/.test(message)) return 422
  return 500
}

async function transaction (response, engine, verb, argument) {
  try {
    send(response, 200, await engine.transaction(verb, argument))
  } catch (error) {
    if (!error.facing) throw error
    send(response, transactionStatus(error.facing), error.facing)
  }
}

async function answer (engine, request, response) {
  const { pathname } = new URL(request.url, 'http://localhost')
  const route = `${request.method} ${pathname}`
  if (route === 'GET /status') return send(response, 200, { status: 'ok' })
  if (route === 'GET /server_info') return send(response, 200, { commit: COMMIT, version: VERSION, primary_connector: 'postgresql' })
  if (route === 'GET /metrics') {
    return send(response, 501, { is_panic: false, message: 'The WebAssembly engine is built without metrics.' })
  }
  const body = await read(request)
  if (route === 'POST /') return send(response, 200, await engine.request(body, request.headers['x-transaction-id']))
  if (route === 'POST /transaction/start') return transaction(response, engine, 'start', JSON.parse(body || '{}'))
  const match = request.method === 'POST' && TRANSACTION.exec(pathname)
  if (!match) return send(response, 404, { is_panic: false, message: 'Not found.' })
  return transaction(response, engine, match[2], match[1])
}

/** Serves `engine` on `port` (0: a free one); resolves with the port when it listens. */
function serve (engine, port) {
  const server = http.createServer((request, response) => {
    answer(engine, request, response).catch(error => {
      trace('exception', { error: String(error && error.stack) })
      const message = error instanceof SyntaxError ? 'The request body is not JSON.' : String(error && error.message)
      if (!response.headersSent) send(response, error instanceof SyntaxError ? 400 : 500, { is_panic: true, message })
    })
  })
  // The client reuses its connections for as long as it lives: never close one from this side.
  server.keepAliveTimeout = 0
  server.headersTimeout = 0
  server.requestTimeout = 0
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server.address().port))
  })
}

module.exports = { serve }

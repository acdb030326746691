// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// JSON-RPC on standard input and output, a line a message, as the Prisma CLI speaks to its schema engine.
const readline = require('node:readline')
const { UserFacingError } = require('../errors')
const { trace } = require('../trace')
const { methods } = require('./methods')

const REFUSED = 'An error happened. Check the data field for details.'

function errorData (error) {
  if (error instanceof UserFacingError) return error
  trace('exception', { error: String(error.stack) })
  return { is_panic: false, message: error.message, backtrace: null }
}

async function answer (known, { id, method, params }) {
  try {
    if (!Object.hasOwn(known, method)) {
      throw new Error(`This schema engine does not know \`${method}\`: it applies migrations, but can't compare schemas ` +
        '(`migrate diff`, `migrate dev`, `db push`, `db pull`). Use Prisma\'s native engine for that.')
    }
    return { jsonrpc: '2.0', id, result: await known[method](params || {}) }
  } catch (error) {
    return { jsonrpc: '2.0', id, error: { code: 4466, message: REFUSED, data: errorData(error) } }
  }
}

/** Answers requests one after the other until standard input ends. */
async function serve (schemaFile) {
  const known = methods(schemaFile)
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    process.stdout.write(JSON.stringify(await answer(known, JSON.parse(line))) + '\n')
  }
}

module.exports = { serve }

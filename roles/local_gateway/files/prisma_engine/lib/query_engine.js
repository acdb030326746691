// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The command query-engine, as prisma-client-py starts it: query-engine -p PORT --enable-metrics --enable-raw-queries
const { parseArgs } = require('node:util')
const { COMMIT } = require('./version')

const { values } = parseArgs({
  options: {
    version: { type: 'boolean', short: 'V' },
    port: { type: 'string', short: 'p', default: process.env.PORT || '4466' },
    'enable-metrics': { type: 'boolean' },
    'enable-raw-queries': { type: 'boolean' },
    'log-queries': { type: 'boolean' },
  },
})

function die (error) {
  const facing = error.code && error.toJSON ? error : { is_panic: true, message: error.message }
  process.stderr.write(JSON.stringify(facing) + '\n')
  process.exit(1)
}

async function main () {
  require('./lifetime').endWithParent()
  // A panic of the WebAssembly engine surfaces here, and its request would never be answered: the client sees the
  // connection close and starts a new engine.
  process.on('uncaughtException', die)
  const { Engine } = require('./engine')
  const { serve } = require('./server')
  await serve(await Engine.start(), Number(values.port))
}

process.title = 'query-engine' // without arguments: nothing of the environment shows
if (values.version) console.log(`query-engine ${COMMIT}`)
else main().catch(die)

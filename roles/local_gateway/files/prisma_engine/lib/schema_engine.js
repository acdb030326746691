// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The command schema-engine, as the Prisma CLI starts it:
//   schema-engine -d schema.prisma                                     JSON-RPC on standard input
//   schema-engine cli --datasource URL can-connect-to-database         one command
const { parseArgs } = require('node:util')
const { COMMIT } = require('./version')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'boolean', short: 'V' },
    datamodel: { type: 'string', short: 'd' },
    datasource: { type: 'string' },
  },
})

async function main () {
  require('./lifetime').endWithParent()
  if (positionals[0] === 'cli') process.exitCode = await require('./migrations/command').run(positionals[1], values.datasource)
  else await require('./migrations/rpc').serve(values.datamodel)
}

process.title = 'schema-engine' // the argument --datasource holds a password
if (values.version) console.log(`schema-engine-cli ${COMMIT}`)
else main()

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// `schema-engine cli --datasource URL can-connect-to-database | create-database`: the outcome is one log line on stderr.
const connectionUrl = require('../connection_url')
const { UserFacingError } = require('../errors')
const { withDatabase } = require('./database')

function createDatabase (url) {
  const { database } = connectionUrl.parse(url)
  // A new database is made from another one; Prisma takes `postgres` too.
  const elsewhere = url.replace(/^(postgres(?:ql)?:\/\/[^/?#]*)(?:\/[^?#]*)?/, '$1/postgres')
  return withDatabase(elsewhere, '.', async client => {
    try {
      await client.query(`CREATE DATABASE "${database.replace(/"/g, '""')}"`)
    } catch (error) {
      if (error.code === '42P04') {
        throw new UserFacingError('P1009', `Database \`${database}\` already exists on the database server`, { database_name: database })
      }
      throw new UserFacingError('P3000', `Failed to create database: ${error.message}`, { database_error: error.message })
    }
    return `Database '${database}' was successfully created.`
  })
}

const COMMANDS = {
  'can-connect-to-database': url => withDatabase(url, '.', async () => 'Connection successful'),
  'create-database': createDatabase,
}

function log (level, fields) {
  // The Prisma CLI skips the first line of stderr.
  process.stderr.write('\n' + JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target: 'schema_engine::logger' }) + '\n')
}

/** Runs one command; resolves with the exit status. */
async function run (name, url) {
  try {
    if (!Object.hasOwn(COMMANDS, name)) throw new Error(`This schema engine has no command "${name}".`)
    log('INFO', { message: await COMMANDS[name](url) })
    return 0
  } catch (error) {
    const known = error instanceof UserFacingError
    log('ERROR', { is_panic: false, error_code: known ? error.code : '', message: error.message })
    return 1
  }
}

module.exports = { run }

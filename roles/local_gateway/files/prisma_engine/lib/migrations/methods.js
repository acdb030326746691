// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The methods of Prisma's schema engine that `migrate deploy`, `status`, `resolve` and `db execute` call.
const fs = require('node:fs')
const path = require('node:path')
const { databaseUrl } = require('../datamodel')
const { UserFacingError } = require('../errors')
const { applyMigrations } = require('./apply')
const { withDatabase } = require('./database')
const { diagnoseMigrationHistory } = require('./diagnose')
const { list } = require('./directory')
const { markMigrationApplied, markMigrationRolledBack } = require('./resolve')

const urlOf = schemaFile => databaseUrl(fs.readFileSync(schemaFile, 'utf8'), { direct: true })

async function execute (client, target, { script }) {
  try {
    await client.query(script)
  } catch (error) {
    if (!error.severity) throw error
    throw new Error(`${error.severity}: ${error.message}`)
  }
  return null
}

/** {method: parameters -> result}, on the database of `schemaFile` unless the parameters name another. */
function methods (schemaFile) {
  const onDatabase = work => parameters => {
    if (!schemaFile) throw new UserFacingError('P1012', 'The schema engine was started without a Prisma schema.')
    return withDatabase(urlOf(schemaFile), path.dirname(schemaFile), (client, target) => work(client, target, parameters))
  }
  return {
    applyMigrations: onDatabase(applyMigrations),
    diagnoseMigrationHistory: onDatabase(diagnoseMigrationHistory),
    markMigrationApplied: onDatabase(markMigrationApplied),
    markMigrationRolledBack: onDatabase(markMigrationRolledBack),
    ensureConnectionValidity: onDatabase(async () => ({})),
    getDatabaseVersion: onDatabase(async client => (await client.query('SELECT version()')).rows[0].version),
    listMigrationDirectories: async ({ migrationsDirectoryPath: directory }) =>
      ({ migrations: list(directory).filter(({ file }) => fs.existsSync(file)).map(({ name }) => name) }),
    dbExecute: ({ datasourceType: source, script }) => {
      const url = source.tag === 'url' ? source.url : urlOf(source.schema)
      const directory = source.tag === 'url' ? '.' : path.dirname(source.schema)
      return withDatabase(url, directory, (client, target) => execute(client, target, { script }))
    },
  }
}

module.exports = { methods }

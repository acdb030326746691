// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// `prisma migrate status`: what the directory and the database say of each other.
const { UserFacingError } = require('../errors')
const { checkProvider, list } = require('./directory')
const { History } = require('./history')

function compared (migrations, unapplied, unpersisted) {
  if (unapplied.length === 0 && unpersisted.length === 0) return null
  if (unpersisted.length === 0) return { diagnostic: 'databaseIsBehind', unappliedMigrationNames: unapplied }
  if (unapplied.length === 0) return { diagnostic: 'migrationsDirectoryIsBehind', unpersistedMigrationNames: unpersisted }
  const first = migrations.findIndex(migration => migration.name === unapplied[0])
  return {
    diagnostic: 'historiesDiverge',
    lastCommonMigrationName: first === 0 ? null : migrations[first - 1].name,
    unpersistedMigrationNames: unpersisted,
    unappliedMigrationNames: unapplied,
  }
}

async function diagnoseMigrationHistory (client, target, { migrationsDirectoryPath: directory, optInToShadowDatabase }) {
  if (optInToShadowDatabase) {
    throw new UserFacingError('P1014', 'This schema engine has no shadow database, so it can\'t look for drift. Use Prisma\'s native engine for `migrate dev`.')
  }
  checkProvider(directory)
  const migrations = list(directory)
  const attempts = await new History(client, target.schema).attempts()
  const recorded = attempts || []
  const byName = new Map(recorded.slice().reverse().map(attempt => [attempt.name, attempt])) // the oldest attempt wins, as in Prisma
  const known = new Set(migrations.map(migration => migration.name))
  return {
    drift: null,
    history: compared(migrations,
      migrations.filter(({ name }) => !byName.has(name)).map(({ name }) => name),
      recorded.filter(({ name }) => !known.has(name)).map(({ name }) => name)),
    failedMigrationNames: recorded.filter(attempt => !attempt.finished && !attempt.rolledBack).map(({ name }) => name),
    editedMigrationNames: migrations.filter(migration => byName.has(migration.name) && !migration.matches(byName.get(migration.name).checksum))
      .map(({ name }) => name),
    errorInUnappliedMigration: null,
    hasMigrationsTable: attempts !== null,
  }
}

module.exports = { diagnoseMigrationHistory }

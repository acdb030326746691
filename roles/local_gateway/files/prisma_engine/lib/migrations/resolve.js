// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// `prisma migrate resolve`: a person says what became of a migration.
const { UserFacingError } = require('../errors')
const { acquireLock } = require('./database')
const { checkProvider, list } = require('./directory')
const { History } = require('./history')

const open = attempt => !attempt.finished && !attempt.rolledBack

async function markMigrationApplied (client, target, { migrationsDirectoryPath: directory, migrationName: name }) {
  checkProvider(directory)
  await acquireLock(client, target)
  const missing = () => new UserFacingError('P3017', `The migration ${name} could not be found. Please make sure that the migration ` +
    'exists, and that you included the whole name of the directory. (example: "20201207184859_initial_migration")', { migration_name: name })
  const migration = list(directory).find(candidate => candidate.name === name)
  if (!migration) throw missing()
  let checksum
  try {
    checksum = migration.checksum()
  } catch {
    throw missing()
  }
  const history = new History(client, target.schema)
  const attempts = await history.attempts()
  if (attempts === null) await history.create()
  const own = (attempts || []).filter(attempt => attempt.name === name)
  if (own.some(attempt => attempt.finished)) {
    throw new UserFacingError('P3008', `The migration \`${name}\` is already recorded as applied in the database.`, { migration_name: name })
  }
  for (const attempt of own.filter(open)) await history.rolledBack(attempt.id)
  await history.baseline(name, checksum)
  return {}
}

async function markMigrationRolledBack (client, target, { migrationName: name }) {
  await acquireLock(client, target)
  const history = new History(client, target.schema)
  const attempts = await history.attempts()
  if (attempts === null) {
    throw new Error('Invariant violation: called markMigrationRolledBack on a database without migrations table.')
  }
  const own = attempts.filter(attempt => attempt.name === name)
  if (own.length === 0) {
    throw new UserFacingError('P3011', `Migration \`${name}\` cannot be rolled back because it was never applied to the database. ` +
      'Hint: did you pass in the whole migration name? (example: "20201207184859_initial_migration")', { migration_name: name })
  }
  if (own.every(attempt => attempt.finished)) {
    throw new UserFacingError('P3012', `Migration \`${name}\` cannot be rolled back because it is not in a failed state.`, { migration_name: name })
  }
  for (const attempt of own.filter(open)) await history.rolledBack(attempt.id)
  return {}
}

module.exports = { markMigrationApplied, markMigrationRolledBack }

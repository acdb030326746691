// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// `prisma migrate deploy`: each migration that the database has not seen, in order, until one fails.
const { UserFacingError } = require('../errors')
const { checkProvider, list } = require('./directory')
const { acquireLock } = require('./database')
const { History } = require('./history')

function refuseFailed (attempts) {
  const failed = attempts.filter(attempt => !attempt.finished && !attempt.rolledBack)
  if (failed.length === 0) return
  const details = failed.map(({ name, started, logs }) => {
    const reason = logs && logs.trim() ? ` with the following logs:\n${logs.trim()}` : ''
    return `The \`${name}\` migration started at ${started} failed${reason}\n`
  }).join('')
  throw new UserFacingError('P3009', 'migrate found failed migrations in the target database, new migrations will not be applied. ' +
    `Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n${details}`, { details })
}

/** Where in the script PostgreSQL stopped: the line, with up to five before it. */
function excerpt (script, position) {
  if (!position) return ''
  const lines = script.split('\n')
  const line = Array.from(script).slice(0, position - 1).filter(character => character === '\n').length
  const first = Math.max(0, line - 5)
  const numbered = lines.slice(first, line + 1).map((text, index) => `${String(first + index + 1).padStart(3)} ${text}`)
  return `\n\nPosition:\n${numbered.join('\n')}`
}

function failure (name, script, error) {
  const code = error.severity ? error.code : 'none'
  const text = error.severity
    ? `${error.severity}: ${error.message}${error.detail ? `\nDETAIL: ${error.detail}` : ''}${error.hint ? `\nHINT: ${error.hint}` : ''}` +
      `${excerpt(script, Number(error.position))}`
    : error.message
  return new UserFacingError('P3018', 'A migration failed to apply. New migrations cannot be applied before the error is recovered from. ' +
    'Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n' +
    `Migration name: ${name}\n\nDatabase error code: ${code}\n\nDatabase error:\n${text}\n`,
  { migration_name: name, database_error_code: code, database_error: text })
}

async function applyOne (client, history, migration) {
  const script = migration.script()
  const id = await history.started(migration.name, migration.checksum())
  try {
    // The simple protocol, as Prisma sends it: several statements are one implicit transaction,
    // a single CREATE INDEX CONCURRENTLY is none, and a script may BEGIN and COMMIT itself.
    await client.query(script)
  } catch (error) {
    const refused = failure(migration.name, script, error)
    await client.query('ROLLBACK').catch(() => {}) // the script's own BEGIN
    await history.failed(id, refused.message).catch(() => {}) // the connection may be what failed
    throw refused
  }
  await history.finished(id)
}

async function applyMigrations (client, target, { migrationsDirectoryPath: directory }) {
  checkProvider(directory)
  await acquireLock(client, target)
  const history = new History(client, target.schema)
  await history.initialize()
  const attempts = await history.attempts()
  refuseFailed(attempts)
  const seen = new Set(attempts.filter(attempt => !attempt.rolledBack).map(attempt => attempt.name))
  const applied = []
  for (const migration of list(directory)) {
    if (seen.has(migration.name)) continue
    await applyOne(client, history, migration)
    applied.push(migration.name)
  }
  return { appliedMigrationNames: applied }
}

module.exports = { applyMigrations }

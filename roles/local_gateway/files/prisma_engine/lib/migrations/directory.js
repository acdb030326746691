// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// A directory of migrations: one directory each, with a migration.sql, applied in the order of their names.
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { UserFacingError } = require('../errors')

const sha256 = text => crypto.createHash('sha256').update(text).digest('hex')

class Migration {
  constructor (parent, name) {
    this.name = name
    this.file = path.join(parent, name, 'migration.sql')
  }

  script () {
    try {
      return fs.readFileSync(this.file, 'utf8')
    } catch {
      throw new UserFacingError('P3015', `Could not find the migration file at ${this.file}. ` +
        'Please delete the directory or restore the migration file.', { migration_file_path: this.file })
    }
  }

  checksum () {
    return sha256(this.script())
  }

  /** Prisma forgives a change of line ends only: a checkout on another system. */
  matches (checksum) {
    const script = this.script()
    const unix = script.replace(/\r\n/g, '\n')
    return [script, unix, unix.replace(/\n/g, '\r\n')].some(text => sha256(text) === checksum)
  }
}

/** The migrations, by name. Prisma takes each directory for one, and fails later if its script is missing. */
function list (directory) {
  if (!fs.existsSync(directory)) return []
  return fs.readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort((a, b) => (a < b ? -1 : 1))
    .map(name => new Migration(directory, name))
}

/** Refuses migrations that were written for another kind of database. */
function checkProvider (directory) {
  const lock = path.join(directory, 'migration_lock.toml')
  if (!fs.existsSync(lock)) return
  const match = /^\s*provider\s*=\s*"([^"]*)"/m.exec(fs.readFileSync(lock, 'utf8'))
  if (!match || match[1] === 'postgresql') return
  throw new UserFacingError('P3019', 'The datasource provider `postgresql` specified in your schema does not match the one ' +
    `specified in the migration_lock.toml, \`${match[1]}\`. Please remove your current migration directory and start a new ` +
    'migration history with prisma migrate dev. Read more: https://pris.ly/d/migrate-provider-switch',
  { provider: 'postgresql', expected_provider: match[1] })
}

module.exports = { Migration, checkProvider, list, sha256 }

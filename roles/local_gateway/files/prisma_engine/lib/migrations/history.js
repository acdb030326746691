// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The table _prisma_migrations: one row for each attempt to apply a migration.
const crypto = require('node:crypto')
const { UserFacingError } = require('../errors')

const CREATE = `CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`

const TABLES = `SELECT tbl.relname AS name FROM pg_class tbl JOIN pg_namespace ns ON ns.oid = tbl.relnamespace
  WHERE tbl.relkind = 'r' AND ns.nspname = $1`

// Prisma's text form of a time, as it appears in P3009.
const STARTED = "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US \"UTC\"')"

class History {
  constructor (client, schema) {
    this.client = client
    this.schema = schema
    // A migration may leave another search_path behind; the rows must still go where Prisma looks for them.
    this.table = `"${schema.replace(/"/g, '""')}"."_prisma_migrations"`
  }

  async tables () {
    return (await this.client.query(TABLES, [this.schema])).rows.map(row => row.name)
  }

  async exists () {
    return (await this.tables()).includes('_prisma_migrations')
  }

  /** Makes the table; a schema with other tables in it is no new database (P3005). */
  async initialize () {
    const tables = await this.tables()
    if (tables.includes('_prisma_migrations')) return
    if (tables.some(name => name !== 'spatial_ref_sys')) { // PostGIS' own
      throw new UserFacingError('P3005', 'The database schema is not empty. Read more about how to baseline an existing ' +
        'production database: https://pris.ly/d/migrate-baseline')
    }
    await this.create()
  }

  create () {
    return this.client.query(CREATE)
  }

  /** All attempts, oldest first; null without the table. */
  async attempts () {
    if (!await this.exists()) return null
    return (await this.client.query(
      `SELECT id, checksum, migration_name AS name, logs, finished_at IS NOT NULL AS finished,
       rolled_back_at IS NOT NULL AS "rolledBack", ${STARTED} AS started FROM ${this.table} ORDER BY started_at`)).rows
  }

  async started (name, checksum) {
    const id = crypto.randomUUID()
    await this.client.query(`INSERT INTO ${this.table} (id, checksum, started_at, migration_name) VALUES ($1, $2, now(), $3)`, [id, checksum, name])
    return id
  }

  finished (id) {
    return this.client.query(`UPDATE ${this.table} SET finished_at = now(), applied_steps_count = applied_steps_count + 1 WHERE id = $1`, [id])
  }

  failed (id, logs) {
    return this.client.query(`UPDATE ${this.table} SET logs = $2 WHERE id = $1`, [id, logs])
  }

  rolledBack (id) {
    return this.client.query(`UPDATE ${this.table} SET rolled_back_at = now() WHERE id = $1`, [id])
  }

  baseline (name, checksum) {
    return this.client.query(
      `INSERT INTO ${this.table} (id, checksum, logs, started_at, finished_at, migration_name) VALUES ($1, $2, '', now(), now(), $3)`,
      [crypto.randomUUID(), checksum, name])
  }
}

module.exports = { History }

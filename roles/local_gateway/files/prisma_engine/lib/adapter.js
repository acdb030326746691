// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The driver adapter that the WebAssembly engine calls for SQL (@prisma/driver-adapter-utils 5.17), on node-postgres.
const { forModels, forRawSql } = require('./column_types')
const { whileConnected } = require('./errors')
const { readOwnTypes } = require('./own_types')
const { MARK } = require('./raw_sql')
const { trace, tracing } = require('./trace')

const ok = value => ({ ok: true, value, map: change => ok(change(value)), flatMap: change => change(value) })
const failed = error => ({ ok: false, error, map: () => failed(error), flatMap: () => failed(error) })

function argument (value) {
  if (Array.isArray(value)) return value.map(argument)
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return value
}

const KEPT = 1000

/** Errors can't cross into WebAssembly: they stay here, and the engine's reply names them by number. */
class Exceptions {
  constructor () {
    this.kept = new Map()
    this.next = 0
  }

  keep (error) {
    this.kept.set(++this.next, error)
    this.kept.delete(this.next - KEPT) // the engine does not name every error that it meets
    return failed({ kind: 'GenericJs', id: this.next })
  }

  take (id) {
    const error = this.kept.get(id)
    this.kept.delete(id)
    return error
  }
}

class Queryable {
  constructor (target, exceptions) {
    this.target = target
    this.exceptions = exceptions
    this.provider = 'postgres'
    this.adapterName = 'tollgate-pg'
    // The engine calls these without `this`.
    this.queryRaw = query => this.run(query, async (result, { columnType, types }) => {
      const columnTypes = result.fields.map(field => columnType(field.dataTypeID))
      // Only raw SQL returns a database's own types as they are: the engine casts them in its own queries.
      if (types === forRawSql.types) await readOwnTypes(result, columnTypes, (text, values) => this.send({ text, values }))
      return { columnNames: result.fields.map(field => field.name), columnTypes, rows: result.rows }
    })
    this.executeRaw = query => this.run(query, async result => result.rowCount ?? 0)
  }

  async run (query, shape) {
    const raw = query.sql.startsWith(MARK)
    const reading = raw ? forRawSql : forModels
    const text = raw ? query.sql.slice(MARK.length) : query.sql
    if (tracing) trace('sql', { text, values: query.args.length })
    try {
      // `extended`: one statement with parameters, as Prisma prepares it, never a script.
      const result = await this.send({ text, values: query.args.map(argument), rowMode: 'array', types: reading.types, queryMode: 'extended' })
      return ok(await shape(result, reading))
    } catch (error) {
      const lost = whileConnected(error, this.target)
      if (lost || !error.severity) return this.exceptions.keep(lost || error)
      const { code, severity, message, detail, column, hint } = error
      return failed({ kind: 'Postgres', code, severity, message, detail, column, hint })
    }
  }
}

class Transaction extends Queryable {
  constructor (client, target, exceptions) {
    super(target, exceptions)
    this.client = client
    this.options = { usePhantomQuery: false } // the engine itself sends BEGIN, COMMIT and ROLLBACK
    this.broken = () => this.done(true)
    client.on('error', this.broken)
    this.commit = async () => this.done(false)
    this.rollback = async () => this.done(false)
  }

  async send (query) {
    if (this.over) throw new Error('Connection terminated')
    try {
      return await this.client.query(query)
    } catch (error) {
      // A connection whose BEGIN or ROLLBACK failed is in no known state, and the engine may not give it back.
      if (/^(BEGIN|ROLLBACK|COMMIT)\b/.test(query.text)) this.done(true)
      throw error
    }
  }

  done (destroy) {
    if (!this.over) {
      this.over = true
      this.client.removeListener('error', this.broken)
      this.client.release(destroy)
    }
    return ok(undefined)
  }
}

class Adapter extends Queryable {
  constructor (pool) {
    super(pool.target, new Exceptions())
    this.pool = pool
    this.getConnectionInfo = () => ok({ schemaName: pool.target.schema })
    this.reserved = []
    this.starting = 0
    this.startTransaction = async () => {
      try {
        const client = this.reserved.shift() || await pool.acquire()
        return ok(new Transaction(client, this.target, this.exceptions))
      } catch (error) {
        return this.exceptions.keep(error)
      }
    }
  }

  /** Gets a connection for a transaction that is about to start; call what it resolves with once that has happened. */
  async reserve (milliseconds, tooLate) {
    const client = await this.pool.acquire(milliseconds, tooLate)
    this.starting++
    this.reserved.push(client)
    return () => {
      this.starting-- // the transaction may have failed before it took a connection
      while (this.reserved.length > this.starting) this.reserved.pop().release()
    }
  }

  async send (query) {
    const client = await this.pool.acquire()
    let broken = false
    const onError = () => { broken = true }
    client.on('error', onError)
    try {
      return await client.query(query)
    } catch (error) {
      broken = broken || !error.severity || error.severity === 'FATAL'
      throw error
    } finally {
      client.removeListener('error', onError)
      client.release(broken)
    }
  }
}

module.exports = { Adapter }

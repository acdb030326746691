// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Connections to PostgreSQL that behave as the engine's own pool: bounded, in UTC, and back by themselves after
// the database was away.
const { load } = require('./node_modules')
const { poolTimeout, whileConnecting } = require('./errors')

// node-postgres fills what is not set from PG* variables and ~/.pgpass; Prisma reads neither.
for (const name of Object.keys(process.env)) if (/^PG[A-Z]/.test(name)) delete process.env[name]
const pg = load('pg')

const SESSION = { TimeZone: 'UTC', bytea_output: 'hex', extra_float_digits: '1' }

const quoted = identifier => `"${identifier.replace(/"/g, '""')}"`
const escaped = value => value.replace(/[\\ ]/g, '\\$&') // a value inside the startup packet's `options`

function clientOptions (target, ssl) {
  const options = Object.entries({ ...SESSION, search_path: quoted(target.schema) }).map(([name, value]) => `-c ${name}=${escaped(value)}`)
  if (target.options) options.push(target.options)
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    password: () => target.password,
    database: target.database,
    ssl,
    options: target.pooler ? undefined : options.join(' '), // PgBouncer refuses `options`
    application_name: target.applicationName,
    query_timeout: target.socketTimeout * 1000,
    keepAlive: true,
  }
}

// node-postgres' pool takes its clients' time to connect for the time to wait for a free one too: only the client gets it.
const clientClass = target => class extends pg.Client {
  constructor (options) {
    // The pool makes the password a property that a spread leaves out.
    super({ ...options, password: options.password, connectionTimeoutMillis: target.connectTimeout * 1000 })
  }
}

/** One connection, for migrations. */
async function connect (target, ssl) {
  const Client = clientClass(target)
  const client = new Client(clientOptions(target, ssl))
  client.on('error', () => {}) // a lost connection shows in the next query
  try {
    await client.connect()
  } catch (error) {
    throw whileConnecting(error, target)
  }
  return client
}

class Pool {
  constructor (target, ssl) {
    this.target = target
    this.pool = new pg.Pool({
      ...clientOptions(target, ssl),
      Client: clientClass(target),
      max: target.connectionLimit,
      idleTimeoutMillis: target.idleLifetime * 1000,
      maxLifetimeSeconds: target.lifetime,
    })
    this.pool.on('error', () => {}) // an idle connection died; the pool has dropped it
    this.pool.on('connect', client => {
      client.on('error', () => {}) // without a listener a connection that dies while it is in use would end the process
      if (target.pooler) client.query(`SET TimeZone = 'UTC'; SET search_path = ${quoted(target.schema)}`).catch(() => {})
    })
  }

  /** A connection, or Prisma's error: why none can be made, or `tooLate()` (P2024) when none is free in time. */
  async acquire (milliseconds = this.target.poolTimeout * 1000, tooLate = () => poolTimeout(this.target)) {
    let timer
    const late = new Promise((resolve, reject) => {
      if (milliseconds > 0) timer = setTimeout(() => reject(tooLate()), milliseconds)
    })
    const client = this.pool.connect()
    try {
      return await Promise.race([client, late])
    } catch (error) {
      client.then(unwanted => unwanted.release(), () => {}) // it may still come
      throw whileConnecting(error, this.target)
    } finally {
      clearTimeout(timer)
    }
  }
}

module.exports = { Pool, connect }

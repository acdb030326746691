// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// One connection for one command, and Prisma's lock that lets one migration run at a time.
const connectionUrl = require('../connection_url')
const { serverTimeout, whileConnected } = require('../errors')
const { connect } = require('../pool')
const { tlsOptions } = require('../tls')

const LOCK = 'SELECT pg_advisory_lock(72707369)' // Prisma's number
const LOCK_SECONDS = 10
// Who holds the lock already says so by this, as LiteLLM does from 1.107 on.
const UNLOCKED = ['1', 'true'].includes((process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK || '').toLowerCase())

/** Runs `work(client, target)` on a connection to `url`; relative certificate files lie in `directory`. */
async function withDatabase (url, directory, work) {
  const target = connectionUrl.parse(url)
  const client = await connect(target, await tlsOptions(target, directory))
  try {
    return await work(client, target)
  } catch (error) {
    throw whileConnected(error, target) || error
  } finally {
    await client.end().catch(() => {}) // the lock goes with the connection
  }
}

/** Waits for the lock as long as Prisma does, then P1002. Held until the connection ends. */
async function acquireLock (client, target) {
  if (UNLOCKED) return
  await client.query(`SET lock_timeout = '${LOCK_SECONDS}s'`)
  try {
    await client.query(LOCK)
  } catch (error) {
    if (error.code !== '55P03') throw error
    throw serverTimeout(target, `Timed out trying to acquire a postgres advisory lock (${LOCK}). Timeout: ${LOCK_SECONDS}000ms. ` +
      'See https://pris.ly/d/migrate-advisory-locking for details.')
  }
  await client.query('SET lock_timeout = DEFAULT')
}

module.exports = { acquireLock, withDatabase }

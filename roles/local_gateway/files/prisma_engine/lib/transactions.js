// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Interactive transactions. The WebAssembly engine ends them (commit, rollback, timeout), but lacks two things of the
// native one: it does not watch `max_wait`, and it panics on an id that it does not know (5.17.0).
const { UserFacingError } = require('./errors')

const REMEMBERED = 50 // ended transactions that the engine still answers for; it remembers the last 100

const refused = reason => new UserFacingError('P2028', `Transaction API error: ${reason}`, { error: reason })
const NOT_FOUND = 'Transaction not found. Transaction ID is invalid, refers to an old closed transaction Prisma doesn\'t ' +
  'have information about anymore, or was obtained before disconnecting.'
const TOO_LATE = 'Unable to start a transaction in the given time.'

class Transactions {
  /** `engine` is the WebAssembly engine, `adapter` the driver adapter that it asks for connections. */
  constructor (engine, adapter) {
    this.engine = engine
    this.adapter = adapter
    this.open = new Map() // id -> timer of its timeout
    this.ended = new Set()
  }

  check (id) {
    if (!this.open.has(id) && !this.ended.has(id)) throw refused(NOT_FOUND)
  }

  /** Starts one; times in milliseconds. Resolves with the engine's answer: {id}, or an error object. */
  async start ({ max_wait: maxWait = 2000, timeout = 5000, isolation_level: isolation = null }, span) {
    const settled = await this.adapter.reserve(maxWait, () => refused(TOO_LATE))
    try {
      const options = { max_wait: maxWait, timeout, isolation_level: isolation }
      const answer = JSON.parse(await this.engine.startTransaction(JSON.stringify(options), span))
      if (answer.id) this.open.set(answer.id, setTimeout(() => this.end(answer.id), timeout).unref())
      return answer.id ? { id: answer.id } : answer
    } finally {
      settled()
    }
  }

  async commit (id, span) {
    this.check(id)
    const answer = JSON.parse(await this.engine.commitTransaction(id, span))
    this.end(id)
    return answer || {}
  }

  async rollback (id, span) {
    this.check(id)
    const answer = JSON.parse(await this.engine.rollbackTransaction(id, span))
    this.end(id)
    return answer || {}
  }

  end (id) {
    if (!this.open.has(id)) return
    clearTimeout(this.open.get(id))
    this.open.delete(id)
    this.ended.add(id)
    if (this.ended.size > REMEMBERED) this.ended.delete(this.ended.values().next().value)
  }
}

module.exports = { Transactions }

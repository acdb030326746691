// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Prisma's user-facing errors: a code that clients tell apart, a text, and `meta`.
// Texts and codes: https://www.prisma.io/docs/orm/reference/error-reference

class UserFacingError extends Error {
  constructor (code, message, meta = {}) {
    super(message)
    this.code = code
    this.meta = meta
  }

  /** As the engine's HTTP and RPC interfaces send it. */
  toJSON () {
    return { is_panic: false, message: this.message, meta: this.meta, error_code: this.code }
  }
}

const place = target => `\`${target.host}\`:\`${target.port}\``

const unreachable = target => new UserFacingError('P1001',
  `Can't reach database server at ${place(target)}\n\nPlease make sure your database server is running at ${place(target)}.`,
  { database_host: target.host, database_port: target.port })

// The native engine reports a full disk as an error of the statement, and LiteLLM then drops the ledger rows in it as if
// their content had been refused. As P1001 they stay in its queue until there is space again.
const diskFull = (target, error) => new UserFacingError('P1001',
  `Can't reach database server at ${place(target)}: it has no space left (${error.message})`,
  { database_host: target.host, database_port: target.port })

const serverTimeout = (target, context) => new UserFacingError('P1002',
  `The database server at ${place(target)} was reached but timed out.\n\nPlease try again.\n\n` +
  `Please make sure your database server is running at ${place(target)}.\n\nContext: ${context}`,
  { database_host: target.host, database_port: target.port, context })

const poolTimeout = target => new UserFacingError('P2024',
  'Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool ' +
  `(Current connection pool timeout: ${target.poolTimeout}, connection limit: ${target.connectionLimit})`,
  { connection_limit: target.connectionLimit, timeout: target.poolTimeout })

const socketTimeout = target => new UserFacingError('P1008',
  `Operations timed out after ${target.socketTimeout} s (socket_timeout)`, { time: target.socketTimeout })

const closed = () => new UserFacingError('P1017', 'Server has closed the connection.')

const BY_SQLSTATE = {
  '28P01': authenticationFailed,
  28000: authenticationFailed,
  '3D000': target => new UserFacingError('P1003',
    `Database \`${target.database}\` does not exist on the database server at \`${target.host}:${target.port}\`.`,
    { database_name: target.database, database_host: target.host, database_port: target.port }),
  42501: (target, error) => new UserFacingError('P1010',
    `User \`${target.user}\` was denied access on the database \`${target.database}\``,
    { database_user: target.user, database_name: target.database, reason: error.message }),
  53300: (target, error) => new UserFacingError('P2037',
    `Too many database connections opened: ${error.severity}: ${error.message}`, { message: error.message, code: '53300' }),
}

function authenticationFailed (target, error) {
  // 28000 is also "no pg_hba.conf entry": its own text says which user and database, and whether encrypted.
  const detail = error.code === '28000' ? `\n\n${error.message}` : ''
  return new UserFacingError('P1000',
    `Authentication failed against database server at \`${target.host}\`, the provided database credentials for ` +
    `\`${target.user}\` are not valid.\n\nPlease make sure to provide valid database credentials for the database ` +
    `server at \`${target.host}\`.${detail}`, { database_user: target.user, database_host: target.host })
}

const NETWORK = /^(ECONN|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|EHOST|ENET|ENOENT|EACCES)/
const CLOSED = /Connection terminated|not queryable|Connection ended|closed the connection/i
const CREDENTIALS = /^SASL: |client password must be/
const TLS = /SSL|TLS|certificate|self.signed|altnames/i

/** Why a connection could not be made. */
function whileConnecting (error, target) {
  if (error instanceof UserFacingError) return error
  const known = BY_SQLSTATE[error.code]
  if (error.severity && known) return known(target, error)
  if (CREDENTIALS.test(error.message)) return authenticationFailed(target, error)
  if (error.severity || CLOSED.test(error.message) || NETWORK.test(error.code || '') || /timeout/i.test(error.message)) {
    return unreachable(target) // 57P03 "the database system is starting up" is one too
  }
  if (TLS.test(error.code || '') || TLS.test(error.message)) {
    return new UserFacingError('P1011', `Error opening a TLS connection: ${error.message}`, { message: error.message })
  }
  return unreachable(target)
}

/** Why a query failed on a connection that had been made; null when it is not about the connection. */
function whileConnected (error, target) {
  if (error instanceof UserFacingError) return error
  if (/^Query read timeout/.test(error.message)) return socketTimeout(target)
  if (CLOSED.test(error.message) || NETWORK.test(error.code || '')) return closed()
  if (error.code === '53100') return diskFull(target, error)
  return null
}

module.exports = { UserFacingError, closed, poolTimeout, serverTimeout, unreachable, whileConnected, whileConnecting }

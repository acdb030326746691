// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// postgresql://user:password@host:port/database?parameters, with Prisma's parameters and libpq's for TLS.
// Not WHATWG's URL: that refuses `user:password@/database?host=/socket/directory`.
const os = require('node:os')
const { UserFacingError } = require('./errors')

const FORM = /^postgres(?:ql)?:\/\/(?:([^/?#@]*)@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const PARAMETERS = new Set(['host', 'port', 'schema', 'connection_limit', 'pool_timeout', 'connect_timeout', 'socket_timeout',
  'max_idle_connection_lifetime', 'max_connection_lifetime', 'application_name', 'options', 'pgbouncer', 'statement_cache_size',
  'sslmode', 'sslaccept', 'sslrootcert', 'sslcert', 'sslkey', 'sslidentity', 'sslpassword', 'channel_binding', 'single_use_connections'])

// The text never repeats the URL: it holds a password.
const refuse = why => new UserFacingError('P1013', `The provided database string is invalid. ${why}`, { details: why })

function decoded (text, what) {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refuse(`The ${what} in the database URL has a "%" that is not percent-encoding. Write "%25" for it.`)
  }
}

function parameters (query) {
  const found = new Map()
  for (const [name, value] of new URLSearchParams(query || '')) {
    if (!PARAMETERS.has(name)) throw refuse(`The database URL has the parameter "${name}", which this engine does not know.`)
    if (value !== '') found.set(name, value)
  }
  return found
}

function seconds (found, name, otherwise) {
  if (!found.has(name)) return otherwise
  const number = Number(found.get(name))
  if (!Number.isFinite(number) || number < 0) throw refuse(`"${name}" in the database URL is not a number.`)
  return number
}

function sslMode (found) {
  const mode = found.get('sslmode') || 'prefer'
  if (!SSL_MODES.includes(mode)) throw refuse(`"sslmode" in the database URL is none of ${SSL_MODES.join(', ')}.`)
  if (mode === 'disable') return mode
  if (found.get('sslaccept') === 'strict') return 'verify-full'
  // libpq: a root certificate makes `require` verify the chain.
  return mode === 'require' && found.has('sslrootcert') ? 'verify-ca' : mode
}

/**
 * Where and how to connect. Times in seconds; 0 means no limit.
 * `host` that starts with "/" is the directory of a Unix socket.
 */
function parse (url) {
  const match = FORM.exec(url)
  if (!match) throw refuse('The database URL must have the form postgresql://user:password@host:port/database.')
  const [, credentials = '', address, port, database = '', query] = match
  const found = parameters(query)
  const colon = credentials.indexOf(':')
  const [user, password] = colon < 0 ? [credentials, ''] : [credentials.slice(0, colon), credentials.slice(colon + 1)]
  const host = found.get('host') || decoded(address.replace(/^\[|\]$/g, ''), 'host') || 'localhost'
  if (/,/.test(host)) throw refuse('Several hosts in one database URL are not supported.')
  const number = Number(port || found.get('port') || 5432)
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw refuse('The port in the database URL is not a port.')
  return {
    host,
    port: number,
    user: decoded(user, 'user') || 'postgres',
    password: decoded(password, 'password'),
    database: decoded(database, 'database') || 'postgres',
    schema: found.get('schema') || 'public',
    connectionLimit: Math.trunc(seconds(found, 'connection_limit', os.cpus().length * 2 + 1)) || 1,
    poolTimeout: seconds(found, 'pool_timeout', 10),
    connectTimeout: seconds(found, 'connect_timeout', 5),
    socketTimeout: seconds(found, 'socket_timeout', 0),
    idleLifetime: seconds(found, 'max_idle_connection_lifetime', 300),
    lifetime: seconds(found, 'max_connection_lifetime', 0),
    applicationName: found.get('application_name') || 'query-engine',
    options: found.get('options') || '',
    pooler: found.get('pgbouncer') === 'true',
    tls: {
      mode: sslMode(found),
      rootCertificate: found.get('sslrootcert'),
      certificate: found.get('sslcert'),
      key: found.get('sslkey'),
      identity: found.get('sslidentity'),
      passphrase: found.get('sslpassword'),
    },
  }
}

module.exports = { parse }

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// What a database URL means; no database.
const { test } = require('node:test')
const assert = require('node:assert/strict')
const { lib } = require('./engine_files')
const { parse } = lib('connection_url')
const { whileConnecting, whileConnected } = lib('errors')

const some = (url, names) => Object.fromEntries(names.map(name => [name, parse(url)[name]]))

test('each part is decoded', () => {
  assert.deepEqual(some('postgresql://us%40er:p%3A%2F%3F%23%20%C3%BC@db.example:6543/my%20db?schema=s%201&application_name=gate',
    ['user', 'password', 'host', 'port', 'database', 'schema', 'applicationName']),
  { user: 'us@er', password: 'p:/?# ü', host: 'db.example', port: 6543, database: 'my db', schema: 's 1', applicationName: 'gate' })
})

test('what is left out has Prisma\'s default', () => {
  assert.deepEqual(some('postgres://u@h/d', ['password', 'port', 'schema', 'poolTimeout', 'connectTimeout', 'socketTimeout']),
    { password: '', port: 5432, schema: 'public', poolTimeout: 10, connectTimeout: 5, socketTimeout: 0 })
  assert.deepEqual(some('postgresql://', ['host', 'user', 'database']), { host: 'localhost', user: 'postgres', database: 'postgres' })
})

test('a socket\'s directory, an IPv6 address', () => {
  assert.equal(parse('postgresql://u:p@/d?host=/run/pg').host, '/run/pg')
  assert.equal(parse('postgresql://u:p@localhost/d?host=%2Frun%2Fpg').host, '/run/pg')
  assert.equal(parse('postgresql://u:p@%2Frun%2Fpg/d').host, '/run/pg')
  assert.deepEqual(some('postgresql://u:p@[::1]:5433/d', ['host', 'port']), { host: '::1', port: 5433 })
})

test('a colon in the password, none in the user', () => {
  assert.deepEqual(some('postgresql://u:a:b@h/d', ['user', 'password']), { user: 'u', password: 'a:b' })
})

test('limits and times', () => {
  assert.deepEqual(some('postgresql://h/d?connection_limit=7&pool_timeout=0&connect_timeout=3&socket_timeout=9&pgbouncer=true',
    ['connectionLimit', 'poolTimeout', 'connectTimeout', 'socketTimeout', 'pooler']),
  { connectionLimit: 7, poolTimeout: 0, connectTimeout: 3, socketTimeout: 9, pooler: true })
})

test('sslmode as in libpq, sslaccept as in Prisma', () => {
  const mode = query => parse(`postgresql://h/d?${query}`).tls.mode
  assert.deepEqual(['', 'sslmode=disable', 'sslmode=require', 'sslmode=verify-ca', 'sslmode=verify-full', 'sslmode=require&sslrootcert=ca.pem', 'sslmode=require&sslaccept=strict',
    'sslmode=require&sslaccept=accept_invalid_certs'].map(mode),
  ['prefer', 'disable', 'require', 'verify-ca', 'verify-full', 'verify-ca', 'verify-full', 'require'])
})

test('what can\'t be understood is refused, and the password is not repeated', () => {
  for (const url of ['mysql://u:hunter2@h/d', 'postgresql:/u:hunter2@h', 'postgresql://u:hunter2%@h/d', 'postgresql://u:hunter2@h:0/d', 'postgresql://u:hunter2@h:x/d',
    'postgresql://u:hunter2@h/d?sslmode=maybe', 'postgresql://u:hunter2@h/d?connection_limit=many', 'postgresql://u:hunter2@h/d?typo=1', 'postgresql://u:hunter2@h/d?host=a,b',
    'postgresql://u:hunter2#@h/d']) {
    assert.throws(() => parse(url), error => error.code === 'P1013' && !error.message.includes('hunter2'), url)
  }
})

test('each way to fail has Prisma\'s code', () => {
  const target = parse('postgresql://u:p@h/d')
  const server = (code, message = 'no') => Object.assign(new Error(message), { code, severity: 'FATAL' })
  const codes = errors => errors.map(error => whileConnecting(error, target).code)
  assert.deepEqual(codes([server('28P01'), server('28000'), server('3D000'), server('42501'), server('53300'), server('57P03')]), ['P1000', 'P1000', 'P1003', 'P1010', 'P2037', 'P1001'])
  assert.deepEqual(codes(['ECONNREFUSED', 'ENOTFOUND', 'ENOENT', 'ETIMEDOUT'].map(code => Object.assign(new Error(code), { code }))), ['P1001', 'P1001', 'P1001', 'P1001'])
  assert.deepEqual(codes([new Error('The server does not support SSL connections'), Object.assign(new Error('x'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), new Error('timeout expired')]),
    ['P1011', 'P1011', 'P1001'])
  assert.equal(whileConnected(new Error('Connection terminated unexpectedly'), target).code, 'P1017')
  assert.equal(whileConnected(server('23505'), target), null)
})

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Interactive transactions: their ends, their limits, and that no connection is left behind.
const { after, before, beforeEach, test } = require('node:test')
const assert = require('node:assert/strict')
const { readFixture } = require('./engine_files')
const { Postgres, skip, until } = require('./postgres')
const { QueryEngine } = require('./query_engine')

let postgres, engine

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('transactions', readFixture('schema.sql'))
  engine = await QueryEngine.start(postgres.url('transactions', 'connection_limit=2&pool_timeout=2'))
})
after(async () => {
  if (skip) return
  await QueryEngine.stopAll()
  await postgres.remove()
})
beforeEach(async () => {
  if (!skip) await postgres.sql('transactions', 'TRUNCATE "Thing"')
})

const create = (name, transaction) => engine.mutate(`createOneThing(data: {name: "${name}"}) { name }`, transaction)
const names = transaction => engine.query('findManyThing(orderBy: [{name: asc}]) { name }', transaction).then(rows => rows.map(row => row.name))
const expired = id => until(() => assert.rejects(names(id), { code: 'P2028' }))

test('a commit keeps what was written, and shows it to nobody before', { skip }, async () => {
  const id = await engine.begin()
  await create('a', id)
  assert.deepEqual(await names(id), ['a'])
  assert.deepEqual(await names(), [])
  assert.equal((await engine.end('commit', id)).status, 200)
  assert.deepEqual(await names(), ['a'])
})

test('a rollback keeps nothing', { skip }, async () => {
  const id = await engine.begin()
  await create('a', id)
  assert.equal((await engine.end('rollback', id)).status, 200)
  assert.deepEqual(await names(), [])
})

test('a transaction that lasts too long is rolled back, and says so', { skip }, async () => {
  const id = await engine.begin({ timeout: 150 })
  await create('a', id)
  await expired(id)
  // prisma-client-py reads the beginning of `error` and raises TransactionExpiredError.
  await assert.rejects(names(id), error => error.error.startsWith('Transaction already closed'))
  assert.equal((await engine.end('commit', id)).status, 422)
  assert.deepEqual(await names(), [])
})

test('an ended transaction and one that never was are P2028', { skip }, async () => {
  const id = await engine.begin()
  await engine.end('commit', id)
  await assert.rejects(names(id), { code: 'P2028', message: /already closed/ })
  await assert.rejects(names('nobody'), { code: 'P2028', message: /Transaction not found/ })
  assert.deepEqual([(await engine.end('commit', 'nobody')).status, (await engine.end('rollback', 'nobody')).status], [404, 404])
})

test('ended transactions are forgotten without a panic of the engine', { skip }, async () => {
  const first = await engine.begin()
  await engine.end('rollback', first)
  for (let index = 0; index < 120; index++) await engine.end('rollback', await engine.begin())
  await assert.rejects(names(first), { code: 'P2028', message: /Transaction not found/ })
  assert.deepEqual(await names(), [])
})

test('a full pool: max_wait for a transaction (P2028), pool_timeout for a query (P2024)', { skip }, async () => {
  const open = [await engine.begin(), await engine.begin()]
  await assert.rejects(engine.begin({ max_wait: 100 }), { status: 504, code: 'P2028', message: /Unable to start a transaction in the given time/ })
  await assert.rejects(names(), error => error.code === 'P2024' && error.meta.connection_limit === 2)
  for (const id of open) await engine.end('commit', id)
  assert.deepEqual(await names(), [])
})

test('many transactions wait their turn, and none keeps a connection', { skip }, async () => {
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const id = await engine.begin({ max_wait: 10000, timeout: 10000 })
    await create(`w${index}`, id)
    await engine.end(index % 2 ? 'commit' : 'rollback', id)
  }))
  assert.equal((await names()).length, 10)
  const open = [await engine.begin(), await engine.begin()] // both connections are free again
  for (const id of open) await engine.end('rollback', id)
})

test('a batch inside a transaction belongs to it', { skip }, async () => {
  const id = await engine.begin()
  const batch = ['a', 'b'].map(name => ({ query: `mutation { result: createOneThing(data: {name: "${name}"}) { name } }`, variables: {} }))
  assert.equal((await engine.request({ batch, transaction: true }, id)).batchResult.length, 2)
  await engine.end('rollback', id)
  assert.deepEqual(await names(), [])
})

test('after an error PostgreSQL refuses the rest of a transaction', { skip }, async () => {
  await create('a')
  const id = await engine.begin()
  await assert.rejects(create('a', id), { code: 'P2002' })
  await assert.rejects(create('b', id), { message: /current transaction is aborted/ })
  await engine.end('rollback', id)
  assert.deepEqual(await names(), ['a'])
})

test('isolation levels reach PostgreSQL; a conflict is P2034', { skip }, async () => {
  await create('a')
  const ids = [await engine.begin({ isolation_level: 'Serializable' }), await engine.begin({ isolation_level: 'Serializable' })]
  assert.deepEqual((await engine.sql('SHOW transaction_isolation', [], ids[0]))[0].transaction_isolation, ['string', 'serializable'])
  for (const id of ids) await engine.query('aggregateThing { _sum { spend } }', id)
  const write = id => engine.mutate('updateManyThing(where: {name: "a"}, data: {spend: {increment: 1}}) { count }', id)
  await write(ids[0])
  await engine.end('commit', ids[0])
  await assert.rejects(write(ids[1]), { code: 'P2034' })
  await engine.end('rollback', ids[1])
  await assert.rejects(engine.begin({ isolation_level: 'Nonsense' }), /Nonsense/)
})

test('a transaction whose connection dies ends with P1017 and gives its place back', { skip }, async () => {
  for (let round = 0; round < 3; round++) {
    const id = await engine.begin()
    const [{ pid }] = await engine.sql('SELECT pg_backend_pid() AS pid', [], id)
    await postgres.sql('transactions', `SELECT pg_terminate_backend(${pid[1]})`)
    await until(() => assert.rejects(names(id), { code: 'P1017' }))
    await engine.end('rollback', id)
  }
  assert.deepEqual(await names(), [])
})

test('a session that is not in UTC is an error, not a shifted time', { skip }, async () => {
  const id = await engine.begin()
  await engine.mutate('executeRaw(query: "SET LOCAL TIME ZONE \'Asia/Kolkata\'", parameters: "[]")', id)
  await assert.rejects(engine.sql("SELECT '2024-01-01T00:00:00Z'::timestamptz AS a", [], id), /not in UTC/)
  await engine.end('rollback', id)
  assert.deepEqual(await engine.sql("SELECT '2024-01-01T00:00:00Z'::timestamptz AS a, 'infinity'::timestamptz::text AS i"),
    [{ a: ['datetime', '2024-01-01T00:00:00+00:00'], i: ['string', 'infinity'] }])
})

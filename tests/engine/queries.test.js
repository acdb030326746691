// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The operations of Prisma's client, and raw SQL.
const { after, before, beforeEach, test } = require('node:test')
const assert = require('node:assert/strict')
const { readFixture } = require('./engine_files')
const { Postgres, skip } = require('./postgres')
const { QueryEngine } = require('./query_engine')

let postgres, engine

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('queries', readFixture('schema.sql'))
  engine = await QueryEngine.start(postgres.url('queries', 'connection_limit=5'))
})
after(async () => {
  if (skip) return
  await QueryEngine.stopAll()
  await postgres.remove()
})
beforeEach(async () => {
  if (!skip) await postgres.sql('queries', 'TRUNCATE "Thing", "Owner" RESTART IDENTITY')
})

const things = operation => engine.query(`findManyThing(${operation}) { name }`).then(rows => rows.map(row => row.name))
const numbered = count => engine.mutate(`createManyThing(data: [${Array.from({ length: count }, (_, index) =>
  `{name: "n${index + 1}", spend: ${index + 1}, role: ${index % 2 ? 'ADMIN' : 'USER'}}`)}]) { count }`)

test('createMany skips duplicates only when asked to', { skip }, async () => {
  await numbered(2)
  assert.deepEqual(await engine.mutate('createManyThing(data: [{name: "n1"}, {name: "new"}], skipDuplicates: true) { count }'), { count: 1 })
  await assert.rejects(engine.mutate('createManyThing(data: [{name: "n1"}, {name: "other"}]) { count }'), { code: 'P2002' })
  assert.deepEqual(await things('orderBy: [{id: asc}]'), ['n1', 'n2', 'new'])
})

test('a row that exists already is P2002 and names the field', { skip }, async () => {
  await numbered(1)
  await assert.rejects(engine.mutate('createOneThing(data: {name: "n1"}) { id }'), error => {
    assert.deepEqual([error.code, error.meta], ['P2002', { target: ['name'] }])
    return true
  })
  await engine.mutate('createOneOwner(data: {email: "a@x", a: 1}) { id }')
  await assert.rejects(engine.mutate('createOneOwner(data: {id: 1, email: "b@x"}) { id }'), error => error.meta.target.join() === 'id')
})

test('a foreign key that leads nowhere is P2003', { skip }, async () => {
  await assert.rejects(engine.mutate('createOneThing(data: {owner_id: 99}) { id }'), { code: 'P2003', message: /Thing_owner_id_fkey/ })
})

test('a row that is not there is P2025, or null, as the operation says', { skip }, async () => {
  await assert.rejects(engine.mutate('updateOneThing(where: {id: 9}, data: {spend: 1}) { id }'), { code: 'P2025' })
  await assert.rejects(engine.mutate('deleteOneThing(where: {id: 9}) { id }'), { code: 'P2025' })
  await assert.rejects(engine.query('findUniqueThingOrThrow(where: {id: 9}) { id }'), { code: 'P2025' })
  await assert.rejects(engine.query('findFirstThingOrThrow(where: {id: 9}) { id }'), { code: 'P2025' })
  assert.equal(await engine.query('findUniqueThing(where: {id: 9}) { id }'), null)
  assert.equal(await engine.query('findFirstThing(where: {id: 9}) { id }'), null)
  assert.deepEqual(await engine.mutate('deleteManyThing(where: {id: 9}) { count }'), { count: 0 })
})

test('upsert creates, then updates', { skip }, async () => {
  const upsert = () => engine.mutate('upsertOneThing(where: {name: "u"}, create: {name: "u", spend: 1, must: "{\\"a\\": 1}"}, ' +
    'update: {spend: {increment: 0.1}, must: "{\\"a\\": 2}"}) { id spend must }')
  const first = await upsert()
  assert.deepEqual([first.spend, JSON.parse(first.must)], [1, { a: 1 }])
  assert.deepEqual(await upsert(), { id: first.id, spend: 1.1, must: '{"a":2}' })
})

test('concurrent upserts of one row make one row', { skip }, async () => {
  const done = await Promise.allSettled(Array.from({ length: 30 }, () =>
    engine.mutate('upsertOneThing(where: {name: "race"}, create: {name: "race", spend: 1}, update: {spend: {increment: 1}}) { id }')))
  const lost = done.filter(result => result.status === 'rejected')
  assert.ok(lost.every(({ reason }) => reason.code === 'P2002')) // Prisma's: the client tries again
  assert.equal((await engine.query('findUniqueThing(where: {name: "race"}) { spend }')).spend, 30 - lost.length)
})

test('200 concurrent increments of a spend end at the exact sum', { skip }, async () => {
  await numbered(1)
  const amounts = Array.from({ length: 200 }, (_, index) => (index + 1) / 1024) // exact in binary: the order doesn't matter
  await Promise.all(amounts.map((amount, index) => index % 2
    ? engine.mutate(`updateManyThing(where: {name: "n1"}, data: {spend: {increment: ${amount}}}) { count }`)
    : engine.mutate(`executeRaw(query: "UPDATE \\"Thing\\" SET spend = spend + $1 WHERE name = $2" parameters: ${JSON.stringify(JSON.stringify([amount, 'n1']))})`)))
  const { spend } = await engine.query('findUniqueThing(where: {name: "n1"}) { spend }')
  assert.equal(spend, 1 + amounts.reduce((sum, amount) => sum + amount, 0))
})

test('updateMany: set, increment, decrement, multiply', { skip }, async () => {
  await numbered(3)
  const update = data => engine.mutate(`updateManyThing(where: {spend: {gte: 2}}, data: {${data}}) { count }`)
  assert.deepEqual(await update('spend: {multiply: 10}, big: {set: 5}'), { count: 2 })
  await update('spend: {decrement: 0.5}, big: {increment: 9007199254740990}')
  assert.deepEqual(await engine.query('findManyThing(where: {spend: {gte: 2}}, orderBy: [{id: asc}]) { spend big }'),
    [{ spend: 19.5, big: '9007199254740995' }, { spend: 29.5, big: '9007199254740995' }])
})

test('nested writes and what they include', { skip }, async () => {
  const owner = await engine.mutate(`createOneOwner(data: {email: "o@x", data: "{\\"k\\": [1]}", things: {create: [{name: "t1", spend: 1}, {name: "t2", must: "[1]"}]}}) {
    id data things(orderBy: [{name: desc}]) { name must } }`)
  assert.deepEqual(owner, { id: 1, data: '{"k":[1]}', things: [{ name: 't2', must: '[1]' }, { name: 't1', must: '{}' }] })
  await engine.mutate(`updateOneOwner(where: {id: 1}, data: {things: {
    connectOrCreate: [{where: {name: "t3"}, create: {name: "t3", may: "\\"x\\""}}], update: [{where: {name: "t1"}, data: {must: "{\\"n\\": 1}", spend: {increment: 1}}}],
    upsert: [{where: {name: "t4"}, create: {name: "t4", must: "4"}, update: {must: "5"}}], disconnect: [{name: "t2"}]}}) { id }`)
  const found = await engine.query(`findManyOwner(where: {things: {some: {must: {path: ["n"], equals: "1"}}}}, take: 5) {
    email things(where: {spend: {gte: 0}}, orderBy: [{name: asc}], take: 2, skip: 1) { name must owner { email } } }`)
  assert.deepEqual(found, [{ email: 'o@x', things: [{ name: 't3', must: '{}', owner: { email: 'o@x' } }, { name: 't4', must: '4', owner: { email: 'o@x' } }] }])
  assert.deepEqual(await things('where: {owner: {is: {data: {path: ["k"], array_contains: "[1]"}}}}, orderBy: [{name: asc}]'), ['t1', 't3', 't4'])
  assert.deepEqual(await things('where: {owner: null}'), ['t2'])
  await engine.mutate('updateOneThing(where: {name: "t1"}, data: {owner: {update: {data: "{\\"data\\": 2}", a: 7}}}) { id }')
  assert.deepEqual(await engine.query('findUniqueOwner(where: {a_email: {a: 7, email: "o@x"}}) { data }'), { data: '{"data":2}' })
})

test('order, take, skip, cursor and distinct', { skip }, async () => {
  await numbered(6)
  assert.deepEqual(await things('orderBy: [{role: desc}, {spend: asc}], take: 2, skip: 1'), ['n3', 'n5'])
  assert.deepEqual(await things('cursor: {name: "n3"}, orderBy: [{id: asc}], take: 2'), ['n3', 'n4'])
  assert.deepEqual(await things('cursor: {name: "n3"}, orderBy: [{id: asc}], take: 2, skip: 1'), ['n4', 'n5'])
  assert.deepEqual(await things('cursor: {name: "n3"}, orderBy: [{id: asc}], take: -2'), ['n2', 'n3'])
  assert.deepEqual(await things('distinct: [role], orderBy: [{id: asc}]'), ['n1', 'n2'])
})

test('filters', { skip }, async () => {
  await numbered(4)
  await engine.mutate('createOneThing(data: {name: "Other_%", at: "2024-05-01T00:00:00Z", must: "{\\"a\\": {\\"b\\": \\"text\\"}}"}) { id }')
  assert.deepEqual(await things('where: {AND: [{spend: {gt: 1}}, {NOT: {name: "n3"}}], OR: [{name: {startsWith: "n"}}]}, orderBy: [{id: asc}]'), ['n2', 'n4'])
  assert.deepEqual(await things('where: {name: {contains: "OTHER_%", mode: insensitive}}'), ['Other_%'])
  assert.deepEqual(await things('where: {name: {in: ["n1", "n2"], notIn: ["n2"]}}'), ['n1'])
  assert.deepEqual(await things('where: {name: {in: []}}'), [])
  assert.deepEqual(await things('where: {at: {gte: "2024-01-01T00:00:00.000000+00:00"}}'), ['Other_%'])
  assert.deepEqual(await things('where: {at: null, spend: {lte: 1}}'), ['n1'])
  assert.deepEqual(await things('where: {must: {path: ["a", "b"], string_contains: "ex"}}'), ['Other_%'])
  assert.deepEqual(await things('where: {must: {path: ["a"], equals: "{\\"b\\": \\"text\\"}"}}'), ['Other_%'])
})

test('count, aggregate and group', { skip }, async () => {
  await numbered(5)
  assert.deepEqual(await engine.query('aggregateThing(where: {spend: {gt: 1}}) { _count { _all small } _sum { spend big } _avg { spend } _min { name } _max { at } }'),
    { _count: { _all: 4, small: 0 }, _sum: { spend: 14, big: null }, _avg: { spend: 3.5 }, _min: { name: 'n2' }, _max: { at: null } })
  assert.deepEqual(await engine.query('groupByThing(by: ["role"], orderBy: [{role: "asc"}], having: {spend: {_sum: {gt: 6}}}) { role _count { _all } _sum { spend } }'),
    [{ role: 'USER', _count: { _all: 3 }, _sum: { spend: 9 } }])
})

test('raw SQL: parameters and results of each type', { skip }, async () => {
  const [row] = await engine.sql(`SELECT $1::text AS t, $2::int AS i, $3::bigint AS b, $4::float8 AS d, $5::numeric AS n, $6::bool AS l, $7::timestamptz AS z,
    $8::jsonb AS j, $9::text[] AS ta, $10::int[] AS ia, $11::uuid AS u, $12::text AS x, $13::date AS da, $14::timestamp AS ts`,
  ['a\'"$1 ü', 7, 2 ** 53 - 1, 0.1, 1.25, true, '2024-01-02T03:04:05.678+00:00', { a: ['ü', null] }, ['a,b', '"c"', null], [1, 2], '7b2d1f2e-0000-4000-8000-000000000001', null, '2024-01-02', '2024-01-02T03:04:05Z'])
  const list = (type, ...values) => ['array', values.map(value => value === null ? { prisma__type: 'null', prisma__value: null } : { prisma__type: type, prisma__value: value })]
  assert.deepEqual(row, {
    t: ['string', 'a\'"$1 ü'], i: ['int', 7], b: ['bigint', '9007199254740991'], d: ['double', 0.1], n: ['decimal', '1.25'], l: ['bool', true],
    z: ['datetime', '2024-01-02T03:04:05.678+00:00'], j: ['json', { a: ['ü', null] }], ta: list('string', 'a,b', '"c"', null), ia: list('int', 1, 2),
    u: ['uuid', '7b2d1f2e-0000-4000-8000-000000000001'], x: ['null', null], da: ['date', '2024-01-02'], ts: ['datetime', '2024-01-02T03:04:05+00:00'],
  })
})

test('raw SQL: types that only results have', { skip }, async () => {
  const [row] = await engine.sql(`SELECT 1.5::float4 AS f, '10:00:01'::time AS t, '\\x00ff'::bytea AS b, ARRAY[0.1, 0.30000000000000004]::float8[] AS fa, 'ADMIN'::"Role" AS e,
    ARRAY['USER', NULL]::"Role"[] AS ea, '1.2.3.4'::inet AS i, '1 day'::interval AS iv, count(*) AS c, 'x'::char AS ch, '2024-01-01T00:00:00+05'::timestamptz AS z FROM "Thing"`)
  const list = (type, ...values) => ['array', values.map(value => ({ prisma__type: value === null ? 'null' : type, prisma__value: value }))]
  assert.deepEqual(row, {
    f: ['float', 1.5], t: ['time', '10:00:01'], b: ['bytes', 'AP8='], fa: list('double', 0.1, 0.30000000000000004), e: ['enum', 'ADMIN'], ea: list('string', 'USER', null),
    i: ['string', '1.2.3.4'], iv: ['string', '1 day'], c: ['bigint', '0'], ch: ['string', 'x'], z: ['datetime', '2023-12-31T19:00:00+00:00'],
  })
})

test('raw SQL: an error is P2010 with PostgreSQL\'s own code', { skip }, async () => {
  await assert.rejects(engine.sql('SELECT * FROM nowhere'), error => error.code === 'P2010' && error.meta.code === '42P01' && /does not exist/.test(error.meta.message))
  await assert.rejects(engine.sql('SELECT 1; SELECT 2'), error => error.meta.code === '42601')
  await assert.rejects(engine.sql('SELECT $1::int', ['x']), error => error.meta.code === '22P02')
  await assert.rejects(engine.sql('SELECT 1', '[NaN]'), { code: 'P2009' })
  assert.equal(await engine.mutate('executeRaw(query: "DELETE FROM \\"Thing\\"", parameters: "[]")'), 0)
})

test('a batch is one transaction when it says so', { skip }, async () => {
  const create = name => ({ query: `mutation { result: createOneThing(data: {name: "${name}"}) { name } }`, variables: {} })
  const together = await engine.request({ batch: [create('a'), create('b')], transaction: true })
  assert.deepEqual(together.batchResult, [{ data: { result: { name: 'a' } } }, { data: { result: { name: 'b' } } }])
  const refused = await engine.request({ batch: [create('c'), create('a')], transaction: true })
  assert.deepEqual([refused.errors[0].user_facing_error.error_code, refused.errors[0].user_facing_error.batch_request_idx], ['P2002', 1])
  const apart = await engine.request({ batch: [create('d'), create('a')], transaction: false })
  assert.deepEqual(apart.batchResult.map(item => item.errors ? item.errors[0].user_facing_error.error_code : 'ok'), ['ok', 'P2002'])
  assert.deepEqual(await things('orderBy: [{name: asc}]'), ['a', 'b', 'd'])
})

test('a batch of queries is answered in order', { skip }, async () => {
  await numbered(5)
  const { batchResult } = await engine.request({ batch: [3, 1, 9].map(id => ({ query: `query { result: findUniqueThing(where: {id: ${id}}) { name } }` })), transaction: false })
  assert.deepEqual(batchResult.map(item => item.data.result), [{ name: 'n3' }, { name: 'n1' }, null])
})

test('what the schema does not know is refused by name', { skip }, async () => {
  await assert.rejects(engine.query('findManyThing { nope }'), error => error.meta.kind === 'UnknownSelectionField')
  await assert.rejects(engine.query('findManyThing(nope: 1) { id }'), error => error.meta.kind === 'UnknownArgument')
  await assert.rejects(engine.mutate('createOneThing(data: {nope: 1}) { id }'), { code: 'P2009' })
  await assert.rejects(engine.query('findUniqueThing { id }'), { code: 'P2012' })
  await assert.rejects(engine.query('findManyNothing { id }'), { message: 'Operation \'findManyNothing\' does not match any query.' })
  await assert.rejects(engine.query('deleteManyThing { count }'), { message: /does not match any query/ })
  const answer = await engine.request({ query: 'query { result: findManyThing { id } }', variables: { a: 1 } })
  assert.match(answer.errors[0].error, /Variables are not supported/)
})

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// What is stored is what comes back, bit by bit, and PostgreSQL agrees.
const { after, before, test } = require('node:test')
const assert = require('node:assert/strict')
const { readFixture } = require('./engine_files')
const { Postgres, skip } = require('./postgres')
const { QueryEngine } = require('./query_engine')

let postgres, engine

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('values', readFixture('schema.sql'))
  engine = await QueryEngine.start(postgres.url('values', 'connection_limit=2'))
})
after(async () => {
  if (skip) return
  await QueryEngine.stopAll()
  await postgres.remove()
})

const create = (data, selection = 'id') => engine.mutate(`createOneThing(data: {${data}}) { ${selection} }`)
const stored = (id, expression) => postgres.sql('values', `SELECT ${expression} AS value FROM "Thing" WHERE id = $1`, [id]).then(rows => rows[0].value)
const text = value => JSON.stringify(value)

const FLOATS = ['0.30000000000000004', '1e-10', '1.75e-07', '3.3333333333333335e-07', '0.00015000000000000001', '123456789.12345679',
  '1.7976931348623157e+308', '5e-324', '2.2250738585072014e-308', '-4.9999999999999996e-05', '9007199254740993', '0', '1']

for (const float of FLOATS) {
  test(`a float keeps its bits: ${float}`, { skip }, async () => {
    const { id, spend } = await create(`spend: ${float}`, 'id spend')
    assert.equal(spend, Number(float))
    assert.equal(Number(await stored(id, 'spend::text')), Number(float))
    assert.equal((await engine.query(`findUniqueThing(where: {id: ${id}}) { spend }`)).spend, Number(float))
    assert.equal((await engine.query(`aggregateThing(where: {id: ${id}}) { _sum { spend } }`))._sum.spend, Number(float))
    assert.equal((await engine.query(`findManyThing(where: {id: ${id}, spend: {equals: ${float}}}) { id }`)).length, 1)
    assert.deepEqual(await engine.sql('SELECT $1::float8 AS a, $1::float8 = spend AS b FROM "Thing" WHERE id = $2', `[${float}, ${id}]`),
      [{ a: ['double', Number(float)], b: ['bool', true] }])
  })
}

test('random floats keep their bits, one by one and added by PostgreSQL', { skip }, async () => {
  const floats = Array.from({ length: 200 }, () => Math.random() * 10 ** (Math.random() * 20 - 12))
  const { count } = await engine.mutate(`createManyThing(data: [${floats.map((float, index) => `{name: "r${index}", spend: ${float}}`)}]) { count }`)
  assert.equal(count, floats.length)
  const rows = await engine.query('findManyThing(where: {name: {startsWith: "r"}}, orderBy: [{id: "asc"}]) { spend }')
  assert.deepEqual(rows.map(row => row.spend), floats)
})

test('NaN and Infinity are refused, not stored', { skip }, async () => {
  for (const word of ['NaN', 'Infinity']) await assert.rejects(create(`spend: ${word}`), { code: 'P2009' })
  await assert.rejects(create('spend: -Infinity'), { code: 'P2009' })
  await assert.rejects(create('name: NaN'), { code: 'P2009' })
})

test('big integers keep their digits', { skip }, async () => {
  for (const big of ['9007199254740993', '-9223372036854775808', '9223372036854775807']) {
    const { id, big: answer } = await create(`big: ${big}`, 'id big')
    assert.equal(answer, big)
    assert.equal(await stored(id, 'big::text'), big)
    assert.deepEqual(await engine.sql('SELECT $1::bigint AS a', `[${big}]`), [{ a: ['bigint', big] }])
  }
  await assert.rejects(create('big: 9223372036854775808'), { code: 'P2033' })
  await assert.rejects(create('owner_id: 2147483648'), error => error.code !== 'P1001')
})

test('decimals keep their digits', { skip }, async () => {
  const { id, price } = await create('price: "12345678901234567890.123456789012345678"', 'id price')
  assert.equal(price, '12345678901234567890.123456789012345678')
  assert.equal(await stored(id, 'price::text'), '12345678901234567890.123456789012345678000000000000')
  assert.equal((await engine.query(`aggregateThing(where: {id: ${id}}) { _sum { price } }`))._sum.price, price)
})

test('times are UTC with milliseconds', { skip }, async () => {
  const { id, at } = await create('at: "2024-02-29T23:59:59.999000+02:00"', 'id at')
  assert.equal(at, '2024-02-29T21:59:59.999Z')
  assert.equal(await stored(id, 'at::text'), '2024-02-29 21:59:59.999')
  assert.equal((await create('at: "1969-12-31T23:59:59.001Z"', 'at')).at, '1969-12-31T23:59:59.001Z')
  await assert.rejects(create('at: "yesterday"'), { code: 'P2009' })
})

test('bytes come back as they were', { skip }, async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
  const { id, raw } = await create(`raw: "${bytes.toString('base64')}"`, 'id raw')
  assert.deepEqual(Buffer.from(raw, 'base64'), bytes)
  assert.deepEqual(await stored(id, 'raw'), bytes)
  assert.equal((await create('raw: ""', 'raw')).raw, '')
})

test('enums and lists of enums', { skip }, async () => {
  assert.deepEqual(await create('role: ADMIN, roles: ["ADMIN", "USER"]', 'role roles'), { role: 'ADMIN', roles: ['ADMIN', 'USER'] })
  assert.deepEqual(await create('roles: []', 'role roles'), { role: 'USER', roles: [] })
  await assert.rejects(create('role: "NOBODY"'), { code: 'P2009' })
})

test('lists of strings, with whatever is in them', { skip }, async () => {
  const tags = ['', 'a"b', "it's", 'c,d', '{e}', 'back\\slash', 'NULL', 'null', ' ', 'ü€😀', 'line\nbreak', '"', ',', '$1']
  const { id, tags: answer } = await create(`tags: ${text(tags)}`, 'id tags')
  assert.deepEqual(answer, tags)
  assert.deepEqual(await stored(id, 'tags'), tags)
  assert.deepEqual((await create('tags: []', 'tags')).tags, [])
  await engine.mutate(`updateOneThing(where: {id: ${id}}, data: {tags: {push: ["last"]}}) { id }`)
  assert.deepEqual(await stored(id, 'tags'), [...tags, 'last'])
  assert.equal((await engine.query('findManyThing(where: {tags: {has: "c,d"}}) { id }')).length, 1)
  assert.equal((await engine.query('findManyThing(where: {tags: {hasSome: ["{e}", "x"]}}) { id }')).length, 1)
})

test('strings, with whatever is in them', { skip }, async () => {
  for (const name of ['', 'a"b\\c\n\t', '😀', ' ', '\u0001', '{"$type":"Json","value":"x"}', '# no comment', '-- $1', '"""']) {
    assert.equal((await create(`name: ${text(name)}`, 'name')).name, name)
  }
  await assert.rejects(create('name: "a\\u0000b"'), error => error.code === undefined && /PostgresError \{ code: "22021"/.test(error.message))
})

const DOCUMENTS = [{}, [], null, true, 0, 'str', '{"a":1}', 'null', { a: { b: [1, 'ü😀', null, { c: '"' }] }, $type: 'Json', value: '1' }, [[[]]], ['a', 1]]
for (const document of DOCUMENTS) {
  test(`JSON comes back as it was: ${text(document)}`, { skip }, async () => {
    const { id, must, may, many } = await create(`must: ${text(text(document))}, may: ${text(text(document))}, many: [${text(text(document))}]`, 'id must may many')
    assert.deepEqual([must, may, ...many].map(value => JSON.parse(value)), [document, document, document])
    assert.deepEqual(await stored(id, 'must'), document)
    assert.deepEqual((await stored(id, 'jsonb_build_array(may)'))[0], document)
    assert.equal((await engine.query(`findManyThing(where: {id: ${id}, may: {equals: ${text(text(document))}}}) { id }`)).length, 1)
  })
}

test('null is refused for every Json field, as Prisma\'s native engine refuses it', { skip }, async () => {
  const refused = { message: /A value is required but not set/, code: 'P2009' }
  await assert.rejects(create('must: null'), refused)
  await assert.rejects(create('may: null'), refused)
  await assert.rejects(engine.mutate('createManyThing(data: [{name: "j1", must: null}]) { count }'), refused)
  await assert.rejects(engine.mutate('updateManyThing(where: {}, data: {must: null}) { count }'), refused)
  await assert.rejects(engine.mutate('upsertOneThing(where: {name: "j2"}, create: {name: "j2", must: null}, update: {}) { id }'), refused)
  await assert.rejects(engine.mutate('createOneOwner(data: {email: "j@x", things: {create: [{must: null}]}}) { id }'), refused)
  await assert.rejects(engine.query('findManyThing(where: {may: {not: null}}) { id }'), refused)
  assert.equal((await postgres.sql('values', "SELECT count(*)::int AS n FROM \"Thing\" WHERE must = 'null'"))[0].n, 1, 'only the null of a test above')
})

test('the two nulls of JSON are told apart when they are named', { skip }, async () => {
  const { id } = await create('name: "nulls", must: JsonNull, may: DbNull')
  assert.equal(await stored(id, 'may IS NULL'), true)
  assert.equal(await stored(id, "must = 'null'::jsonb"), true)
  assert.equal((await engine.query('findManyThing(where: {name: "nulls", may: {equals: DbNull}}) { id }')).length, 1)
  assert.equal((await engine.query('findManyThing(where: {name: "nulls", must: {equals: JsonNull}}) { id }')).length, 1)
  await assert.rejects(create('must: DbNull'), { code: 'P2009' })
})

test('text that is not JSON is refused for a Json field', { skip }, async () => {
  for (const value of ['"{"', '"hello"', '1', 'true', '{a: 1}']) await assert.rejects(create(`must: ${value}`), { code: 'P2009' })
})

test('null in every optional type', { skip }, async () => {
  const optional = ['name', 'small', 'big', 'price', 'at', 'raw', 'flag', 'owner_id']
  const row = await create(optional.map(field => `${field}: null`).join(', '), optional.join(' '))
  assert.deepEqual(Object.values(row), optional.map(() => null))
  assert.deepEqual(await create('tags: [], roles: []', 'tags roles may'), { tags: [], roles: [], may: null })
  await assert.rejects(create('role: null'), { message: /A value is required but not set/ })
  await assert.rejects(engine.query('findUniqueThing(where: {id: null}) { id }'), { message: /A value is required but not set/ })
})

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// GraphQL in, Prisma's JSON protocol out; no database.
const { test } = require('node:test')
const assert = require('node:assert/strict')
const { lib, readFixture } = require('./engine_files')
const { parse } = lib('graphql')
const { translate } = lib('translate')
const { fieldsOf } = lib('datamodel')

const models = fieldsOf(readFixture('schema.prisma'))
const protocol = document => JSON.parse(translate(document, models).query)
const given = document => protocol(document).query.arguments
const json = value => ({ $type: 'Json', value })

test('a schema is read into fields, with their types and lists', () => {
  assert.deepEqual({ ...models.Owner }, {
    id: { type: 'Int', list: false }, email: { type: 'String', list: false }, data: { type: 'Json', list: false },
    a: { type: 'Int', list: false }, b: { type: 'Int', list: false }, things: { type: 'Thing', list: true },
  })
})

test('a document as prisma-client-py writes it', () => {
  const document = `query {
  result: findManyThing
  (
    take: 5
    where: {
      name: "a\\"b\\u00fc"
      spend: {
        gte: 1.50
      }
    }
    orderBy: [
      {
        id: "desc"
      },
    ]
  )
  {
    id
    owner(
      where: {
        data: {
          equals: "{\\"a\\": 1}"
        }
      }
    )
    {
      email
    }
  }
}`
  const translated = translate(document, models)
  assert.deepEqual([translated.action, translated.model, translated.alias], ['findMany', 'Thing', 'result'])
  assert.deepEqual(JSON.parse(translated.query), {
    modelName: 'Thing',
    action: 'findMany',
    query: {
      arguments: { take: 5, where: { name: 'a"bü', spend: { gte: { $type: 'Decimal', value: '1.50' } } }, orderBy: [{ id: 'desc' }] },
      selection: {
        id: true,
        owner: { arguments: { where: { data: { equals: json('{"a": 1}') } } }, selection: { email: true } },
      },
    },
  })
})

test('commas, comments and the byte order mark are white space', () => {
  assert.deepEqual(parse('\uFEFF{ # "comment" {\n,findManyThing,{,id,,}}'), parse('query{findManyThing{id}}'))
})

const REFUSED = {
  'a subscription': 'subscription { findManyThing { id } }',
  'an operation\'s name': 'query Name { findManyThing { id } }',
  'variables': 'query ($a: Int) { findManyThing(take: $a) { id } }',
  'a variable': 'query { findManyThing(take: $a) { id } }',
  'a fragment': 'query { findManyThing { ...thing } }',
  'an inline fragment': 'query { findManyThing { ... on Thing { id } } }',
  'a fragment\'s definition': 'query { findManyThing { id } } fragment thing on Thing { id }',
  'a directive': 'query { findManyThing @skip(if: true) { id } }',
  'a directive of a field': 'query { findManyThing { id @include(if: true) } }',
  'two fields': 'query { a: findManyThing { id } b: findManyThing { id } }',
  'two operations': 'query { findManyThing { id } } query { findManyThing { id } }',
  'a block string': 'mutation { createOneThing(data: {name: """x"""}) { id } }',
  'a string over two lines': 'mutation { createOneThing(data: {name: "x\ny"}) { id } }',
  'an unknown escape': 'mutation { createOneThing(data: {name: "\\x41"}) { id } }',
  'an open string': 'mutation { createOneThing(data: {name: "x',
  'an argument twice': 'query { findManyThing(take: 1, take: 2) { id } }',
  'a number with a letter': 'query { findManyThing(take: 1x) { id } }',
  'a leading zero': 'query { findManyThing(take: 01) { id } }',
  'an empty selection': 'query { findManyThing { } }',
  'an empty document': '',
  'an alias below': 'query { findManyThing { other: id } }',
  'a query as a mutation': 'mutation { findManyThing { id } }',
  'a mutation as a query': 'query { deleteManyThing { count } }',
  'an unknown operation': 'query { countThing { _all } }',
  'an unknown model': 'query { findManyNothing { id } }',
  'raw SQL as a query': 'query { queryRaw(query: "SELECT 1", parameters: "[]") }',
  'raw SQL with another argument': 'mutation { queryRaw(query: "SELECT 1", parameters: "[]", more: 1) }',
  'parameters that are no list': 'mutation { queryRaw(query: "SELECT 1", parameters: "{}") }',
}
for (const [what, document] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => translate(document, models), error => /^P20(09|12)$/.test(error.code) && error.message.length < 200)
  })
}

test('a selection twice is one, unless it differs', () => {
  assert.deepEqual(protocol('query { findManyThing { id id } }').query.selection, { id: true })
  assert.throws(() => protocol('query { findManyOwner { things { id } things { name } } }'), /selected twice/)
})

test('numbers keep their text', () => {
  assert.match(translate('mutation { createOneThing(data: {big: 9007199254740993, spend: 0.30000000000000004, small: 1e-10}) { id } }', models).query,
    /"big":9007199254740993,"spend":\{"\$type":"Decimal","value":"0.30000000000000004"\},"small":\{"\$type":"Decimal","value":"1e-10"\}/)
  assert.throws(() => given('mutation { createOneThing(data: {big: 9223372036854775808}) { id } }'), { code: 'P2033' })
})

test('bare words are enum values, never strings', () => {
  assert.deepEqual(given('query { findManyThing(orderBy: {id: desc}, where: {role: ADMIN}) { id } }'),
    { orderBy: { id: { $type: 'Enum', value: 'desc' } }, where: { role: { $type: 'Enum', value: 'ADMIN' } } })
})

const JSON_PLACES = {
  'createOneThing(data: {must: "1"}) { id }': { data: { must: json('1') } },
  'createOneThing(data: {many: ["1", "{}"]}) { id }': { data: { many: [json('1'), json('{}')] } },
  'updateOneThing(where: {id: 1}, data: {many: {push: ["1"]}, must: "2"}) { id }': { where: { id: 1 }, data: { many: { push: [json('1')] }, must: json('2') } },
  'createManyThing(data: [{must: "1"}, {name: "1"}]) { count }': { data: [{ must: json('1') }, { name: '1' }] },
  'upsertOneThing(where: {id: 1}, create: {may: "1"}, update: {may: "2"}) { id }': { where: { id: 1 }, create: { may: json('1') }, update: { may: json('2') } },
  'createOneOwner(data: {things: {create: {must: "1"}, connect: {name: "1"}}}) { id }': { data: { things: { create: { must: json('1') }, connect: { name: '1' } } } },
  'updateOneOwner(where: {id: 1}, data: {things: {updateMany: [{where: {may: {equals: "1"}}, data: {may: "2"}}]}}) { id }':
    { where: { id: 1 }, data: { things: { updateMany: [{ where: { may: { equals: json('1') } }, data: { may: json('2') } }] } } },
  'updateOneThing(where: {id: 1}, data: {owner: {update: {data: "1"}}}) { id }': { where: { id: 1 }, data: { owner: { update: { data: json('1') } } } },
  'updateOneThing(where: {id: 1}, data: {owner: {update: {data: {data: "1"}}}}) { id }': { where: { id: 1 }, data: { owner: { update: { data: { data: json('1') } } } } },
  'updateOneThing(where: {id: 1}, data: {may: DbNull}) { id }': { where: { id: 1 }, data: { may: { $type: 'Enum', value: 'DbNull' } } },
}
for (const [operation, expected] of Object.entries(JSON_PLACES)) {
  test(`JSON is found: ${operation}`, () => assert.deepEqual(given(`mutation { ${operation} }`), expected))
}

test('a filter of a Json field has JSON and plain values', () => {
  assert.deepEqual(given('query { findManyThing(where: {OR: [{must: {path: ["1"], array_contains: "[1]"}}, {NOT: {owner: {data: {string_contains: "1", not: "2"}}}}]}) { id } }'),
    { where: { OR: [{ must: { path: ['1'], array_contains: json('[1]') } }, { NOT: { owner: { data: { string_contains: '1', not: json('2') } } } }] } })
})

test('compound keys and fields that nobody knows are left to the engine', () => {
  assert.deepEqual(given('query { findUniqueOwner(where: {a_email: {a: 1, email: "{}"}, nothing: "{"}) { id } }'),
    { where: { a_email: { a: 1, email: '{}' }, nothing: '{' } })
})

test('raw parameters keep their digits', () => {
  const [a, ...rest] = JSON.parse(given('mutation { queryRaw(query: "SELECT 1", parameters: "[0.30000000000000004, 1, \\"0.1\\", [1e-7], {\\"a\\": \\"2.5\\"}, null]") }').parameters)
  assert.deepEqual([a, ...rest], [{ prisma__type: 'decimal', prisma__value: '0.30000000000000004' }, 1, '0.1', [{ prisma__type: 'decimal', prisma__value: '1e-7' }], { a: '2.5' }, null])
  assert.match(given('mutation { queryRaw(query: "SELECT 1", parameters: "[9007199254740993]") }').parameters, /"bigint","prisma__value":"9007199254740993"/)
})

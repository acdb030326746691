// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Enums, and lists of them, in the results of raw SQL: their oids differ from database to database.
const { LIST, TYPE } = require('./column_types')
const { load } = require('./node_modules')
const { parse: parseArray } = load('postgres-array')

const FIRST_OWN_OID = 16384 // PostgreSQL: FirstNormalObjectId
const LOOK_UP = `SELECT oid::int, typtype = 'e' AS enum, typcategory = 'A' AS list FROM pg_type WHERE oid = ANY ($1)`

const known = new Map() // oid -> {enum, list}; types that a migration drops take their oids with them

/** Sets the types of such columns in `columnTypes` and splits lists in `result.rows`; `ask(sql, values)` queries. */
async function readOwnTypes (result, columnTypes, ask) {
  const oids = result.fields.map(field => field.dataTypeID)
  const unknown = oids.filter(oid => oid >= FIRST_OWN_OID && !known.has(oid))
  if (unknown.length > 0) {
    for (const { oid, ...type } of (await ask(LOOK_UP, [unknown])).rows) known.set(oid, type)
  }
  oids.forEach((oid, column) => {
    const type = known.get(oid)
    if (type && type.enum) columnTypes[column] = TYPE.Enum
    if (!type || !type.list) return
    columnTypes[column] = LIST + TYPE.Text
    for (const row of result.rows) if (row[column] !== null) row[column] = parseArray(row[column])
  })
}

module.exports = { readOwnTypes }

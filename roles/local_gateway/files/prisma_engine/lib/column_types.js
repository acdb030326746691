// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// PostgreSQL's types for the engine: which ColumnType an oid is, and how its text is read.
const { load } = require('./node_modules')
const { parse: parseArray } = load('postgres-array')

// @prisma/driver-adapter-utils 5.17, ColumnTypeEnum; a list's type is its element's + 64.
const TYPE = {
  Int32: 0, Int64: 1, Float: 2, Double: 3, Numeric: 4, Boolean: 5, Character: 6, Text: 7, Date: 8, Time: 9,
  DateTime: 10, Json: 11, Enum: 12, Bytes: 13, Uuid: 15,
}
const LIST = 64
const FLOAT4 = 700
const FLOAT8 = 701

const SCALAR = {
  16: TYPE.Boolean, 17: TYPE.Bytes, 18: TYPE.Character, 19: TYPE.Text, 20: TYPE.Int64, 21: TYPE.Int32, 23: TYPE.Int32, 25: TYPE.Text,
  26: TYPE.Int64, 114: TYPE.Json, 142: TYPE.Text, 650: TYPE.Text, [FLOAT4]: TYPE.Float, [FLOAT8]: TYPE.Double, 705: TYPE.Text,
  790: TYPE.Numeric, 829: TYPE.Text, 869: TYPE.Text, 1042: TYPE.Text, 1043: TYPE.Text, 1082: TYPE.Date, 1083: TYPE.Time,
  1114: TYPE.DateTime, 1184: TYPE.DateTime, 1186: TYPE.Text, 1266: TYPE.Time, 1560: TYPE.Text, 1562: TYPE.Text,
  1700: TYPE.Numeric, 2950: TYPE.Uuid, 3802: TYPE.Json,
}

const ELEMENT = { // oid of the array -> oid of its element
  143: 142, 199: 114, 651: 650, 791: 790, 1000: 16, 1001: 17, 1002: 18, 1003: 19, 1005: 21, 1007: 23, 1009: 25, 1014: 1042,
  1015: 1043, 1016: 20, 1021: FLOAT4, 1022: FLOAT8, 1028: 26, 1041: 869, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184,
  1231: 1700, 1270: 1266, 1561: 1560, 1563: 1562, 2951: 2950, 3807: 3802,
}

const same = text => text

/** A time in UTC without its "+00". Sessions are in UTC; one that isn't (a pooler's) must not shift times silently. */
function withoutZone (text) {
  if (!/[+-]\d/.test(text.slice(10))) return text // infinity
  if (!text.endsWith('+00')) throw new Error('The database session is not in UTC: set its TimeZone.')
  return text.slice(0, -3)
}

const READ = {
  16: text => text === 't',
  17: text => Array.from(Buffer.from(text.slice(2), 'hex')), // bytea_output = hex
  21: Number,
  23: Number,
  [FLOAT4]: Number,
  [FLOAT8]: Number,
  790: text => text.replace(/[$,]/g, ''),
  1184: withoutZone,
  1266: text => withoutZone(`0000-00-00 ${text}`).slice(11),
}

/**
 * How to read one result. The engine takes a float64 through a decimal of 16 digits, so floats are handed over as
 * decimals of their shortest exact text; `asFloats` (raw SQL) keeps numbers, which the engine passes on untouched.
 */
function reading (asFloats) {
  const read = oid => (!asFloats && (oid === FLOAT4 || oid === FLOAT8)) ? same : READ[oid] || same
  const type = oid => (!asFloats && (oid === FLOAT4 || oid === FLOAT8)) ? TYPE.Numeric : SCALAR[oid]
  return {
    /** node-postgres's `types`. */
    types: {
      getTypeParser: oid => {
        if (ELEMENT[oid] === undefined) return read(oid)
        const element = read(ELEMENT[oid])
        return text => parseArray(text, element)
      },
    },
    /** Enums, intervals, regclass and other types unknown here travel as text. */
    columnType: oid => type(oid) ?? (ELEMENT[oid] === undefined ? TYPE.Text : LIST + type(ELEMENT[oid])),
  }
}

const [forModels, forRawSql] = [reading(false), reading(true)]

module.exports = { LIST, TYPE, forModels, forRawSql }

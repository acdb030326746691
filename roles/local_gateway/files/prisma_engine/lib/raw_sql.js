// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// queryRaw and executeRaw. The engine would read a parameter's float with 16 digits; as a decimal it keeps
// all 17. It also can't tell the adapter which SQL is a user's, so such SQL carries a mark that the adapter takes off.
const { UserFacingError } = require('./errors')

const MARK = '/*raw*/'
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/g

const decimal = text => `{"prisma__type":"decimal","prisma__value":"${text}"}`
const bigint = text => `{"prisma__type":"bigint","prisma__value":"${text}"}`

function exactNumber (text) {
  if (text[0] === '"') return text
  if (/[.eE]/.test(text)) return decimal(text)
  return Number.isSafeInteger(Number(text)) ? text : BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? bigint(text) : decimal(text)
}

/** The JSON text of the parameters, every number exact. */
function exactParameters (text) {
  let list
  try {
    list = JSON.parse(text)
  } catch (error) {
    throw new UserFacingError('P2009', 'The parameters of a raw query are not JSON (NaN and Infinity are not).')
  }
  if (!Array.isArray(list)) throw new UserFacingError('P2009', 'The parameters of a raw query must be a list.')
  return text.replace(STRING_OR_NUMBER, exactNumber)
}

/** Arguments of the JSON protocol from a field `queryRaw(query: "...", parameters: "[...]")`. */
function rawArguments (given) {
  const found = {}
  for (const [name, value] of given) {
    if ((name !== 'query' && name !== 'parameters') || value.kind !== 'string') {
      throw new UserFacingError('P2009', `A raw query has no argument \`${name}\` of that type.`)
    }
    found[name] = JSON.parse(value.text)
  }
  if (found.query === undefined) throw new UserFacingError('P2012', 'Missing a required value at `query`')
  return { query: MARK + found.query, parameters: exactParameters(found.parameters ?? '[]') }
}

// prisma-client-py 0.11 reads the rows of Prisma 5.4: [{column: {prisma__type, prisma__value}}].
function typed (type, value) {
  if (value === null || value === undefined) return { prisma__type: 'null', prisma__value: null }
  if (type.endsWith('-array')) {
    const element = type.slice(0, -'-array'.length)
    return { prisma__type: 'array', prisma__value: value.map(item => typed(element, item)) }
  }
  return { prisma__type: type, prisma__value: value }
}

/** The engine's {columns, types, rows} in the form that the client reads. */
function rawRows ({ columns, types, rows }) {
  return rows.map(row => Object.fromEntries(row.map((value, index) => [columns[index], typed(types[index], value)])))
}

module.exports = { MARK, rawArguments, rawRows }

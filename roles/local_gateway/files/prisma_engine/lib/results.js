// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Replies of the JSON protocol as GraphQL replies.
const { rawRows } = require('./raw_sql')

// {$type: 'Json' | 'BigInt' | ..., value} is the value. A user's own JSON arrives as text, so no "$type" of theirs is met.
function unwrapped (value) {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = unwrapped(value[index])
    return value
  }
  if (typeof value.$type === 'string') return value.value
  for (const key in value) value[key] = unwrapped(value[key])
  return value
}

/** The reply to one operation: {data: {[alias]: ...}}. */
function reply ({ action, alias }, { data }) {
  const value = data[Object.keys(data)[0]]
  return { data: { [alias]: action === 'queryRaw' ? rawRows(value) : unwrapped(value) } }
}

module.exports = { reply }

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// GraphQL documents into Prisma's JSON protocol. Most values look the same in both; what differs needs the schema:
//   - a Json field's value is JSON text in GraphQL; the protocol would take that text for a JSON string;
//   - GraphQL's null is refused for every Json field, also an optional one (DbNull or JsonNull must be said);
//     the protocol would silently store JSON's null;
//   - a float must travel as a decimal: read as a JSON number it loses its 17th digit.
// A "place" tells what a value is: {is: 'where' | 'data' | ..., model}.
const { parse } = require('./graphql')
const { operation } = require('./operations')
const { rawArguments } = require('./raw_sql')
const { UserFacingError } = require('./errors')

const PLAIN = { is: 'plain' }
const JSON_VALUE = { is: 'json' }
const JSON_FILTER = { is: 'jsonFilter' }
const JSON_FILTER_VALUES = new Set(['equals', 'not', 'array_contains', 'array_starts_with', 'array_ends_with', 'lt', 'lte', 'gt', 'gte',
  'has', 'hasEvery', 'hasSome'])
const JSON_LIST_WRITES = new Set(['set', 'push'])

const ARGUMENTS = { where: 'where', having: 'where', cursor: 'where', data: 'data', create: 'data', update: 'data' }
const RELATION_FILTERS = new Set(['some', 'every', 'none', 'is', 'isNot'])
const RELATION_WRITES = {
  create: 'data', connect: 'where', disconnect: 'where', set: 'where', delete: 'where', deleteMany: 'where',
  connectOrCreate: 'arguments', createMany: 'arguments', updateMany: 'arguments', upsert: 'arguments', update: 'relationUpdate',
}

class Translation {
  constructor (models) {
    this.models = models
  }

  /** What the value under `name` is. */
  under (place, name, value) {
    const { is, model } = place
    switch (is) {
      case 'arguments': return ARGUMENTS[name] ? { is: ARGUMENTS[name], model } : PLAIN
      case 'where': return name === 'AND' || name === 'OR' || name === 'NOT' ? place : this.field(place, name)
      case 'data': return this.field(place, name)
      case 'relationFilter': return RELATION_FILTERS.has(name) ? { is: 'where', model } : this.field({ is: 'where', model }, name)
      case 'relationWrite': return RELATION_WRITES[name] ? { is: RELATION_WRITES[name], model } : PLAIN
      case 'relationUpdate': // {where, data}, or the data itself; an object is never a Json field's value
        return (name === 'data' || name === 'where') && value.kind === 'object' ? { is: name, model } : this.field({ is: 'data', model }, name)
      case 'jsonFilter': return JSON_FILTER_VALUES.has(name) ? JSON_VALUE : PLAIN
      case 'jsonList': return JSON_LIST_WRITES.has(name) ? JSON_VALUE : PLAIN
      default: return PLAIN
    }
  }

  field ({ is, model }, name) {
    const field = (this.models[model] || {})[name]
    if (!field) return PLAIN // an unknown field (the engine refuses it), or a compound key
    if (field.type === 'Json') return is === 'where' ? JSON_FILTER : field.list ? { is: 'jsonList' } : JSON_VALUE
    if (!this.models[field.type]) return PLAIN
    return { is: is === 'where' ? 'relationFilter' : 'relationWrite', model: field.type }
  }

  value (value, place, path) {
    switch (value.kind) {
      case 'object':
        if (place.is === 'json') throw mismatch(path, 'an object')
        return this.object(value.members, place, path)
      case 'list': {
        const element = place.is === 'jsonList' ? JSON_VALUE : place
        return `[${value.items.map(item => this.value(item, element, path)).join(',')}]`
      }
      case 'name': return `{"$type":"Enum","value":"${value.name}"}`
      case 'string': return place.is === 'json' ? jsonText(value.text, path) : value.text
      default: break
    }
    if (place.is === 'json') throw value.text === 'null' ? notSet(path) : mismatch(path, `the ${value.kind} ${value.text}`)
    return value.kind === 'number' ? number(value.text) : value.text
  }

  object (members, place, path) {
    return `{${members.map(([name, value]) =>
      `"${name}":${this.value(value, this.under(place, name, value), [...path, name])}`).join(',')}}`
  }

  selection (fields, model) {
    const found = new Map()
    for (const field of fields) {
      if (field.alias !== field.name) throw new UserFacingError('P2009', `The alias \`${field.alias}\` of a nested field is not supported.`)
      const target = ((this.models[model] || {})[field.name] || {}).type
      const text = this.nested(field, this.models[target] ? target : undefined)
      if (found.has(field.name) && found.get(field.name) !== text) {
        throw new UserFacingError('P2009', `The field \`${field.name}\` is selected twice, in different ways.`)
      }
      found.set(field.name, text)
    }
    return `{${Array.from(found, ([name, text]) => `"${name}":${text}`).join(',')}}`
  }

  nested (field, model) {
    if (field.selection === null && field.arguments.length === 0) return 'true'
    return `{"arguments":${this.object(field.arguments, { is: 'arguments', model }, [])},"selection":${this.selection(field.selection || [], model)}}`
  }
}

function number (text) {
  if (/[.eE]/.test(text)) return `{"$type":"Decimal","value":"${text}"}`
  const integer = BigInt(text)
  if (BigInt.asIntN(64, integer) === integer) return text
  throw new UserFacingError('P2033', 'A number used in the query does not fit into a 64 bit signed integer. ' +
    'Consider using `BigInt` as field type if you\'re trying to store large integers.', { details: text })
}

function jsonText (text, path) {
  try {
    JSON.parse(JSON.parse(text))
  } catch (error) {
    throw invalid(`Invalid argument value. \`${path.join('.')}\` is not a valid \`JSON String\`.`, 'InvalidArgumentValue', path)
  }
  return `{"$type":"Json","value":${text}}`
}

const invalid = (message, kind, path) => new UserFacingError('P2009', message, { kind, argumentPath: path, selectionPath: [] })
const union = reason => `Unable to match input value to any allowed input type for the field. Parse errors: [${reason}, ${reason}]`
// The client reads "A value is required but not set" and raises MissingRequiredValueError, as with the native engine.
const notSet = path => invalid(union(`\`${path.join('.')}\`: A value is required but not set`), 'RequiredArgumentMissing', path)
const mismatch = (path, found) => invalid(union(`Invalid argument type. \`${path.join('.')}\` should be JSON text, not ${found}`), 'InvalidArgumentType', path)

/** One document -> {query: text of the JSON protocol, action, model, alias}. */
function translate (text, models) {
  const { operation: kind, field } = parse(text)
  const { action, model } = operation(kind, field.name, models)
  if (model === null) {
    if (field.selection) throw new UserFacingError('P2009', 'A raw query has no selection.')
    const query = JSON.stringify({ action, query: { arguments: rawArguments(field.arguments), selection: {} } })
    return { query, action, model, alias: field.alias }
  }
  const translation = new Translation(models)
  const given = translation.object(field.arguments, { is: 'arguments', model }, [])
  const selection = translation.selection(field.selection || [], model)
  const query = `{"modelName":"${model}","action":"${action}","query":{"arguments":${given},"selection":${selection}}}`
  return { query, action, model, alias: field.alias }
}

module.exports = { translate }

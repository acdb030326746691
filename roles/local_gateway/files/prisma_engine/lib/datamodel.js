// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// What the translation needs to know of schema.prisma: each model's fields, and where the database is.
const fs = require('node:fs')
const { UserFacingError } = require('./errors')

const MODEL = /^[ \t]*model\s+(\w+)\s*\{([\s\S]*?)^[ \t]*\}/gm
const FIELD = /^[ \t]*([A-Za-z]\w*)[ \t]+(\w+)(\[\])?/
const DATASOURCE = /^[ \t]*datasource\s+\w+\s*\{([^}]*)\}/m

/** {Model: {field: {type, list}}}, without prototypes: a field may be called `constructor`. */
function fieldsOf (schema) {
  const models = Object.create(null)
  for (const [, name, body] of schema.matchAll(MODEL)) {
    const fields = models[name] = Object.create(null)
    for (const line of body.split('\n')) {
      const match = FIELD.exec(line)
      if (match) fields[match[1]] = { type: match[2], list: match[3] !== undefined }
    }
  }
  return models
}

function setting (schema, name) {
  const block = DATASOURCE.exec(schema)
  const match = block && new RegExp(`^\\s*${name}\\s*=\\s*(?:env\\(\\s*"([^"]+)"\\s*\\)|"([^"]+)")`, 'm').exec(block[1])
  if (!match) return undefined
  if (match[2]) return match[2]
  const value = process.env[match[1]]
  if (!value) throw new UserFacingError('P1012', `Environment variable not found: ${match[1]}.`)
  return value
}

/** The database's URL as the schema names it; migrations prefer `directUrl`. */
function databaseUrl (schema, { direct = false } = {}) {
  const url = (direct && setting(schema, 'directUrl')) || setting(schema, 'url')
  if (!url) throw new UserFacingError('P1012', 'The Prisma schema has no datasource with a url.')
  return url
}

/** The schema that prisma-client-py hands to the engine, as a file or as text (perhaps in base64). */
function clientSchema (environment = process.env) {
  if (environment.PRISMA_DML_PATH) return fs.readFileSync(environment.PRISMA_DML_PATH, 'utf8')
  const text = environment.PRISMA_DML
  if (!text) throw new UserFacingError('P1012', 'Neither PRISMA_DML_PATH nor PRISMA_DML is set.')
  return /\bdatasource\s/.test(text) ? text : Buffer.from(text, 'base64').toString('utf8')
}

/** The URL that a client sets instead of the schema's: OVERWRITE_DATASOURCES, [{name, url}], perhaps in base64. */
function overriddenUrl (environment = process.env) {
  const text = environment.OVERWRITE_DATASOURCES
  if (!text) return undefined
  const list = JSON.parse(text.trim().startsWith('[') ? text : Buffer.from(text, 'base64').toString('utf8'))
  return list.map(source => source.url).find(Boolean)
}

module.exports = { clientSchema, databaseUrl, fieldsOf, overriddenUrl }

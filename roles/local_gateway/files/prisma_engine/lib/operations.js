// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// GraphQL's names of operations, as <prefix><Model><suffix>, and the JSON protocol's actions.
const { UserFacingError } = require('./errors')

const OPERATIONS = [
  // longest first: findUniqueUserOrThrow is not findUnique of a model "UserOrThrow"
  ['query', 'findUnique', 'OrThrow', 'findUniqueOrThrow'],
  ['query', 'findFirst', 'OrThrow', 'findFirstOrThrow'],
  ['query', 'findUnique', '', 'findUnique'],
  ['query', 'findFirst', '', 'findFirst'],
  ['query', 'findMany', '', 'findMany'],
  ['query', 'aggregate', '', 'aggregate'],
  ['query', 'groupBy', '', 'groupBy'],
  ['mutation', 'createOne', '', 'createOne'],
  ['mutation', 'createMany', '', 'createMany'],
  ['mutation', 'updateOne', '', 'updateOne'],
  ['mutation', 'updateMany', '', 'updateMany'],
  ['mutation', 'upsertOne', '', 'upsertOne'],
  ['mutation', 'deleteOne', '', 'deleteOne'],
  ['mutation', 'deleteMany', '', 'deleteMany'],
]

/** {action, model}; model is null for raw SQL. Models come from the schema, so no name is guessed. */
function operation (kind, name, models) {
  if (name === 'queryRaw' || name === 'executeRaw') {
    if (kind === 'mutation') return { action: name, model: null }
  } else {
    for (const [wanted, prefix, suffix, action] of OPERATIONS) {
      if (wanted !== kind || !name.startsWith(prefix) || !name.endsWith(suffix)) continue
      const model = name.slice(prefix.length, name.length - suffix.length)
      if (models[model]) return { action, model }
    }
  }
  throw new UserFacingError('P2009', `Operation '${name}' does not match any ${kind}.`)
}

module.exports = { operation }

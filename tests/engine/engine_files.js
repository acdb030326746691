// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Where the engine under test, its npm packages and the fixtures are.
const fs = require('node:fs')
const path = require('node:path')

const ENGINE = path.join(__dirname, '..', '..', 'roles', 'local_gateway', 'files', 'prisma_engine')
const fixture = name => path.join(__dirname, 'fixtures', name)
const lib = name => require(path.join(ENGINE, 'lib', name))

module.exports = {
  QUERY_ENGINE: path.join(ENGINE, 'bin', 'query-engine'),
  SCHEMA_ENGINE: path.join(ENGINE, 'bin', 'schema-engine'),
  NODE_MODULES: process.env.PRISMA_ENGINE_NODE_MODULES || path.join(ENGINE, 'node_modules'),
  fixture,
  lib,
  load: lib('node_modules').load,
  readFixture: name => fs.readFileSync(fixture(name), 'utf8'),
}

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// prisma-client-py 0.11, the client that LiteLLM uses, from the site-packages that TOLLGATE_LITELLM_SITE names:
// a client is generated for the tests' own schema, and fixtures/client.py drives the engine with it.
const { after, before, test } = require('node:test')
const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { NODE_MODULES, QUERY_ENGINE, SCHEMA_ENGINE, fixture, readFixture } = require('./engine_files')
const { PASSWORD, Postgres, skip: noPostgres } = require('./postgres')

const SITE = process.env.TOLLGATE_LITELLM_SITE
const skip = noPostgres || (SITE ? false : 'TOLLGATE_LITELLM_SITE is not set')
let postgres, directory, environment

const python = (...words) => spawnSync(path.join(SITE, '..', '..', '..', 'bin', 'python'), words, { cwd: directory, env: environment, encoding: 'utf8' })

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('client', readFixture('schema.sql'))
  // A copy of the package: generating writes into it, and the proxy's own must stay as it is.
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-client-'))
  fs.cpSync(path.join(SITE, 'prisma'), path.join(directory, 'prisma'), { recursive: true, preserveTimestamps: true }) // and its .pyc files
  fs.writeFileSync(path.join(directory, 'schema.prisma'), readFixture('schema.prisma')
    .replace('provider = "prisma-client-py"', 'provider = "prisma-client-py"\n  interface = "asyncio"\n  recursive_type_depth = -1\n  enable_experimental_decimal = true'))
  environment = {
    ...process.env,
    PATH: `${path.join(SITE, '..', '..', '..', 'bin')}:${process.env.PATH}`,
    PYTHONPATH: directory,
    DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing', // the client's own URL wins
    CLIENT_URL: postgres.url('client', 'connection_limit=5'),
    PRISMA_QUERY_ENGINE_BINARY: QUERY_ENGINE,
    PRISMA_SCHEMA_ENGINE_BINARY: SCHEMA_ENGINE,
    PRISMA_BINARY_CACHE_DIR: path.dirname(NODE_MODULES),
    PRISMA_ENGINE_NODE_MODULES: NODE_MODULES,
    PRISMA_CLI_QUERY_ENGINE_TYPE: 'binary',
    CHECKPOINT_DISABLE: '1',
  }
})
after(async () => {
  if (skip) return
  await postgres.remove()
  fs.rmSync(directory, { recursive: true })
})

test('prisma-client-py reads and writes what it was given', { skip }, async () => {
  const cli = path.join(NODE_MODULES, 'prisma', 'build', 'index.js')
  const generated = spawnSync(process.execPath, [cli, 'generate', '--schema', 'schema.prisma'], { cwd: directory, env: environment, encoding: 'utf8' })
  assert.equal(generated.status, 0, generated.stdout + generated.stderr)
  const { status, stdout, stderr } = python(fixture('client.py'))
  assert.equal(status, 0, stdout + stderr)
  assert.ok(!(stdout + stderr).includes(PASSWORD))
  assert.deepEqual(stdout.trim().split('\n').filter(line => /^[a-z_]+$/.test(line)), ['values', 'known_errors', 'raw', 'transactions', 'concurrent', 'relations'])
})

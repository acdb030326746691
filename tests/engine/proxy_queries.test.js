// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The requests that the real proxy sent (fixtures/proxy.json, made by record.js), against a database that LiteLLM's own
// migrations made. TOLLGATE_LITELLM_SITE names the site-packages with litellm and litellm_proxy_extras.
const { after, before, test } = require('node:test')
const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { NODE_MODULES, SCHEMA_ENGINE, readFixture } = require('./engine_files')
const { Postgres, skip: noPostgres } = require('./postgres')
const { QueryEngine } = require('./query_engine')

const SITE = process.env.TOLLGATE_LITELLM_SITE
const skip = noPostgres || (SITE ? false : 'TOLLGATE_LITELLM_SITE is not set')
const { refused, selections, requests } = JSON.parse(readFixture('proxy.json'))
const whole = document => document.replace(/\$(\d+)/g, (text, index) => (/: (?:queryRaw|executeRaw)\b/.test(document) ? text : selections[index]))
let postgres, engine

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  const extras = path.join(SITE, 'litellm_proxy_extras')
  const migrated = spawnSync(process.execPath, [path.join(NODE_MODULES, 'prisma', 'build', 'index.js'), 'migrate', 'deploy', '--schema', path.join(extras, 'schema.prisma')], {
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: postgres.url('litellm'), PRISMA_SCHEMA_ENGINE_BINARY: SCHEMA_ENGINE, PRISMA_QUERY_ENGINE_BINARY: SCHEMA_ENGINE, PRISMA_CLI_QUERY_ENGINE_TYPE: 'binary', CHECKPOINT_DISABLE: '1' },
  })
  assert.equal(migrated.status, 0, migrated.stdout + migrated.stderr)
  engine = await QueryEngine.start(postgres.url('litellm', 'connection_limit=4'), { schema: path.join(SITE, 'litellm', 'proxy', 'schema.prisma') })
})
after(async () => {
  if (skip) return
  await QueryEngine.stopAll()
  await postgres.remove()
})

test('all of LiteLLM\'s migrations are applied', { skip }, async () => {
  const [{ done, open }] = await postgres.sql('litellm', 'SELECT count(*) FILTER (WHERE finished_at IS NOT NULL)::int AS done, count(*) FILTER (WHERE finished_at IS NULL)::int AS open FROM _prisma_migrations')
  const migrations = fs.readdirSync(path.join(SITE, 'litellm_proxy_extras', 'migrations'), { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual([done, open], [migrations.length, 0])
})

test('each request of the proxy is answered, and refused only for what the database lacks', { skip }, async () => {
  const codes = {}
  const texts = []
  for (const [index, { batch, query, transaction }] of requests.entries()) {
    const body = batch ? { batch: batch.map(document => ({ query: whole(document), variables: {} })), transaction } : { query: whole(query), variables: {}, operation_name: 'query' }
    const answer = await engine.request(body)
    if (answer.errors) {
      const { error_code: code, message } = answer.errors[0].user_facing_error
      codes[index] = code
      if (refused[index] !== code) texts.push(`${index}: ${code} ${message}`)
    } else if (batch) assert.equal(answer.batchResult.length, batch.length)
    else assert.ok('result' in answer.data)
  }
  assert.deepEqual(texts, [])
  assert.deepEqual(codes, refused)
})

test('the memory stays small', { skip }, () => {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${engine.process.pid}/status`, 'utf8'))
  assert.ok(Number(kilobytes) < 150 * 1024, `${kilobytes} kB`)
})

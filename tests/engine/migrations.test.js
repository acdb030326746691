// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The schema engine, by itself and driven by the real Prisma CLI: what it does to a database and what it says.
const { after, before, describe, test } = require('node:test')
const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { NODE_MODULES, SCHEMA_ENGINE } = require('./engine_files')
const { PASSWORD, Postgres, skip, until } = require('./postgres')

const CLI = path.join(NODE_MODULES, 'prisma', 'build', 'index.js')
let postgres, directory, count = 0

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-migrations-'))
})
after(async () => {
  if (skip) return
  await postgres.remove()
  fs.rmSync(directory, { recursive: true })
})

/** A project with migrations {name: SQL} and a database of its own, which exists unless `missing`. */
async function project (migrations, { missing = false } = {}) {
  const database = `m${++count}`
  const home = path.join(directory, database)
  fs.mkdirSync(path.join(home, 'migrations'), { recursive: true })
  fs.writeFileSync(path.join(home, 'schema.prisma'), 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n')
  fs.writeFileSync(path.join(home, 'migrations', 'migration_lock.toml'), 'provider = "postgresql"\n')
  const write = (name, sql) => {
    fs.mkdirSync(path.join(home, 'migrations', name), { recursive: true })
    fs.writeFileSync(path.join(home, 'migrations', name, 'migration.sql'), sql)
  }
  for (const [name, sql] of Object.entries(migrations)) write(name, sql)
  if (!missing) await postgres.database(database)
  return {
    database, home, write,
    prisma: (...words) => prisma(home, postgres.url(database), words),
    // The same without the CLI, which takes a second to start: the engine's result, or its error as {error_code, message}.
    deploy: () => ask(home, postgres.url(database), 'applyMigrations'),
    resolve: (how, name) => ask(home, postgres.url(database), how === 'applied' ? 'markMigrationApplied' : 'markMigrationRolledBack', { migrationName: name }),
    sql: (text, values) => postgres.sql(database, text, values),
    history: () => postgres.sql(database, 'SELECT * FROM _prisma_migrations ORDER BY started_at'),
  }
}

function start ([program, ...words], home, url) {
  const child = spawn(program, words, {
    cwd: home,
    env: { ...process.env, DATABASE_URL: url, PRISMA_SCHEMA_ENGINE_BINARY: SCHEMA_ENGINE, PRISMA_QUERY_ENGINE_BINARY: SCHEMA_ENGINE,
      PRISMA_CLI_QUERY_ENGINE_TYPE: 'binary', CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', NO_COLOR: '1', CI: '1' },
  })
  child.output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { child.output += text })
  child.ended = new Promise(resolve => child.once('close', code => resolve({ code, output: child.output })))
  return child
}

async function prisma (home, url, words) {
  const ended = await start([process.execPath, CLI, ...words, '--schema', 'schema.prisma'], home, url).ended
  assert.ok(!ended.output.includes(PASSWORD) && !ended.output.includes(encodeURIComponent(PASSWORD)))
  return ended
}

/** The schema engine itself, one request; resolves with its result, or with its error. */
async function ask (home, url, method, parameters) {
  const child = start([SCHEMA_ENGINE, '-d', path.join(home, 'schema.prisma')], home, url)
  const params = { migrationsDirectoryPath: path.join(home, 'migrations'), ...parameters }
  child.stdin.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) + '\n')
  const { output } = await child.ended
  assert.ok(!output.includes(PASSWORD) && !output.includes(encodeURIComponent(PASSWORD)))
  const { result, error } = JSON.parse(output)
  return error ? error.data : result
}

describe('the schema engine', { concurrency: 2 }, () => {
  test('deploy applies what is new, in order, with Prisma\'s rows', { skip }, async () => {
    const gate = await project({ '2_second': 'INSERT INTO t VALUES (1);', '10_first': 'CREATE TABLE t (i int);\nCREATE INDEX ON t (i);\n' })
    const first = await gate.prisma('migrate', 'deploy')
    assert.equal(first.code, 0, first.output)
    assert.match(first.output, /All migrations have been successfully applied/)
    const rows = await gate.history()
    assert.deepEqual(rows.map(row => row.migration_name), ['10_first', '2_second'])
    const [row] = rows
    assert.equal(row.checksum, crypto.createHash('sha256').update('CREATE TABLE t (i int);\nCREATE INDEX ON t (i);\n').digest('hex'))
    assert.match(row.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([row.logs, row.rolled_back_at, row.applied_steps_count], [null, null, 1])
    assert.ok(row.finished_at >= row.started_at)
    assert.match((await gate.prisma('migrate', 'deploy')).output, /No pending migrations to apply/)
    assert.match((await gate.prisma('migrate', 'status')).output, /Database schema is up to date/)
    gate.write('3_third', 'SELECT 1')
    assert.match((await gate.prisma('migrate', 'status')).output, /3_third/)
  })

  test('deploy makes a database that does not exist', { skip }, async () => {
    const gate = await project({ '1_a': 'CREATE TABLE t (i int)' }, { missing: true })
    const { code, output } = await gate.prisma('migrate', 'deploy')
    assert.equal(code, 0, output)
    assert.match(output, /PostgreSQL database m\d+ created/)
    assert.equal((await gate.history()).length, 1)
  })

  test('a migration that fails: P3018, its row with logs, then P3009; resolve and go on', { skip }, async () => {
    const gate = await project({ '1_good': 'CREATE TABLE t (i int);', '2_bad': 'CREATE TABLE u (i int);\n\nSELECT nonsense FROM u;\n', '3_never': 'SELECT 1' })
    const failed = await gate.prisma('migrate', 'deploy')
    assert.equal(failed.code, 1)
    for (const text of ['P3018', 'Migration name: 2_bad', 'Database error code: 42703', 'ERROR: column "nonsense" does not exist', '  3 SELECT nonsense FROM u;']) {
      assert.ok(failed.output.includes(text), `${text} in ${failed.output}`)
    }
    const [, row] = await gate.history()
    assert.deepEqual([row.migration_name, row.finished_at, row.rolled_back_at, row.applied_steps_count], ['2_bad', null, null, 0])
    assert.match(row.logs, /^A migration failed to apply\. [\s\S]*column "nonsense" does not exist/)
    assert.equal((await gate.sql("SELECT to_regclass('u') AS u"))[0].u, null) // one implicit transaction
    const again = await gate.prisma('migrate', 'deploy')
    assert.equal(again.code, 1)
    assert.match(again.output, /P3009[\s\S]*The `2_bad` migration started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC failed with the following logs:/)
    assert.match((await gate.prisma('migrate', 'status')).output, /have not yet been applied:\s*3_never/)
    assert.equal((await gate.resolve('rolled-back', '1_good')).error_code, 'P3012')
    assert.equal((await gate.resolve('rolled-back', 'nothing')).error_code, 'P3011')
    assert.match((await gate.prisma('migrate', 'resolve', '--rolled-back', '2_bad')).output, /marked as rolled back/)
    gate.write('2_bad', 'CREATE TABLE u (i int);')
    assert.deepEqual(await gate.deploy(), { appliedMigrationNames: ['2_bad', '3_never'] })
    assert.deepEqual((await gate.history()).map(({ migration_name: name, rolled_back_at: back }) => [name, back !== null]),
      [['1_good', false], ['2_bad', true], ['2_bad', false], ['3_never', false]])
  })

  test('resolve --applied takes a failed migration for done', { skip }, async () => {
    const gate = await project({ '1_bad': 'SELECT nonsense' })
    await gate.deploy()
    assert.match((await gate.prisma('migrate', 'resolve', '--applied', '1_bad')).output, /marked as applied/)
    const rows = await gate.history()
    assert.deepEqual(rows.map(row => [row.rolled_back_at !== null, row.finished_at !== null, row.applied_steps_count]), [[true, false, 0], [false, true, 0]])
    assert.equal((await gate.resolve('applied', '1_bad')).error_code, 'P3008')
    assert.equal((await gate.resolve('applied', 'nothing')).error_code, 'P3017')
    assert.deepEqual(await gate.deploy(), { appliedMigrationNames: [] })
  })

  test('a database with tables is not taken over (P3005) but can be baselined', { skip }, async () => {
    const gate = await project({ '1_a': 'CREATE TABLE old (i int)' })
    await gate.sql('CREATE TABLE old (i int)')
    const refused = await gate.prisma('migrate', 'deploy')
    assert.match(refused.output, /P3005[\s\S]*The database schema is not empty/)
    assert.deepEqual(await gate.resolve('applied', '1_a'), {})
    assert.deepEqual(await gate.deploy(), { appliedMigrationNames: [] })
  })

  test('CREATE INDEX CONCURRENTLY alone works, and with others fails, as with Prisma', { skip }, async () => {
    const gate = await project({ '1_t': 'CREATE TABLE t (i int)', '2_i': 'CREATE INDEX CONCURRENTLY "t_i" ON t (i);\n' })
    assert.equal((await gate.deploy()).appliedMigrationNames.length, 2)
    gate.write('3_two', 'CREATE INDEX CONCURRENTLY "t_j" ON t (i);\nSELECT 1;')
    assert.match((await gate.deploy()).message, /Database error code: 25001/)
  })

  test('a script may begin and commit itself, change the search path, and leave a transaction open', { skip }, async () => {
    const gate = await project({
      '1_own': 'BEGIN; CREATE TABLE t (i int); COMMIT; INSERT INTO t VALUES (1); DO $$ BEGIN RAISE NOTICE \'hello; "there"\'; END $$;',
      '2_path': "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.u (i int);",
      '3_after': 'CREATE TABLE public.v (i int)',
    })
    assert.deepEqual(await gate.deploy(), { appliedMigrationNames: ['1_own', '2_path', '3_after'] })
    gate.write('4_open', 'BEGIN; CREATE TABLE public.w (i int); SELECT nonsense;')
    assert.equal((await gate.deploy()).error_code, 'P3018')
    assert.match((await gate.history())[3].logs, /nonsense/)
  })

  test('an engine that is killed in the middle leaves a row that was started and not finished', { skip }, async () => {
    const gate = await project({ '1_slow': 'CREATE TABLE t (i int); SELECT pg_sleep(60);' })
    const engine = start([SCHEMA_ENGINE, '-d', 'schema.prisma'], gate.home, postgres.url(gate.database))
    engine.stdin.write(JSON.stringify({ id: 1, method: 'applyMigrations', params: { migrationsDirectoryPath: path.join(gate.home, 'migrations') } }) + '\n')
    const sleeping = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    const [{ pid }] = await until(async () => {
      const rows = await postgres.sql('postgres', sleeping, [gate.database])
      assert.equal(rows.length, 1)
      return rows
    })
    engine.kill('SIGKILL')
    await engine.ended
    await postgres.sql('postgres', 'SELECT pg_terminate_backend($1)', [pid]) // PostgreSQL would notice after the sleep
    await until(async () => assert.equal((await postgres.sql('postgres', sleeping, [gate.database])).length, 0))
    const [row] = await gate.history()
    assert.deepEqual([row.logs, row.finished_at, row.applied_steps_count], [null, null, 0])
    assert.equal((await gate.sql("SELECT to_regclass('t') AS t"))[0].t, null)
    assert.match((await gate.deploy()).message, /failed migrations in the target database[\s\S]*The `1_slow` migration started at .* UTC failed/)
  })

  test('two deploys at once: one applies, the other finds nothing to do', { skip }, async () => {
    const gate = await project({ '1_a': 'CREATE TABLE t (i int); SELECT pg_sleep(0.5);', '2_b': 'INSERT INTO t VALUES (1)' })
    const both = await Promise.all([gate.deploy(), gate.deploy()])
    assert.deepEqual(both.map(({ appliedMigrationNames: names }) => names.length).sort(), [0, 2])
    assert.equal((await gate.history()).length, 2)
  })

  test('the lock is waited for 10 seconds, then P1002', { skip }, async () => {
    const gate = await project({ '1_a': 'SELECT 1' })
    const holder = postgres.sql(gate.database, 'SELECT pg_advisory_lock(72707369), pg_sleep(30)').catch(() => {})
    const started = Date.now()
    const refused = await gate.deploy()
    assert.equal(refused.error_code, 'P1002')
    assert.match(refused.message, /was reached but timed out[\s\S]*Timed out trying to acquire a postgres advisory lock \(SELECT pg_advisory_lock\(72707369\)\)\. Timeout: 10000ms/)
    assert.ok(Date.now() - started >= 9900 && Date.now() - started < 13000)
    // Whoever holds it may run the migrations.
    process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK = '1'
    const holders = await gate.deploy().finally(() => { delete process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK })
    assert.deepEqual(holders.appliedMigrationNames, ['1_a'])
    await postgres.sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()")
    await holder
  })

  test('db execute runs a script', { skip }, async () => {
    const gate = await project({})
    fs.writeFileSync(path.join(gate.home, 'script.sql'), 'CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2);')
    const done = await gate.prisma('db', 'execute', '--file', 'script.sql')
    assert.equal(done.code, 0, done.output)
    assert.equal((await gate.sql('SELECT sum(i)::int AS s FROM t'))[0].s, 3)
    const again = await gate.prisma('db', 'execute', '--file', 'script.sql')
    assert.equal(again.code, 1)
    assert.match(again.output, /relation "t" already exists/)
  })

  test('edited and lost migrations are told', { skip }, async () => {
    const gate = await project({ '1_a': 'SELECT 1;\n', '2_b': 'SELECT 2;\n', '3_c': 'SELECT 3' })
    await gate.deploy()
    gate.write('1_a', 'SELECT 1;\r\n') // line ends only
    gate.write('2_b', 'SELECT 22;\n')
    gate.write('4_d', 'SELECT 4')
    fs.rmSync(path.join(gate.home, 'migrations', '3_c'), { recursive: true })
    const result = await ask(gate.home, postgres.url(gate.database), 'diagnoseMigrationHistory', { optInToShadowDatabase: false })
    assert.deepEqual(result, {
      drift: null, failedMigrationNames: [], editedMigrationNames: ['2_b'], errorInUnappliedMigration: null, hasMigrationsTable: true,
      history: { diagnostic: 'historiesDiverge', lastCommonMigrationName: '2_b', unpersistedMigrationNames: ['3_c'], unappliedMigrationNames: ['4_d'] },
    })
  })

  test('errors of the connection, and methods that are refused', { skip }, async () => {
    const gate = await project({ '1_a': 'SELECT 1' })
    const wrong = postgres.url(gate.database, '', { password: 'wrong' })
    assert.match((await prisma(gate.home, wrong, ['migrate', 'deploy'])).output, /P1000/)
    assert.equal((await ask(gate.home, postgres.url(gate.database, '', { port: 1 }), 'applyMigrations')).error_code, 'P1001')
    assert.equal((await ask(gate.home, postgres.url('nowhere'), 'applyMigrations')).error_code, 'P1003')
    const refused = await gate.prisma('db', 'push')
    assert.equal(refused.code, 1)
    assert.match(refused.output, /This schema engine does not know `schemaPush`/)
    for (const method of ['diff', 'createMigration', 'reset', 'introspect']) assert.match((await ask(gate.home, postgres.url(gate.database), method)).message, /does not know/)
    fs.writeFileSync(path.join(gate.home, 'migrations', 'migration_lock.toml'), 'provider = "mysql"\n')
    assert.equal((await gate.deploy()).error_code, 'P3019')
  })
})

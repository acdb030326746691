// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// A database that is not there, is lost, or refuses; and the engine's own end.
const { after, before, test } = require('node:test')
const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { QUERY_ENGINE, fixture, readFixture } = require('./engine_files')
const { PASSWORD, Postgres, USER, freePort, skip, until } = require('./postgres')
const { QueryEngine } = require('./query_engine')

let postgres

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('outage', readFixture('schema.sql'))
  await postgres.sql('postgres', `CREATE ROLE crowded LOGIN PASSWORD 'crowded' CONNECTION LIMIT 2`)
  await postgres.sql('outage', 'GRANT ALL ON ALL TABLES IN SCHEMA public TO crowded')
})
after(async () => {
  if (skip) return
  await QueryEngine.stopAll()
  await postgres.remove()
})

const secret = new RegExp([PASSWORD, encodeURIComponent(PASSWORD)].map(text => text.replace(/[^\w]/g, '\\$&')).join('|'))

async function refusedAtStart (url, environment) {
  const engine = await QueryEngine.start(url, { environment })
  assert.equal(engine.code, 1, engine.output)
  assert.doesNotMatch(engine.output, secret)
  return JSON.parse(engine.output)
}

test('without a database the engine ends with Prisma\'s error on stderr', { skip }, async () => {
  const nowhere = await freePort()
  assert.deepEqual(await refusedAtStart(postgres.url('outage', '', { port: nowhere })), {
    is_panic: false,
    error_code: 'P1001',
    message: `Can't reach database server at \`127.0.0.1\`:\`${nowhere}\`\n\nPlease make sure your database server is running at \`127.0.0.1\`:\`${nowhere}\`.`,
    meta: { database_host: '127.0.0.1', database_port: nowhere },
  })
  assert.equal((await refusedAtStart(postgres.url('outage', '', { password: 'wrong' }))).error_code, 'P1000')
  assert.equal((await refusedAtStart(postgres.url('outage', '', { password: '' }))).error_code, 'P1000')
  assert.equal((await refusedAtStart(postgres.url('nowhere'))).error_code, 'P1003')
  assert.equal((await refusedAtStart('postgresql:/nonsense')).error_code, 'P1013')
  assert.equal((await refusedAtStart('')).error_code, 'P1012')
})

test('a server that accepts and says nothing is P1001 after connect_timeout', { skip }, async () => {
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise(resolve => silent.once('listening', resolve))
  const refused = await refusedAtStart(postgres.url('outage', 'connect_timeout=1', { port: silent.address().port }))
  silent.close()
  assert.equal(refused.error_code, 'P1001')
})

test('variables meant for libpq do not change where the engine connects', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.url('outage'), { environment: { PGHOST: '192.0.2.1', PGPASSWORD: 'x', PGSSLMODE: 'verify-full', PGOPTIONS: '-c nonsense=1' } })
  assert.deepEqual(await engine.query('findManyThing { id }'), [])
  await engine.stop()
})

test('the socket of a directory', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.socketUrl('outage'))
  assert.equal((await engine.sql('SELECT inet_client_addr() AS address'))[0].address[0], 'null')
  await engine.stop()
})

test('a database that goes away and returns: P1001 at once, then all is well, without a restart', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.url('outage', 'connection_limit=4'))
  await Promise.all(Array.from({ length: 4 }, () => engine.sql('SELECT pg_sleep(0.05)')))
  const transaction = await engine.begin({ timeout: 60000 })
  const running = assert.rejects(engine.sql('SELECT pg_sleep(60)'), error => error.code === 'P1017' || error.meta.code === '57P01')
  await until(async () => assert.equal((await postgres.sql('postgres', "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")).length, 1))
  await postgres.down()
  await running
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = Date.now()
    await assert.rejects(engine.query('findManyThing { id }'), { code: 'P1001', message: /^Can't reach database server/ })
    await assert.rejects(engine.begin(), { status: 500, code: 'P1001' })
    assert.ok(Date.now() - before < 1000)
  }
  await assert.rejects(engine.query('findManyThing { id }', transaction), { code: 'P1017' })
  await postgres.up()
  const answers = await Promise.all(Array.from({ length: 12 }, () => engine.query('findManyThing { id }')))
  assert.equal(answers.length, 12)
  await engine.end('rollback', await engine.begin())
  assert.equal(engine.code, undefined)
  assert.equal(engine.output, '')
  await engine.stop()
})

test('connections that the server closed while they were idle are not used again', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.url('outage', 'connection_limit=4'))
  await Promise.all(Array.from({ length: 8 }, () => engine.sql('SELECT 1')))
  await postgres.sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage' AND application_name = 'query-engine'")
  await until(() => engine.query('findManyThing { id }'))
  await Promise.all(Array.from({ length: 8 }, () => engine.query('findManyThing { id }')))
  await engine.stop()
})

test('too many connections are P2037 and keep PostgreSQL\'s words', { skip }, async () => {
  const crowded = postgres.url('outage', 'connection_limit=3&pool_timeout=2', { user: 'crowded', password: 'crowded' })
  const engine = await QueryEngine.start(crowded)
  const open = [await engine.begin(), await engine.begin()]
  await assert.rejects(engine.query('findManyThing { id }'), { code: 'P2037', message: /too many connections for role/ })
  for (const id of open) await engine.end('rollback', id)
  await engine.stop()
})

test('a full disk is P1001, so that LiteLLM keeps its ledger rows, and the connection stays', { skip }, async () => {
  await postgres.sql('outage', `CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_space BEFORE INSERT ON "Thing" FOR EACH ROW EXECUTE FUNCTION no_space()`)
  const engine = await QueryEngine.start(postgres.url('outage', 'connection_limit=1'))
  const refused = { code: 'P1001', message: /^Can't reach database server at .*: it has no space left \(could not extend file\)$/ }
  await assert.rejects(engine.mutate('createOneThing(data: {name: "lost"}) { id }'), refused)
  assert.deepEqual(await engine.query('findManyThing { id }'), [])
  await postgres.sql('outage', 'DROP FUNCTION no_space CASCADE')
  await engine.mutate('createOneThing(data: {name: "kept"}) { id }')
  await engine.mutate('deleteManyThing { count }')
  await engine.stop()
})

test('socket_timeout ends a query with P1008', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.url('outage', 'socket_timeout=1'))
  await assert.rejects(engine.sql('SELECT pg_sleep(30)'), { code: 'P1008' })
  assert.deepEqual(await engine.query('findManyThing { id }'), [])
  await engine.stop()
})

test('another schema than public', { skip }, async () => {
  await postgres.sql('outage', `CREATE SCHEMA "my schema"; SET search_path = "my schema"; ${readFixture('schema.sql')}`)
  const engine = await QueryEngine.start(postgres.url('outage', `schema=${encodeURIComponent('my schema')}`))
  await engine.mutate('createOneThing(data: {name: "there"}) { id }')
  assert.deepEqual((await engine.sql('SELECT name FROM "Thing"'))[0].name, ['string', 'there'])
  assert.equal((await postgres.sql('outage', 'SELECT count(*)::int AS n FROM "my schema"."Thing"'))[0].n, 1)
  await engine.stop()
})

test('it answers on 127.0.0.1 only, and the paths that Prisma has', { skip }, async () => {
  const engine = await QueryEngine.start(postgres.url('outage'))
  assert.deepEqual(await engine.send('GET', '/status'), { status: 200, body: { status: 'ok' } })
  assert.equal((await engine.send('GET', '/metrics?format=json')).status, 501)
  assert.equal((await engine.send('GET', '/')).status, 404)
  const listening = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').filter(line => line.includes(`:${engine.port.toString(16).toUpperCase()} 00000000:0000 0A`))
  assert.ok(listening.length === 1 && listening[0].includes('0100007F:'), listening.join())
  await engine.stop()
})

test('signals end it; so does the death of its parent', { skip }, async () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const engine = await QueryEngine.start(postgres.url('outage'))
    engine.process.kill(signal)
    assert.equal(await engine.ended, 0)
  }
  const port = await freePort()
  const parent = spawn(process.execPath, ['-e', `
    const child = require('child_process').spawn(${JSON.stringify(QUERY_ENGINE)}, ['-p', '${port}'], { stdio: 'ignore' })
    console.log(child.pid); setInterval(() => {}, 1000)`],
  { env: { ...process.env, DATABASE_URL: postgres.url('outage'), PRISMA_DML_PATH: fixture('schema.prisma') }, stdio: ['ignore', 'pipe', 'inherit'] })
  const pid = Number(await new Promise(resolve => parent.stdout.once('data', resolve)))
  await until(() => fetch(`http://127.0.0.1:${port}/status`))
  parent.kill('SIGKILL')
  await until(() => assert.ok(!fs.existsSync(`/proc/${pid}`) || /\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))))
})

test('the trace is a private file without the URL', { skip }, async () => {
  const trace = path.join(postgres.directory, `trace-${process.pid}`)
  const engine = await QueryEngine.start(postgres.url('outage'), { environment: { PRISMA_ENGINE_TRACE: trace } })
  await engine.query('findManyThing { id }')
  await postgres.down('SIGQUIT')
  await assert.rejects(engine.query('findManyThing { id }'))
  await postgres.up()
  await engine.stop()
  const text = fs.readFileSync(trace, 'utf8')
  assert.match(text, /"event":"request"/)
  assert.doesNotMatch(text, secret)
  assert.doesNotMatch(text, new RegExp(encodeURIComponent(USER)))
  assert.equal(fs.statSync(trace).mode & 0o777, 0o600)
})

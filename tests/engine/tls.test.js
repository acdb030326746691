// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// sslmode, against a PostgreSQL behind a door that speaks TLS (the wheel's own server is built without it).
const { after, before, test } = require('node:test')
const assert = require('node:assert/strict')
const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const tls = require('node:tls')
const { readFixture } = require('./engine_files')
const { Postgres, skip: noPostgres } = require('./postgres')
const { QueryEngine } = require('./query_engine')

const skip = noPostgres || (spawnSync('openssl', ['version']).error ? 'openssl is not installed' : false)
let postgres, directory, door

const file = name => path.join(directory, name)
const openssl = (...words) => execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' })

function certificate (name, address) {
  fs.writeFileSync(file(`${name}.ext`), `subjectAltName=${address}`)
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`)
}

/** Answers an SSLRequest with "S" and TLS, or "N"; counts connections by kind. */
class Door {
  async open () {
    this.seen = { tls: 0, plain: 0 }
    this.server = net.createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', first => {
        const asksForTls = first.length === 8 && first.readInt32BE(4) === 80877103
        if (!asksForTls) {
          this.seen.plain++
          return this.join(socket, first)
        }
        socket.write(this.certificate ? 'S' : 'N')
        if (!this.certificate) return
        const secure = new tls.TLSSocket(socket, { isServer: true, cert: fs.readFileSync(file(`${this.certificate}.pem`)), key: fs.readFileSync(file(`${this.certificate}.key`)),
          ca: fs.readFileSync(file('ca.pem')), requestCert: true, rejectUnauthorized: false })
        secure.on('error', () => {})
        secure.once('secure', () => {
          this.seen.tls++
          this.peer = secure.getPeerCertificate().subject
          this.join(secure)
        })
      })
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => this.server.once('listening', resolve))
    this.port = this.server.address().port
  }

  join (client, first) {
    const server = net.connect(postgres.port, '127.0.0.1')
    server.on('error', () => client.destroy())
    if (first) server.write(first)
    client.pipe(server).pipe(client)
  }
}

before(async () => {
  if (skip) return
  postgres = await Postgres.start()
  await postgres.database('tls', readFixture('schema.sql'))
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-tls-'))
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority', '-days', '2')
  certificate('right', 'IP:127.0.0.1,DNS:localhost')
  certificate('other', 'DNS:elsewhere.example')
  certificate('client', 'DNS:client')
  door = new Door()
  await door.open()
})
after(async () => {
  if (skip) return
  door.server.close()
  await QueryEngine.stopAll()
  await postgres.remove()
  fs.rmSync(directory, { recursive: true })
})

/** 'tls' or 'plain' as the queries went, or the code of the error. */
async function way (serverCertificate, parameters) {
  door.certificate = serverCertificate
  door.seen = { tls: 0, plain: 0 }
  const engine = await QueryEngine.start(postgres.url('tls', `connection_limit=1&${parameters}`, { port: door.port }))
  if (engine.code !== undefined) return JSON.parse(engine.output).error_code
  assert.deepEqual(await engine.query('findManyThing { id }'), [])
  await engine.stop()
  return door.seen.tls > 0 ? 'tls' : 'plain'
}

const CASES = [
  ['right', 'sslmode=disable', 'plain'],
  ['right', '', 'tls'],
  [null, '', 'plain'],
  [null, 'sslmode=prefer', 'plain'],
  ['right', 'sslmode=require', 'tls'],
  ['other', 'sslmode=require', 'tls'], // encrypts, does not verify
  [null, 'sslmode=require', 'P1011'],
  ['right', 'sslmode=verify-full', 'P1011'], // the authority is not known
  ['right', 'sslmode=verify-full&sslrootcert=CA', 'tls'],
  ['other', 'sslmode=verify-full&sslrootcert=CA', 'P1011'],
  ['other', 'sslmode=verify-ca&sslrootcert=CA', 'tls'],
  ['other', 'sslmode=require&sslrootcert=CA', 'tls'], // as verify-ca
  ['right', 'sslmode=require&sslcert=CA&sslaccept=strict', 'tls'], // Prisma's names
  ['other', 'sslmode=require&sslcert=CA&sslaccept=strict', 'P1011'],
  ['right', 'sslmode=require&sslrootcert=/nowhere.pem', 'P1011'],
]
for (const [serverCertificate, parameters, expected] of CASES) {
  test(`${parameters || 'no sslmode'}, server ${serverCertificate ? `has the ${serverCertificate} certificate` : 'has no TLS'}: ${expected}`, { skip }, async () => {
    assert.equal(await way(serverCertificate, parameters.replace('CA', () => encodeURIComponent(file('ca.pem')))), expected)
  })
}

test('a client certificate is shown', { skip }, async () => {
  const parameters = { sslmode: 'verify-full', sslrootcert: file('ca.pem'), sslcert: file('client.pem'), sslkey: file('client.key') }
  assert.equal(await way('right', new URLSearchParams(parameters)), 'tls')
  assert.equal(door.peer.CN, 'client')
})

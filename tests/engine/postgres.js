// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// A real PostgreSQL for tests: its own cluster in a temporary directory, on 127.0.0.1 and a socket, SCRAM passwords.
//   TOLLGATE_POSTGRES_BIN   directory with initdb and postgres
//   TOLLGATE_POSTGRES_USER  whom it runs as when the tests run as root (default: nobody); initdb refuses root
const { spawn, spawnSync, execFileSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { load } = require('./engine_files')
const pg = load('pg')

const BINARIES = process.env.TOLLGATE_POSTGRES_BIN
const PASSWORD = 'p%40ss word/ü'.replace('%40', '@') // needs percent-encoding in a URL
const USER = 'gate keeper'

function identity () {
  if (process.getuid() !== 0) return {}
  const name = process.env.TOLLGATE_POSTGRES_USER || 'nobody'
  const id = flag => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

function freePort () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Resolves when `probe` does not throw; throws its error after 30 seconds. */
async function until (probe) {
  const deadline = Date.now() + 30000
  for (;;) {
    try {
      return await probe()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

class Postgres {
  static async start (settings = []) {
    const postgres = new Postgres()
    // Not under the caller's TMPDIR: the other user must reach it, and a socket's path must be short.
    postgres.directory = fs.mkdtempSync(path.join(process.platform === 'win32' ? os.tmpdir() : '/tmp', 'tollgate-pg-'))
    postgres.identity = identity()
    postgres.settings = settings
    postgres.port = await freePort()
    const passwordFile = path.join(postgres.directory, 'password')
    fs.writeFileSync(passwordFile, PASSWORD)
    if (postgres.identity.uid !== undefined) {
      for (const name of [postgres.directory, passwordFile]) fs.chownSync(name, postgres.identity.uid, postgres.identity.gid)
    }
    const made = spawnSync(path.join(BINARIES, 'initdb'), ['-D', path.join(postgres.directory, 'data'), '-U', USER, '-A', 'scram-sha-256',
      `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'], { ...postgres.identity, cwd: postgres.directory, encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error}`)
    await postgres.up()
    return postgres
  }

  async up () {
    const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `unix_socket_directories=${this.directory}`, 'max_connections=60', ...this.settings]
    this.process = spawn(path.join(BINARIES, 'postgres'), ['-D', path.join(this.directory, 'data'), '-p', this.port,
      ...settings.flatMap(setting => ['-c', setting])], { ...this.identity, cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'] })
    this.log = ''
    this.process.stderr.setEncoding('utf8').on('data', text => { this.log += text })
    this.exited = new Promise(resolve => this.process.once('exit', resolve))
    let gone = false
    this.exited.then(() => { gone = true })
    await until(() => {
      if (gone) return // reported by the query below
      return this.sql('postgres', 'SELECT 1')
    })
    if (gone) throw new Error(`postgres ended: ${this.log}`)
  }

  /** Stops it: at once (`SIGQUIT`, as if it had crashed), or closing connections first (`SIGINT`). */
  async down (signal = 'SIGINT') {
    this.process.kill(signal)
    await this.exited
  }

  async remove () {
    await this.down('SIGQUIT')
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  /** The URL of a database, over TCP; `parameters` as in "connection_limit=3". */
  url (database, parameters = '', { user = USER, password = PASSWORD, port = this.port } = {}) {
    return `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}?${parameters}`
  }

  socketUrl (database) {
    return `postgresql://${encodeURIComponent(USER)}:${encodeURIComponent(PASSWORD)}@/${database}?host=${encodeURIComponent(this.directory)}&port=${this.port}`
  }

  /** Rows of one statement, or of a script's last. */
  async sql (database, text, values) {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: USER, password: PASSWORD, database, ssl: false })
    client.on('error', () => {})
    try {
      await client.connect()
      const result = await client.query(text, values)
      return (Array.isArray(result) ? result[result.length - 1] : result).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  async database (name, script) {
    await this.sql('postgres', `CREATE DATABASE "${name}"`)
    if (script) await this.sql(name, script)
    return name
  }
}

module.exports = { PASSWORD, Postgres, USER, freePort, skip: BINARIES ? false : 'TOLLGATE_POSTGRES_BIN is not set', until }

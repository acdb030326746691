// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// What libpq's sslmode means, for node-postgres, which knows only "TLS or not" and node's own options.
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { UserFacingError, unreachable, whileConnecting } = require('./errors')

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]) // length 8, code 80877103

/** Asks the server whether it speaks TLS, as `prefer` must before it chooses. */
function offersTls (target) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: target.host, port: target.port })
    socket.setTimeout(target.connectTimeout * 1000 || 0, () => socket.destroy(new Error('timeout')))
    socket.once('connect', () => socket.write(SSL_REQUEST))
    socket.once('data', answer => { socket.destroy(); resolve(answer[0] === 0x53) }) // "S"
    socket.once('error', error => reject(whileConnecting(error, target)))
    socket.once('close', () => reject(unreachable(target)))
  })
}

function file (name, directory) {
  try {
    return fs.readFileSync(path.resolve(directory, name))
  } catch (error) {
    throw new UserFacingError('P1011', `Error opening a TLS connection: the file ${name} can't be read (${error.code})`)
  }
}

/** `ssl` for node-postgres: false, or the options of tls.connect. Relative files lie beside the Prisma schema. */
async function tlsOptions (target, directory) {
  const { mode, rootCertificate, certificate, key, identity, passphrase } = target.tls
  if (target.host.startsWith('/') || mode === 'disable' || mode === 'allow') return false
  if (mode === 'prefer' && !await offersTls(target)) return false
  const options = { rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-full' }
  // Prisma calls the server's root certificate `sslcert`; libpq's `sslcert` is the client's and comes with `sslkey`.
  const root = rootCertificate || (key ? undefined : certificate)
  if (root && root !== 'system') options.ca = file(root, directory)
  if (key && certificate) Object.assign(options, { cert: file(certificate, directory), key: file(key, directory) })
  if (identity) options.pfx = file(identity, directory)
  if (passphrase) options.passphrase = passphrase
  if (mode === 'verify-ca') options.checkServerIdentity = () => undefined // the chain, not the name
  return options
}

module.exports = { tlsOptions }

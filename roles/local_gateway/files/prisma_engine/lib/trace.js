// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// A debug trace, off unless PRISMA_ENGINE_TRACE names a file. It holds documents and replies, so it
// may hold whatever users store; it never holds the database's URL.
const fs = require('node:fs')

const file = process.env.PRISMA_ENGINE_TRACE
const descriptor = file ? fs.openSync(file, 'a', 0o600) : null

/** Appends one JSON line: {event, ...fields}. */
function trace (event, fields) {
  if (descriptor === null) return
  try {
    fs.writeSync(descriptor, JSON.stringify({ event, ...fields }) + '\n')
  } catch {} // a full disk must not stop the engine
}

module.exports = { trace, tracing: descriptor !== null }

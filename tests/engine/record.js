// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Makes a fixture of what the proxy asks: node record.js TRACE > fixtures/proxy.json, where TRACE was written by the
// engine with PRISMA_ENGINE_TRACE. One request of each shape is kept, in order; values that look secret are replaced,
// and long selections, which repeat, are kept once: `$3` stands for selections[3].
const fs = require('node:fs')

const LONGEST = 6000 // characters; longer ones are tracebacks that the proxy logged
const replaced = new Map()

function harmless (text) {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, hash => {
      if (!replaced.has(hash)) replaced.set(hash, String(replaced.size + 1).padStart(64, '0'))
      return replaced.get(hash)
    })
    .replace(/sk-[A-Za-z0-9_.-]+/g, 'sk-0')
    .replace(/(?:\/[\w.-]+)+\/site-packages/g, 'site-packages')
    .replace(/[A-Za-z0-9_-]{60,}={0,2}/g, match => (/^0+\d+$/.test(match) ? match : 'encrypted'))
}

// Two documents have the same shape when they differ in strings and numbers only.
const shape = document => document.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/-?\b\d[\d.eE+-]*/g, '0').replace(/(""[\s,]*)+/g, '""')

const isRaw = document => /: (?:queryRaw|executeRaw)\b/.test(document)

const selections = []
function shortened (document) {
  if (isRaw(document)) return document
  return document.replace(/\{(?: \w+){6,} \}/g, selection => {
    if (!selections.includes(selection)) selections.push(selection)
    return `$${selections.indexOf(selection)}`
  })
}

const seen = new Set()
const kept = []
for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
  const { event, body } = JSON.parse(line)
  if (event !== 'request') continue
  const { query, batch, transaction } = JSON.parse(body)
  const documents = batch ? batch.map(item => item.query) : [query]
  const key = documents.map(document => (isRaw(document) ? document : shape(document))).join('\n')
  if (seen.has(key)) continue
  seen.add(key)
  const compact = documents.map(document => shortened(harmless(document.replace(/\n\s*/g, ' '))))
  if (compact.join('').length > LONGEST) continue
  kept.push(batch ? { batch: compact, transaction } : { query: compact[0] })
}
const lines = list => `[\n${list.map(item => JSON.stringify(item)).join(',\n')}\n]`
// `refused` is {number of the request: code} for those that can't succeed on an empty database; fill it after judging.
process.stdout.write(`{"refused": {}, "selections": ${lines(selections)}, "requests": ${lines(kept)}}\n`)

// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// The part of GraphQL that Prisma clients write: one operation with one field. Prisma's own adapter refuses
// fragments, variables and subscriptions too. Numbers and strings keep their source text, so no digit is lost.
//
//   document  {operation: 'query' | 'mutation', field}
//   field     {name, alias, arguments: [[name, value]], selection: [field] | null}
//   value     {kind: 'string' | 'number', text} | {kind: 'name', name} | {kind: 'literal', text}
//             | {kind: 'list', items} | {kind: 'object', members: [[name, value]]}

const { UserFacingError } = require('./errors')

const NAME = /[_A-Za-z][_0-9A-Za-z]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])/y
const STRING = /"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y
const IGNORED = /(?:[\s,\uFEFF]|#[^\n]*)*/y // white space, commas, the byte order mark, comments

class Reader {
  constructor (text) {
    this.text = text
    this.at = 0
  }

  fail (what) {
    // Only a short excerpt: documents hold users' data.
    const found = this.at < this.text.length ? JSON.stringify(this.text.slice(this.at, this.at + 12)) : 'the end'
    throw new UserFacingError('P2009', `Failed to validate the query: expected ${what} at character ${this.at}, found ${found}`)
  }

  match (pattern) {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (match) this.at = pattern.lastIndex
    return match && match[0]
  }

  peek () {
    this.match(IGNORED)
    return this.text[this.at]
  }

  eat (character) {
    if (this.peek() !== character) this.fail(`"${character}"`)
    this.at++
  }

  name () {
    this.peek()
    return this.match(NAME) || this.fail('a name')
  }

  document () {
    const operation = this.peek() === '{' ? 'query' : this.name()
    if (operation !== 'query' && operation !== 'mutation') this.fail(`a query or a mutation, not "${operation}"; it`)
    if (this.peek() !== '{') this.fail('"{" (operation names and variables are not supported)')
    this.at++
    const field = this.field()
    if (this.peek() !== '}') this.fail('"}" (one field an operation)')
    this.at++
    if (this.peek() !== undefined) this.fail('the end (one operation a document)')
    return { operation, field }
  }

  field () {
    const first = this.name()
    let name = first
    if (this.peek() === ':') {
      this.at++
      name = this.name()
    }
    const given = this.peek() === '(' ? this.members('(', ')') : []
    const selection = this.peek() === '{' ? this.selection() : null
    return { name, alias: first, arguments: given, selection }
  }

  selection () {
    this.eat('{')
    const fields = []
    while (this.peek() !== '}') fields.push(this.field())
    this.at++
    if (fields.length === 0) this.fail('a selection with fields')
    return fields
  }

  members (open, close) {
    this.eat(open)
    const members = []
    const seen = new Set()
    while (this.peek() !== close) {
      const name = this.name()
      if (seen.has(name)) this.fail(`"${name}" once; after it`)
      seen.add(name)
      this.eat(':')
      members.push([name, this.value()])
    }
    this.at++
    return members
  }

  value () {
    const character = this.peek()
    if (character === '"') return { kind: 'string', text: this.string() }
    if (character === '{') return { kind: 'object', members: this.members('{', '}') }
    if (character === '[') return this.list()
    if (character === '-' || (character >= '0' && character <= '9')) {
      return { kind: 'number', text: this.match(NUMBER) || this.fail('a number') }
    }
    const name = this.match(NAME) || this.fail('a value')
    return name === 'true' || name === 'false' || name === 'null' ? { kind: 'literal', text: name } : { kind: 'name', name }
  }

  list () {
    this.eat('[')
    const items = []
    while (this.peek() !== ']') items.push(this.value())
    this.at++
    return { kind: 'list', items }
  }

  string () {
    if (this.text.startsWith('"""', this.at)) this.fail('a string on one line, not a block string')
    return this.match(STRING) || this.fail('the end of a string')
  }
}

/** Parses one document; whatever it does not know is an error. */
const parse = text => new Reader(text).document()

module.exports = { parse }

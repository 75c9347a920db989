// Proves that hypercore 8 loads and works here: a feed, replicated in memory.
import './sodium.mjs'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'

const require = createRequire(import.meta.url)
const hypercore = require('hypercore')
const ram = require('random-access-memory')

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)

const feed = hypercore(() => ram())
await call(feed, 'append', ['a', 'b', 'c'])
const copy = hypercore(() => ram(), feed.key)
await call(copy, 'ready')
const stream = feed.replicate(true, { live: true })
stream.pipe(copy.replicate(false, { live: true })).pipe(stream)
assert.equal(String(await call(copy, 'get', 2)), 'c')

process.stdout.write('ok\n')
process.exit(0)

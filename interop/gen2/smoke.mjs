// Proves that the packages of 2020 load and work here: a drive, a trie and a multifeed, replicated in memory.
import assert from 'node:assert/strict'
import { promisify } from 'node:util'
import Corestore from 'corestore'
import hypercore from 'hypercore'
import hyperdrive from 'hyperdrive'
import hypertrie from 'hypertrie'
import multifeed from 'multifeed'
import ram from 'random-access-memory'

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)

const feed = hypercore(() => ram())
await call(feed, 'append', ['a', 'b', 'c'])
const copy = hypercore(() => ram(), feed.key)
await call(copy, 'ready')
const s = feed.replicate(true, { live: true })
s.pipe(copy.replicate(false, { live: true })).pipe(s)
assert.equal(String(await call(copy, 'get', 2)), 'c')

const trie = hypertrie(() => ram(), { valueEncoding: 'utf-8' })
await call(trie, 'put', 'a/b', '1')
assert.equal((await call(trie, 'get', 'a/b')).value, '1')

const drive = hyperdrive(() => ram())
await call(drive, 'writeFile', '/hello.txt', 'hello')
const clone = hyperdrive(() => ram(), drive.key)
await call(clone, 'ready')
const t = drive.replicate(true, { live: true })
t.pipe(clone.replicate(false, { live: true })).pipe(t)
assert.equal(await call(clone, 'readFile', '/hello.txt', 'utf8'), 'hello')

const store = new Corestore(() => ram())
await store.ready()
await call(store.default(), 'append', 'x')

const multi = multifeed(() => ram(), { valueEncoding: 'utf-8' })
await call(multi, 'ready')
await call(await call(multi, 'writer', 'local'), 'append', 'first')
const other = multifeed(() => ram(), { valueEncoding: 'utf-8' })
await call(other, 'ready')
const found = new Promise((resolve) => other.on('feed', resolve))
const u = multi.replicate(true, { live: true })
u.pipe(other.replicate(false, { live: true })).pipe(u)
assert.equal(await call(await found, 'get', 0), 'first')

process.stdout.write('ok\n')
process.exit(0)

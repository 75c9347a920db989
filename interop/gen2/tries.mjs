/**
 * Hypertrie 5 in a process of its own: `{ id, operations | blocks, queries }` in, `{ id, blocks, answers }` out; or
 * `{ id, blocks, extension }` in, and out what its extension sends, downloads and asks; or over TCP on 127.0.0.1
 *
 *     { id, serve: { operations } }           out { id, key, port }; what peers asked then: { id, heard: true }
 *     { id, read: { key, port, length, queries } }   out { id, answers, downloaded, named: blocks named by peers }
 *
 * Either writes a trie from operations, or takes one that somebody else wrote as its blocks; then answers queries about
 * it. Entries are `[key, seq, value or null, flags, hidden]`.
 */

import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import hypercore from 'hypercore'
import hypertrie from 'hypertrie'
import Extension from 'hypertrie/lib/extension.js'
import ram from 'random-access-memory'

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)

const entry = (node) =>
  node && [node.key, node.seq, node.value && new Uint8Array(node.value), node.flags, node.hidden]

const bytes = (value) => (value === null ? null : Buffer.from(value))

async function all(iterator) {
  const found = []
  for (;;) {
    const item = await call(iterator, 'next')
    if (item === null) return found
    found.push(item)
  }
}

async function write(trie, { type, key, value, hidden, flags, refuse, operations }) {
  if (type === 'batch') {
    const list = operations.map((one) => ({ ...one, value: one.value && Buffer.from(one.value) }))
    await call(trie, 'batch', list)
  } else {
    const condition = refuse ? (...args) => args.at(-1)(null, false) : null
    if (type === 'del') await call(trie, 'del', key, { hidden, condition })
    else await call(trie, 'put', key, bytes(value), { hidden, flags, condition })
  }
}

/** Numbers 0 ≤ x < 1 from a seed (xorshift32). */
function drawing(seed) {
  let x = seed | 0 || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

const queries = {
  async entries(view, { prefix, options, seed }) {
    const { random } = Math
    if (seed !== undefined) Math.random = drawing(seed)
    try {
      const iterator = view.iterator(prefix, { ...options, random: seed !== undefined })
      return (await all(iterator)).map(entry)
    } finally {
      Math.random = random
    }
  },
  async diff(view, { other, prefix, options }) {
    const found = await all(view.diff(other, prefix, options))
    return found.map(({ key, left, right }) => [key, entry(left), entry(right)])
  },
  async get(view, { key, options }) {
    return entry(await call(view, 'get', key, options))
  },
  async history(view, { options }) {
    return (await all(view.history(options))).map(entry)
  },
}

/** What comes of messages to the extension, and what a reader that holds nothing asks. */
async function speak(blocks, { messages, get }) {
  const feed = hypercore(() => ram())
  await call(feed, 'append', blocks.map(bytes))
  const sent = []
  const wanted = []
  const trie = hypertrie(null, null, { feed, extension: false })
  await call(trie, 'ready')
  const extension = new Extension(trie)
  extension.outgoing = { send: (message) => sent.push(new Uint8Array(message)) }
  feed.download = ({ start, end, blocks: named }) => wanted.push({ start, end, blocks: named })
  for (const message of messages) extension.onmessage(bytes(message), {})
  while (extension.active > 0) await new Promise((resolve) => setImmediate(resolve))

  const broadcast = []
  const reader = hypertrie(() => ram(), feed.key)
  await call(reader, 'ready')
  const outgoing = { broadcast: (message) => broadcast.push(new Uint8Array(message)) }
  reader._extension.outgoing = outgoing
  reader.checkout(get.version).get(get.key, () => {})
  while (broadcast.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return { sent, wanted, broadcast }
}

const heard = []

/** Writes a trie and offers it to who connects. */
async function offer({ operations }) {
  const trie = hypertrie(() => ram())
  await call(trie, 'ready')
  for (const operation of operations) await write(trie, operation)
  trie.on('extension-get', (key) => heard.push(['get', key]))
  trie.on('extension-iterator', (key) => heard.push(['iterator', key]))
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(trie.replicate(false, { live: true })).pipe(socket)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { key: new Uint8Array(trie.key), port: server.address().port }
}

/** Reads a trie of somebody else's, block by block as it is needed. */
async function read({ key, port, length, queries: asked }) {
  const trie = hypertrie(() => ram(), Buffer.from(key), { sparse: true })
  await call(trie, 'ready')
  const named = []
  const { _extension: extension } = trie
  const { oncache } = extension
  extension.oncache = (message, from) => {
    named.push(...message.blocks)
    oncache.call(extension, message, from)
  }
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pipe(trie.replicate(true, { live: true })).pipe(socket)
  while (trie.feed.length < length) await call(trie.feed, 'update', { ifAvailable: false })
  const answers = []
  for (const query of asked) answers.push(await queries[query.type](trie, query))
  return { answers, downloaded: trie.feed.downloaded(), named }
}

async function run(question) {
  const { blocks, header = {}, operations = [], queries: asked, extension } = question
  if (extension !== undefined) return speak(blocks, extension)
  if (question.serve !== undefined) return offer(question.serve)
  if (question.read !== undefined) return read(question.read)
  if (question.heard) return { heard }
  const feed = hypercore(() => ram())
  await call(feed, 'ready')
  if (blocks !== undefined) await call(feed, 'append', blocks.map(bytes))
  const trie = hypertrie(null, null, { feed, ...header })
  await call(trie, 'ready')
  for (const operation of operations) await write(trie, operation)
  const answers = []
  for (const query of asked) {
    const view = query.version === undefined ? trie : trie.checkout(query.version)
    answers.push(await queries[query.type](view, query))
  }
  const written = []
  for (let i = 0; i < feed.length; i++) written.push(new Uint8Array(await call(feed, 'get', i)))
  return { blocks: written, answers }
}

process.on('message', async ({ id, ...question }) => {
  try {
    process.send({ id, ...(await run(question)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})

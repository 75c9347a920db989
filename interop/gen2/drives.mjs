/**
 * Hyperdrive 10 in a process of its own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may be asked is the
 * table `operations`. It has one corestore in memory with two drives, `outer` and `inner`, and those that it opens by key.
 * Every `new Date()` is `NOW`. Everything binds to 127.0.0.1.
 */

import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import Corestore from 'corestore'
import hyperdrive from 'hyperdrive'
import ram from 'random-access-memory'

/** The one time of this process. */
const NOW = 1_600_000_000_000

const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [NOW] : args))
  }
}

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)
const store = new Corestore(() => ram())
const drives = new Map()

async function keys(drive) {
  await call(drive, 'ready')
  const content = await call(drive, 'getContent')
  const pair = ({ key, secretKey }) => ({
    publicKey: new Uint8Array(key),
    secretKey: new Uint8Array(secretKey),
  })
  return { metadata: pair(drive.metadata), content: pair(content) }
}

async function blocksOf(feed) {
  const blocks = []
  for (let i = 0; i < feed.length; i++) blocks.push(new Uint8Array(await call(feed, 'get', i)))
  return blocks
}

const steps = {
  put: (drive, { path, bytes, mode }) =>
    call(drive, 'writeFile', path, Buffer.from(bytes), mode === undefined ? {} : { mode }),
  del: (drive, { path }) => call(drive, 'unlink', path),
  mkdir: (drive, { path }) => call(drive, 'mkdir', path, {}),
  rmdir: (drive, { path }) => call(drive, 'rmdir', path),
  symlink: (drive, { path, target }) => call(drive, 'symlink', target, path),
  mount: (drive, { path, version }) =>
    call(drive, 'mount', path, drives.get('inner').key, version === undefined ? {} : { version }),
  unmount: (drive, { path }) => call(drive, 'unmount', path),
  setMetadata: (drive, { path, name, bytes }) =>
    call(drive, 'setMetadata', path, name, Buffer.from(bytes)),
  tag: (drive, { name }) => call(drive, 'createTag', name),
  untag: (drive, { name }) => call(drive, 'deleteTag', name),
}

const pipe = (isInitiator, socket) => {
  const stream = store.replicate(isInitiator, { live: true })
  // Who speaks another wire is refused, and is no reason to end.
  stream.on('error', () => socket.destroy())
  socket.on('error', () => stream.destroy())
  socket.pipe(stream).pipe(socket)
}

const operations = {
  /** Keys of both drives, new and empty. */
  async create() {
    for (const name of ['outer', 'inner']) drives.set(name, hyperdrive(store.namespace(name)))
    return { outer: await keys(drives.get('outer')), inner: await keys(drives.get('inner')) }
  },
  async play({ drive, list }) {
    for (const step of list) await steps[step.type](drives.get(drive), step)
    return {}
  },
  async blocks({ drive }) {
    const one = drives.get(drive)
    const content = await call(one, 'getContent')
    return { metadata: await blocksOf(one.metadata), content: await blocksOf(content) }
  },
  async listen() {
    const server = createServer((socket) => pipe(false, socket))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: server.address().port }
  },
  /** Opens a drive of somebody else's, and connects to who has it. */
  async open({ key, port }) {
    const drive = hyperdrive(store.namespace('theirs'), Buffer.from(key))
    await call(drive, 'ready')
    drives.set('theirs', drive)
    pipe(true, connect(port, '127.0.0.1'))
    return {}
  },
  /** Paths and sums of all files of `theirs`, or of those at `paths`, once it has the version. */
  async tree({ version, paths }) {
    const drive = drives.get('theirs')
    while (drive.version < version) await call(drive.metadata, 'update', { ifAvailable: false })
    const files = []
    for (const name of paths ?? (await call(drive, 'readdir', '/', { recursive: true }))) {
      const stat = await call(drive, 'lstat', name)
      if ((stat.mode & 0o170000) !== 0o100000) continue
      const bytes = await call(drive, 'readFile', name)
      files.push([`/${name}`, createHash('sha256').update(bytes).digest('hex')])
    }
    return { files }
  },
}

process.on('message', async ({ id, op, ...args }) => {
  try {
    process.send({ id, ...(await operations[op](args)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})

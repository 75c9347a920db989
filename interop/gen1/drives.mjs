/**
 * Hyperdrive 9 in a process of its own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may be asked is the
 * table `operations`. It has one drive in memory, its own or, by key, somebody else's. Everything binds to 127.0.0.1.
 */

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'

const require = createRequire(import.meta.url)
const hyperdrive = require('hyperdrive')
const ram = require('random-access-memory')

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)
let drive
/** The last connection has ended. */
let ended

const steps = {
  put: ({ path, bytes, mode }) =>
    call(drive, 'writeFile', path, Buffer.from(bytes), mode === undefined ? {} : { mode }),
  del: ({ path }) => call(drive, 'unlink', path),
  mkdir: ({ path }) => call(drive, 'mkdir', path, {}),
}

const pipe = (socket, live = true) => {
  socket.on('error', () => {})
  ended = new Promise((resolve) => socket.on('close', resolve))
  socket.pipe(drive.replicate({ live, encrypt: true })).pipe(socket)
}

/** Paths and sums of all files of a view. */
async function filesOf(view) {
  const files = []
  const walk = async (folder) => {
    for (const name of await call(view, 'readdir', folder)) {
      const path = `${folder === '/' ? '' : folder}/${name}`
      const stat = await call(view, 'stat', path)
      if (stat.isDirectory()) await walk(path)
      else {
        const bytes = await call(view, 'readFile', path)
        files.push([path, createHash('sha256').update(bytes).digest('hex')])
      }
    }
  }
  await walk('/')
  return files
}

const operations = {
  async create() {
    drive = hyperdrive(() => ram())
    await call(drive, 'ready')
    return { key: new Uint8Array(drive.key) }
  },
  async play({ list }) {
    for (const step of list) await steps[step.type](step)
    return { version: drive.version }
  },
  async listen() {
    const server = createServer((socket) => pipe(socket))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: server.address().port }
  },
  /** Opens a drive of somebody else's, and connects to who has it. */
  async open({ key, port, live }) {
    drive = hyperdrive(() => ram(), Buffer.from(key))
    const socket = connect(port, '127.0.0.1')
    pipe(socket, live)
    return {}
  },
  async ended() {
    await ended
    return {}
  },
  /** All files, once it has the version; or as they were at `at`. */
  async tree({ version, at }) {
    while (drive.version < version) await new Promise((resolve) => drive.metadata.update(resolve))
    return { files: await filesOf(at === undefined ? drive : drive.checkout(at)) }
  },
}

process.on('message', async ({ id, op, ...args }) => {
  try {
    process.send({ id, ...(await operations[op](args)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})

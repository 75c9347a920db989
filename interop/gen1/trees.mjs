/**
 * Hyperdrive 9 in a process of its own: `{ id, operations, names }` in, `{ id, blocks, views }` out.
 *
 * Writes files (`put`), folders (`mkdir`) and deletions (`del`, `rmdir`), and tells the blocks of the metadata feed and
 * what each version from 1 on shows under each of the names: the names in it (`lists`) and the version that put it
 * (`entries`), or null.
 */

import { promisify } from 'node:util'
import hyperdrive from 'hyperdrive'
import ram from 'random-access-memory'

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)
const METHODS = { mkdir: 'mkdir', del: 'unlink', rmdir: 'rmdir' }

const settled = (promise) =>
  promise.then(
    (value) => value,
    () => null,
  )

async function write(archive, { type, name, text }) {
  if (type === 'put') await call(archive, 'writeFile', name, text)
  else await call(archive, METHODS[type], name)
}

async function viewOf(tree, names) {
  const lists = []
  const entries = []
  for (const name of names) {
    lists.push([name, await settled(call(tree, 'list', name))])
    const node = await settled(call(tree, 'get', name, { node: true }))
    const seq = node !== null && node.type === 'put' ? node.version : null
    entries.push([name, seq])
  }
  return { lists, entries }
}

async function run({ operations, names }) {
  const archive = hyperdrive(() => ram())
  await call(archive, 'ready')
  for (const operation of operations) await write(archive, operation)
  const { metadata, tree } = archive
  const blocks = []
  for (let i = 0; i < metadata.length; i++) {
    blocks.push(new Uint8Array(await call(metadata, 'get', i, { valueEncoding: 'binary' })))
  }
  const views = []
  for (let version = 1; version < metadata.length; version++) {
    views.push(await viewOf(tree.checkout(version), names))
  }
  return { blocks, views }
}

process.on('message', async ({ id, ...question }) => {
  try {
    process.send({ id, ...(await run(question)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})

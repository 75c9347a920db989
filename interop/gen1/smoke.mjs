// Proves that the packages of the first Dat network load and work here: feeds of 6 and 7, an archive, a folder.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

// dat-node keeps secret keys below the home folder: give it one of its own before it is loaded.
const folder = await mkdtemp(join(tmpdir(), 'dat-smoke-'))
process.env.HOME = join(folder, 'home')
const require = createRequire(import.meta.url)
const [seven, six, hyperdrive, Dat, ram] = [
  'hypercore',
  'hypercore-6',
  'hyperdrive',
  'dat-node',
  'random-access-memory',
].map((name) => require(name))

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)

try {
  const feed = six(() => ram())
  await call(feed, 'append', ['a', 'b', 'c'])
  const copy = seven(() => ram(), feed.key)
  await call(copy, 'ready')
  const s = feed.replicate({ live: true })
  s.pipe(copy.replicate({ live: true })).pipe(s)
  assert.equal(String(await call(copy, 'get', 2)), 'c')

  const archive = hyperdrive(() => ram())
  await call(archive, 'writeFile', '/hello.txt', 'hello')
  const clone = hyperdrive(() => ram(), archive.key)
  await call(clone, 'ready')
  const t = archive.replicate({ live: true })
  t.pipe(clone.replicate({ live: true })).pipe(t)
  assert.equal(await call(clone, 'readFile', '/hello.txt', 'utf8'), 'hello')

  const share = join(folder, 'share')
  await mkdir(share)
  await writeFile(join(share, 'a.txt'), 'a')
  const dat = await promisify(Dat)(share)
  await promisify((done) => dat.importFiles(done))()
  assert.equal(dat.archive.version, 1)
  await promisify((done) => dat.close(done))()
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.stdout.write('ok\n')
process.exit(0)

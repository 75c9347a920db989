/** Whoever may not write is told why, and what to do: the same of a log and of all that stands on it. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '../../src/base/errors.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import { TreeDrive } from '../../src/drive/tree-drive.ts'
import { TrieDrive } from '../../src/drive/trie-drive.ts'
import { Bee } from '../../src/index/bee.ts'
import { Trie } from '../../src/index/trie/trie.ts'
import type { Log } from '../../src/log/log.ts'
import { encodeManifest, manifestKey } from '../../src/log/manifest.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore as openDiskStore } from '../../src/store/open.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { openWriter, proofOf, testKeyPair, write } from '../log/support.ts'
import { newTrieDrive } from './old-support.ts'
import { connect, openStore } from './support.ts'

const X = utf8('x')

async function refusal(write: () => Promise<unknown>): Promise<DatError> {
  try {
    await write()
  } catch (error) {
    assert.ok(error instanceof DatError, String(error))
    return error
  }
  assert.fail('it was written')
}

/** What each thing on a log says to somebody who writes, which must be one and the same. */
async function refusalOf(open: () => Promise<Log>): Promise<DatError> {
  const log = await open()
  const bee = Bee.open(await open())
  const trie = Trie.open(await open())
  const attempts = [
    () => log.append(X),
    async () => log.checkWritable(),
    () => bee.put(X, X),
    () => bee.del(X),
    async () => bee.checkWritable(),
    () => trie.put('x', X),
    () => trie.del('x'),
    async () => trie.checkWritable(),
  ]
  const [first, ...others] = await Promise.all(attempts.map(refusal))
  assert.ok(first)
  for (const { code, message, facts } of others) {
    assert.deepEqual([code, message, facts], [first.code, first.message, first.facts])
  }
  assert.deepEqual([log.writable, bee.writable, trie.writable], [false, false, false])
  return first
}

const reasonOf = ({ code, facts }: DatError): unknown[] => [code, facts['reason']]

test('without the secret key it is said that it is not here, and where to write', async () => {
  const store = await openStore()

  const error = await refusalOf(() => store.get({ key: testKeyPair().publicKey }))

  assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'key'])
  assert.match(error.message, /secret key of this log is not here\. Write where it is/)
})

test('a handle that was opened for reading says so, also of a log that is ours', async () => {
  const store = await openStore()

  const error = await refusalOf(() => store.get({ name: 'ours' }, { writable: false }))

  assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'handle'])
  assert.match(error.message, /for reading only\. Open another one/)
})

test('a bee or a trie that was opened for reading says so of itself', async () => {
  const store = await openStore()
  const bee = Bee.open(await store.get({ name: 'bee' }), { readOnly: true })
  const trie = Trie.open(await store.get({ name: 'trie' }), { readOnly: true })

  const errors = await Promise.all([refusal(() => bee.put(X, X)), refusal(() => trie.put('x', X))])

  assert.deepEqual(errors.map(reasonOf), [
    ['NOT_WRITABLE', 'handle'],
    ['NOT_WRITABLE', 'handle'],
  ])
  assert.match(errors[0]?.message ?? '', /^This bee/)
  assert.match(errors[1]?.message ?? '', /^This trie/)
})

test('a copied store is named with what `recover` means, also where the secret key is here', async () => {
  const disk = new FakeDisk()
  disk.id = 'here'
  const original = await Corestore.open({ store: await openDiskStore({ disk }) })
  await (await original.get({ name: 'ours' })).append(X)
  await original.close()
  const copied = new FakeDisk(disk.files())
  copied.id = 'there'
  const copy = await Corestore.open({ store: await openDiskStore({ disk: copied }) })

  const error = await refusalOf(() => copy.get({ name: 'ours' }))

  assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'store'])
  assert.match(error.message, /directory was copied.*`recover`/)
  await copy.close()
})

test('a log that two histories are signed of is refused as FORKED, with what is proved', async () => {
  const store = openMemoryStore()
  const [one, two] = [await openWriter({ store }), await openWriter()]
  await write(one, [utf8('a')])
  await write(two, [utf8('b')])
  one.checkConflict(proofOf(two, { upgradeLength: 1 }))
  await one.commit()
  const corestore = await Corestore.open({ store })

  const error = await refusalOf(() => corestore.get({ key: one.key }))

  assert.equal(error.code, 'FORKED')
  assert.deepEqual([error.facts['length'], error.facts['otherLength']], [1, 1])
  await corestore.close()
})

test('one key pair of several is told to collect the signatures of the others', async () => {
  const signers = [1, 2].map((n) => ({
    namespace: new Uint8Array(32),
    publicKey: testKeyPair(n).publicKey,
  }))
  const manifest = encodeManifest({
    version: 1,
    allowPatch: false,
    quorum: 2,
    signers,
    prologue: undefined,
    linked: undefined,
    userData: undefined,
  })
  const store = await openStore()
  const key = manifestKey(manifest)
  const log = await store.get({ key, manifest, keyPair: testKeyPair(1) })

  const error = await refusalOf(async () => log.session())

  assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'signers'])
  assert.match(error.message, /collect the signatures/)
})

test('drives of each format say what their log says', async () => {
  const store = await openStore()
  const key = testKeyPair().publicKey
  const bee = await BeeDrive.open({ store, key })
  await (await newTrieDrive({ store, keyPair: testKeyPair(2) })).put('/x', X)
  const trie = await TrieDrive.open({ store, key: testKeyPair(2).publicKey, readOnly: true })
  const tree = await TreeDrive.open({ store, key: testKeyPair(3).publicKey })

  const errors = await Promise.all([
    refusal(() => bee.put('/x', X)),
    refusal(() => bee.amend('/x', {})),
    refusal(async () => bee.batch()),
    refusal(async () => bee.checkWritable()),
  ])
  const old = await Promise.all([
    refusal(() => trie.put('/x', X)),
    refusal(() => trie.mkdir('/y')),
    refusal(async () => trie.checkWritable()),
  ])

  for (const error of errors) assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'key'])
  for (const error of old) assert.deepEqual(reasonOf(error), ['NOT_WRITABLE', 'handle'])
  assert.throws(() => tree.checkWritable(), { code: 'UNSUPPORTED' })
})

test('below a mount the refusal names the mount, and why the drive there is not written', async () => {
  const [ours, theirs] = [await openStore(), await openStore()]
  const inner = await newTrieDrive({ store: theirs, keyPair: testKeyPair(2) })
  await inner.put('/a', X)
  const outer = await newTrieDrive({ store: ours, keyPair: testKeyPair(1) })
  await outer.mount('/in', inner.key)
  await outer.mount('/old', inner.key, { version: 2 })
  const part = connect(ours, theirs)

  const alive = await refusal(() => outer.put('/in/x', X))
  const pinned = await refusal(() => outer.put('/old/x', X))
  part()

  assert.deepEqual([...reasonOf(alive), alive.facts['path']], ['NOT_WRITABLE', 'key', '/in'])
  assert.match(alive.message, /mounted at \/in can't be written\. The secret key/)
  assert.deepEqual([...reasonOf(pinned), pinned.facts['path']], ['NOT_WRITABLE', 'version', '/old'])
})

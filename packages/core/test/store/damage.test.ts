/** Stored files that were damaged, lost or copied: never a wrong byte, and never a shorter log without a word. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { Pace } from '../../src/base/pace.ts'
import { readFrames } from '../../src/store/engine/frames.ts'
import { openStore } from '../../src/store/open.ts'
import type { Slot, Store } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, appendAndCommit, bytesOf, identityOf } from './helpers.ts'
import {
  HEAVY_STORY,
  type History,
  LARGER,
  play,
  reopen,
  SMALL,
  STORY,
  showsOneOf,
} from './history.ts'

/** Every content that a block of a log ever had. */
function contentsOf({ moments }: History): Map<string, Set<string>> {
  const contents = new Map<string, Set<string>>()
  for (const { state } of moments) {
    for (const [seed, log] of state) {
      for (const [index, block] of log.blocks) {
        const place = `${seed}/${index}`
        const known = contents.get(place) ?? new Set()
        known.add(Buffer.from(bytesOf(block.size, block.seed)).toString('hex'))
        contents.set(place, known)
      }
    }
  }
  return contents
}

/** Reads a block: its bytes as hex, `undefined`, or the error of damage. */
function tryRead(slot: Slot, index: number): string | undefined | 'damaged' {
  try {
    const block = slot.read(index)
    return block && Buffer.from(block).toString('hex')
  } catch (error) {
    assert.ok(isCode(error, 'CORRUPT_STORE'), `${error}`)
    return 'damaged'
  }
}

/**
 * Opens a damaged disk and judges what it shows: everything right, or an error, or a store that says what is wrong;
 * and in no case bytes that a block never had.
 */
async function judge(
  files: ReadonlyMap<string, Uint8Array>,
  history: History,
  what: string,
): Promise<'right' | 'block error' | 'read-only' | 'refused'> {
  let store: Store
  try {
    store = await reopen(new FakeDisk(files))
  } catch (error) {
    assert.ok(isCode(error, 'CORRUPT_STORE'), `${what}: ${error}`)
    return 'refused'
  }
  const contents = contentsOf(history)
  const last = history.moments.at(-1)
  assert.ok(last !== undefined)
  let errors = 0
  for (const [seed, log] of last.state) {
    const number = store.find(identityOf(seed).discoveryKey)
    if (number === undefined) {
      assert.notEqual(store.whyReadOnly, undefined, `${what}: log ${seed} is gone without a word`)
      continue
    }
    const slot = store.slot(number)
    if (store.whyReadOnly === undefined) assert.equal(slot.head.length, log.length, what)
    for (let index = 0; index < Math.max(log.length, slot.head.length); index++) {
      const found = tryRead(slot, index)
      if (found === 'damaged') errors++
      else if (found !== undefined) {
        assert.ok(contents.get(`${seed}/${index}`)?.has(found), `${what}: wrong bytes at ${index}`)
      } else if (store.whyReadOnly === undefined) {
        assert.equal(log.blocks.has(index), false, `${what}: block ${index} is gone`)
      }
    }
  }
  const verdict =
    store.whyReadOnly !== undefined ? 'read-only' : errors > 0 ? 'block error' : 'right'
  await store.close().catch((error: unknown) => assert.ok(isCode(error, 'CORRUPT_STORE')))
  return verdict
}

for (const [name, story, options, stride] of [
  ['a closed store', STORY, { closes: true }, 1],
  ['a store whose process died after a sync', STORY, { syncsEach: true }, 5],
  ['a closed store that gave space back', HEAVY_STORY, { closes: true, sizes: LARGER }, 7],
] as const) {
  test(`a flipped bit anywhere in ${name} is harmless or detected`, async () => {
    const history = await play(story, options)
    const files = history.disk.killed().files()
    const verdicts = new Map<string, number>()

    for (const [file, bytes] of files) {
      for (let at = 0; at < bytes.length; at += stride) {
        const flipped = new Uint8Array(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
        const what = `${file} byte ${at}`
        const verdict = await judge(new Map([...files, [file, flipped]]), history, what)
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
      }
    }

    assert.ok((verdicts.get('right') ?? 0) > 0)
    assert.ok((verdicts.get('block error') ?? 0) > 0)
  })

  test(`a missing or shortened file of ${name} is harmless or detected`, async () => {
    const history = await play(story, options)
    const files = history.disk.killed().files()

    for (const [file, bytes] of files) {
      const without = new Map(files)
      without.delete(file)
      await judge(without, history, `without ${file}`)
      const step = Math.max(1, Math.floor(bytes.length / 40))
      for (let length = 0; length < bytes.length; length += step) {
        const cut = new Map([...files, [file, bytes.subarray(0, length)]])
        await judge(cut, history, `${file} cut to ${length}`)
      }
    }
  })
}

test('an error names the log, the block and the file', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32 })
  const slot = await store.create(identityOf(1))
  await appendAndCommit(store, slot, bytesOf(100, 1), bytesOf(100, 2), bytesOf(100, 3))
  await store.close()
  const files = disk.files()
  const data = files.get('data-32.log') ?? new Uint8Array()
  const at = Buffer.from(data).indexOf(bytesOf(100, 2))
  data[at + 50] = (data[at + 50] ?? 0) ^ 1

  const again = await openStore({ disk: new FakeDisk(files), crc32 })
  const copy = again.slot(slot.log)

  assert.throws(
    () => copy.read(1),
    (error: unknown) =>
      isCode(error, 'CORRUPT_STORE') &&
      error.facts['log'] === slot.log &&
      error.facts['block'] === 1 &&
      error.facts['file'] === 'data-32.log',
  )
  assert.throws(() => copy.readInto(1, new Uint8Array(100), 0), /damaged/)
  assert.deepEqual(copy.read(0), bytesOf(100, 1))
  assert.deepEqual(copy.read(2), bytesOf(100, 3))
  copy.stageClear(1, 2)
  await again.commit()
  assert.equal(copy.read(1), undefined)
  await again.close()
})

test('a bad record with synced ones behind it makes the store read-only until the user says recover', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32 })
  const slot = await store.create(identityOf(1, { publicKey: bytesOf(32, 1) }))
  for (let i = 0; i < 40; i++) await appendAndCommit(store, slot, bytesOf(100, i))
  await store.sync()
  for (let i = 40; i < 50; i++) await appendAndCommit(store, slot, bytesOf(100, i))
  const files = disk.killed().files()
  const data = files.get('data-32.log') ?? new Uint8Array()
  const at = Buffer.from(data).indexOf(bytesOf(100, 20))
  data[at] = (data[at] ?? 0) ^ 1

  const damaged = new FakeDisk(files)
  const readOnly = await openStore({ disk: damaged, crc32 })
  assert.match(readOnly.whyReadOnly ?? '', /damaged/)
  assert.equal(readOnly.writable, false)
  const copy = readOnly.slot(0)
  assert.equal(copy.head.length, 20)
  assert.deepEqual(copy.read(19), bytesOf(100, 19))
  assert.throws(
    () => copy.reserve(20, 10),
    (error: unknown) => isCode(error, 'NOT_WRITABLE'),
  )
  await assert.rejects(readOnly.create(identityOf(2)), (error: unknown) =>
    isCode(error, 'NOT_WRITABLE'),
  )
  await readOnly.commit()
  await readOnly.close()
  assert.deepEqual(damaged.files(), files, 'nothing was written')

  const recovered = await openStore({ disk: damaged, crc32, recover: true })
  assert.equal(recovered.writable, true)
  assert.equal(recovered.slot(0).head.length, 20)
  await appendAndCommit(recovered, recovered.slot(0), bytesOf(7, 7))
  await recovered.close()
  const again = await openStore({ disk: damaged, crc32 })
  assert.equal(again.whyReadOnly, undefined)
  assert.deepEqual(again.slot(0).read(20), bytesOf(7, 7))
  await again.close()
  await store.close()
})

test('a store without its keys can be read, and its primary key is not made up', async () => {
  const { disk, moments } = await play(STORY, { closes: true })
  const files = disk.files()
  const keys = files.get('keys')
  files.delete('keys')

  const store = await reopen(new FakeDisk(files))

  assert.match(store.whyReadOnly ?? '', /keys/)
  assert.throws(
    () => store.primaryKey,
    (error: unknown) => isCode(error, 'CORRUPT_STORE'),
  )
  showsOneOf(store, moments, moments.length - 1, moments.length - 1, 'without keys')
  await store.close()
  const recovered = await openStore({ disk: new FakeDisk(files), crc32, recover: true })
  assert.equal(recovered.writable, true)
  assert.equal(recovered.primaryKey.length, 32)
  await recovered.close()
  assert.notEqual(keys, undefined)
})

test('the keys outlive the data: a store whose data was deleted has the same identity', async () => {
  const { disk } = await play(STORY, { closes: true })
  const before = await reopen(disk)
  const { primaryKey } = before
  await before.close()
  const keys = disk.files().get('keys') ?? new Uint8Array()

  const store = await reopen(new FakeDisk(new Map([['keys', keys]])))

  assert.equal(store.writable, true)
  assert.deepEqual(store.primaryKey, primaryKey)
  assert.deepEqual([...store.logs()], [])
  await store.close()
})

test('keys that can not be read are not replaced by new ones', async () => {
  const { disk } = await play([], { closes: true })
  const keys = new Uint8Array(disk.files().get('keys') ?? [])
  keys[50] = (keys[50] ?? 0) ^ 1
  keys[160] = (keys[160] ?? 0) ^ 1

  const damaged = new FakeDisk(new Map([['keys', keys]]))

  await assert.rejects(reopen(damaged), (error: unknown) => isCode(error, 'CORRUPT_STORE'))
  assert.deepEqual(damaged.files().get('keys'), keys)
})

test('a copied directory is read-only until the user says recover; the original is not', async () => {
  const disk = new FakeDisk()
  disk.id = 'here'
  const store = await openStore({ disk, crc32 })
  const slot = await store.create(identityOf(1))
  await appendAndCommit(store, slot, bytesOf(10, 1))
  await store.close()

  const copied = new FakeDisk(disk.files())
  copied.id = 'there'
  const copy = await openStore({ disk: copied, crc32 })
  assert.match(copy.whyReadOnly ?? '', /copied/)
  assert.deepEqual(copy.slot(0).read(0), bytesOf(10, 1))
  await copy.close()

  const original = await openStore({ disk, crc32 })
  assert.equal(original.writable, true)
  await original.close()
  const unknown = new FakeDisk(disk.files())
  const onOther = await openStore({ disk: unknown, crc32 })
  assert.equal(onOther.writable, true, 'where inodes say nothing, nothing is concluded')
  await onOther.close()

  const recovered = await openStore({ disk: copied, crc32, recover: true })
  await appendAndCommit(recovered, recovered.slot(0), bytesOf(10, 2))
  await recovered.close()
  const again = await openStore({ disk: copied, crc32 })
  assert.equal(again.writable, true)
  assert.equal(again.slot(0).head.length, 2)
  await again.close()
})

test('a file of a newer format is refused, and nothing is changed', async () => {
  const { disk } = await play(STORY, { closes: true })
  for (const [name, bytes] of disk.files()) {
    const newer = new Uint8Array(bytes)
    newer[9] = 2
    const view = new DataView(newer.buffer)
    view.setUint32(12, 0, true)
    view.setUint32(12, crc32(newer.subarray(0, 32)), true)
    const files = new Map([...disk.files(), [name, newer]])
    const changed = new FakeDisk(files)
    let error: unknown
    const store = await reopen(changed).catch((caught: unknown) => {
      error = caught
    })
    // Segments that no longer grow are not looked at until they are needed.
    const isOldSegment = store !== undefined && /^(data|pages)-/.test(name)
    assert.ok(isOldSegment || isCode(error, 'STORE_TOO_NEW'), `${name}: ${error}`)
    if (store === undefined) assert.deepEqual(changed.files(), files)
    else await store.close()
  }
})

test('segments of another store are noticed', async () => {
  const { disk } = await play(STORY)
  const other = await play(STORY)
  const files = disk.killed().files()
  const names = [...files.keys()].filter((name) => name.startsWith('data-'))
  const last = names.at(-1) ?? ''
  const foreign = other.disk.killed().files().get(last) ?? new Uint8Array()

  const store = await reopen(new FakeDisk(new Map([...files, [last, foreign]])))

  assert.match(store.whyReadOnly ?? '', /another store/)
  await store.close()
})

test('damage is found again each time, until it is recovered', async () => {
  const history = await play(STORY, { syncsEach: true })
  const files = history.disk.killed().files()
  const first = [...files.keys()].find((name) => name.startsWith('data-')) ?? ''
  files.delete(first)
  const disk = new FakeDisk(files)
  for (let i = 0; i < 2; i++) {
    const store = await reopen(disk)
    assert.match(store.whyReadOnly ?? '', new RegExp(first))
    await store.close()
  }

  const recovered = await openStore({ disk, crc32, sizes: SMALL, recover: true })
  const [log = -1] = recovered.logs()
  const { length } = recovered.slot(log).head
  await appendAndCommit(recovered, recovered.slot(log), bytesOf(5, 5))
  await recovered.close()

  const again = await reopen(disk)
  assert.equal(again.whyReadOnly, undefined)
  assert.deepEqual(again.slot(log).read(length), bytesOf(5, 5))
  await again.close()
})

test('what a recovered store gives back is not what it still needs', async () => {
  const sizes = { segmentBytes: 20_000 }
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32, sizes })
  const x = await store.create(identityOf(1))
  const y = await store.create(identityOf(2))
  append(y, bytesOf(3_000, 9))
  for (let i = 0; i < 6; i++) append(x, bytesOf(3_000, i))
  await store.commit()
  for (let i = 0; i < 5; i++) await appendAndCommit(store, y, bytesOf(3_000, i))
  await store.close()
  const last = disk.list().findLast((name) => name.startsWith('data-')) ?? ''
  const recordAt = disk.files().get(last)?.length ?? 0
  const clearsX = await openStore({ disk, crc32, sizes })
  clearsX.slot(x.log).stageClear(0, 6)
  await clearsX.close()
  const frameAt = disk.files().get('index-1')?.length ?? 0
  const clearsY = await openStore({ disk, crc32, sizes })
  clearsY.slot(y.log).stageClear(0, 1)
  await clearsY.close()
  const end = disk.ops.findIndex((op) => op.kind === 'write' && op.at === frameAt)
  const files = disk.killed(end + 1).files()
  // Neither the index nor the log tells any more that x was cleared; that y was, and what that left, they do.
  const index = files.get('index-1') ?? new Uint8Array()
  const { before } = await readFrames(index, crc32, new Pace(new ManualClock()))
  const frame = before.at(-2)
  flip(files, 'index-1', (frame?.from ?? 0) + 10)
  flip(files, last, recordAt + 40)

  const recovered = await openStore({ disk: new FakeDisk(files), crc32, sizes, recover: true })
  for (let i = 0; i < 3; i++) {
    await appendAndCommit(recovered, recovered.slot(y.log), bytesOf(10, i))
    await recovered.checkpoint()
  }

  assert.equal(recovered.slot(y.log).has(0), false)
  for (let i = 0; i < 6; i++) assert.deepEqual(recovered.slot(x.log).read(i), bytesOf(3_000, i))
  await recovered.close()
})

function flip(files: Map<string, Uint8Array>, name: string, at: number): void {
  const bytes = files.get(name)
  assert.ok(bytes !== undefined && at < bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ 1
}

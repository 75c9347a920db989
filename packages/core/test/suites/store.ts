/**
 * The contract of `Store`, as tests. Both engines run this file.
 *
 * Owns: everything that `store/store.ts` promises and that can be seen through it. What only a disk can show (crashes,
 * damage, locks, space) is tested beside the engine.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '../../src/base/errors.ts'
import { BLOCK_BYTES_MAX } from '../../src/base/limits.ts'
import type { Slot, Store } from '../../src/store/store.ts'
import {
  append,
  appendAndCommit,
  blocksOf,
  bytesOf,
  headOf,
  identityOf,
  nodeOf,
  putBlock,
} from '../store/helpers.ts'

export interface StoreSubject {
  readonly name: string
  /** A new, empty store. */
  open(): Promise<Store>
  /** Closes the store and opens it again; absent where nothing lasts. */
  reopen?(store: Store): Promise<Store>
}

export function storeSuite(subject: StoreSubject): void {
  logTests(subject)
  blockTests(subject)
  rangeTests(subject)
  nodeTests(subject)
  changeTests(subject)
  addressTests(subject)
  if (subject.reopen !== undefined) lastingTests(subject, subject.reopen)
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DatError && error.code === code
}

async function withLog({ open }: StoreSubject, seed = 1): Promise<{ store: Store; slot: Slot }> {
  const store = await open()
  return { store, slot: await store.create(identityOf(seed)) }
}

// ---- Logs ----------------------------------------------------------------------------------------

function logTests(subject: StoreSubject): void {
  const { name, open } = subject

  test(`${name}: a log is found by its discovery key and by its alias, and by nothing else`, async () => {
    const store = await open()
    const alias = { namespace: bytesOf(32, 5), name: 'café' }
    const first = await store.create(identityOf(1))
    const second = await store.create(identityOf(2, { alias, publicKey: bytesOf(32, 6) }))

    assert.equal(store.find(identityOf(1).discoveryKey), first.log)
    assert.equal(store.find(identityOf(2).discoveryKey), second.log)
    assert.equal(store.find(identityOf(3).discoveryKey), undefined)
    assert.equal(store.findAlias(alias), second.log)
    assert.equal(store.findAlias({ ...alias, name: 'cafe' }), undefined)
    assert.equal(store.findAlias({ ...alias, namespace: bytesOf(32, 7) }), undefined)
    assert.deepEqual([...store.logs()], [first.log, second.log])
    assert.equal(store.slot(second.log), second)
    assert.throws(() => store.slot(99), isCode('NOT_FOUND'))
    await store.close()
  })

  test(`${name}: an identity is kept whole and shares no memory with its caller`, async () => {
    const store = await open()
    const given = identityOf(1, {
      generation: 2,
      manifest: bytesOf(100, 1),
      publicKey: bytesOf(32, 2),
      secretKey: bytesOf(64, 3),
      alias: { namespace: bytesOf(32, 4), name: '' },
    })
    const expected = structuredClone(given)

    const slot = await store.create(given)
    given.key.fill(0)
    given.secretKey?.fill(0)

    assert.deepEqual(slot.identity, expected)
    await store.close()
  })

  test(`${name}: the same log or alias is not made twice`, async () => {
    const store = await open()
    const alias = { namespace: bytesOf(32, 5), name: 'a' }
    await store.create(identityOf(1, { alias }))

    await assert.rejects(store.create(identityOf(1)), isCode('CONFLICT'))
    await assert.rejects(store.create(identityOf(2, { alias })), isCode('CONFLICT'))
    assert.equal(store.find(identityOf(2).discoveryKey), undefined)
    assert.equal([...store.logs()].length, 1)
    await store.close()
  })

  test(`${name}: an identity of wrong lengths is refused`, async () => {
    const store = await open()
    const wrong = [
      { key: bytesOf(31, 1) },
      { discoveryKey: bytesOf(33, 1) },
      { publicKey: bytesOf(31, 1) },
      { secretKey: bytesOf(64, 1) },
      { publicKey: bytesOf(32, 1), secretKey: bytesOf(32, 1) },
      { alias: { namespace: bytesOf(31, 1), name: '' } },
    ]

    for (const more of wrong) {
      await assert.rejects(store.create(identityOf(1, more)), isCode('BAD_ARGUMENT'))
    }
    await store.close()
  })

  test(`${name}: a removed log is gone with its alias, and can be made again`, async () => {
    const store = await open()
    const alias = { namespace: bytesOf(32, 5), name: 'a' }
    const slot = await store.create(identityOf(1, { alias }))
    await appendAndCommit(store, slot, bytesOf(10, 1))

    store.remove(slot.log)
    await store.commit()

    assert.equal(store.find(identityOf(1).discoveryKey), undefined)
    assert.equal(store.findAlias(alias), undefined)
    assert.equal(store.stats().logs, 0)
    const again = await store.create(identityOf(1, { alias }))
    assert.equal(again.head.length, 0)
    assert.equal(again.read(0), undefined)
    await store.close()
  })

  test(`${name}: a removal that is taken back never happened`, async () => {
    const { store, slot } = await withLog(subject)
    await appendAndCommit(store, slot, bytesOf(10, 1), bytesOf(20, 2))
    const mark = store.mark()

    store.remove(slot.log)
    store.rewind(mark)
    await store.commit()

    assert.equal(store.find(identityOf(1).discoveryKey), slot.log)
    assert.deepEqual(blocksOf(store.slot(slot.log)), [bytesOf(10, 1), bytesOf(20, 2)])
    await store.close()
  })

  test(`${name}: a closed store refuses changes`, async () => {
    const { store, slot } = await withLog(subject)

    await store.close()
    await store.close()

    await assert.rejects(store.commit(), isCode('CLOSED'))
    await assert.rejects(store.create(identityOf(2)), isCode('CLOSED'))
    assert.throws(() => slot.stageHead(headOf(1)), isCode('CLOSED'))
  })
}

// ---- Blocks --------------------------------------------------------------------------------------

function blockTests(subject: StoreSubject): void {
  const { name } = subject

  test(`${name}: the nine bytes before a reserved block are the leaf prefix of its generation`, async () => {
    const store = await subject.open()
    const little = await store.create(identityOf(1))
    const big = await store.create(identityOf(2, { generation: 1 }))

    const at = little.reserve(0, 0x1234)
    assert.deepEqual([...little.staging.subarray(at - 9, at)], [0, 0x34, 0x12, 0, 0, 0, 0, 0, 0])
    const atBig = big.reserve(0, 0x1234)
    assert.deepEqual([...big.staging.subarray(atBig - 9, atBig)], [0, 0, 0, 0, 0, 0, 0, 0x12, 0x34])
    await store.close()
  })

  test(`${name}: a block is held from putBlock on, before and after the commit`, async () => {
    const { store, slot } = await withLog(subject)
    const block = bytesOf(100, 1)

    const at = slot.reserve(3, block.length)
    slot.staging.set(block, at)
    assert.equal(slot.has(3), false)
    assert.equal(slot.read(3), undefined)
    putBlock(slot, 3, block)
    assert.deepEqual(slot.read(3), block)
    await store.commit()

    assert.equal(slot.has(3), true)
    assert.equal(slot.has(2), false)
    assert.equal(slot.heldBlocks, 1)
    assert.equal(slot.contiguousLength, 0)
    assert.deepEqual(slot.read(3), block)
    await store.close()
  })

  test(`${name}: what is read belongs to the reader`, async () => {
    const { store, slot } = await withLog(subject)
    await appendAndCommit(store, slot, bytesOf(50, 1), bytesOf(50, 2))

    slot.read(0)?.fill(0)
    const second = slot.read(1)
    for (let i = 0; i < 20; i++) await appendAndCommit(store, slot, bytesOf(1000, i))

    assert.deepEqual(slot.read(0), bytesOf(50, 1))
    assert.deepEqual(second, bytesOf(50, 2))
    await store.close()
  })

  test(`${name}: readInto copies to where it is told and nowhere else`, async () => {
    const { store, slot } = await withLog(subject)
    await appendAndCommit(store, slot, bytesOf(5, 1))
    const into = new Uint8Array(9).fill(7)

    assert.equal(slot.readInto(0, into, 2), true)
    assert.equal(slot.readInto(1, into, 0), false)

    assert.deepEqual(into, new Uint8Array([7, 7, ...bytesOf(5, 1), 7, 7]))
    await store.close()
  })

  test(`${name}: blocks of no bytes, of one, and of the most allowed`, async () => {
    const { store, slot } = await withLog(subject)
    const largest = bytesOf(BLOCK_BYTES_MAX, 3)

    await appendAndCommit(store, slot, new Uint8Array(0), bytesOf(1, 1), largest, new Uint8Array(0))

    assert.equal(slot.contiguousLength, 4)
    assert.deepEqual(slot.read(0), new Uint8Array(0))
    assert.deepEqual(slot.read(1), bytesOf(1, 1))
    assert.equal(Buffer.compare(slot.read(2) ?? largest.subarray(1), largest), 0)
    assert.deepEqual(slot.read(3), new Uint8Array(0))
    assert.throws(() => slot.reserve(4, BLOCK_BYTES_MAX + 1), isCode('BAD_ARGUMENT'))
    await store.close()
  })

  test(`${name}: the next reservation gives up the one before, and only the last can be put`, async () => {
    const { store, slot } = await withLog(subject)

    slot.reserve(0, 10)
    putBlock(slot, 1, bytesOf(10, 1))
    assert.throws(() => slot.putBlock(0), isCode('INVARIANT'))
    slot.reserve(5, 10)
    await store.commit()

    assert.throws(() => slot.putBlock(5), isCode('INVARIANT'))
    assert.equal(slot.has(0), false)
    assert.equal(slot.has(5), false)
    assert.deepEqual(slot.read(1), bytesOf(10, 1))
    await store.close()
  })

  test(`${name}: blocks and nodes of many logs share a commit`, async () => {
    const store = await subject.open()
    const slots: Slot[] = []
    for (let i = 0; i < 10; i++) slots.push(await store.create(identityOf(i)))

    for (let round = 0; round < 5; round++) {
      for (const slot of slots) append(slot, bytesOf(20, 100 * slot.log + round))
    }
    await store.commit()

    for (const slot of slots) {
      const expected = [0, 1, 2, 3, 4].map((round) => bytesOf(20, 100 * slot.log + round))
      assert.deepEqual(blocksOf(slot), expected)
    }
    await store.close()
  })

  test(`${name}: a leaf may be put before its block, and nodes between the two`, async () => {
    const { store, slot } = await withLog(subject)
    const other = await store.create(identityOf(2))
    const block = bytesOf(30, 1)
    putBlock(slot, 0, bytesOf(3, 3))

    const at = slot.reserve(1, block.length)
    slot.staging.set(block, at)
    slot.putNode(1, 33, bytesOf(32, 9), 0)
    other.putNode(4, 5, bytesOf(32, 8), 0)
    slot.putNode(5, 44, bytesOf(32, 7), 0)
    slot.putBlock(1)
    putBlock(slot, 2, bytesOf(4, 4))
    slot.stageHead(headOf(4))
    await store.commit()

    assert.deepEqual(slot.read(1), block)
    assert.deepEqual(slot.read(2), bytesOf(4, 4))
    assert.deepEqual(nodeOf(slot, 5), { size: 44, hash: bytesOf(32, 7) })
    await store.close()
  })
}

// ---- Ranges --------------------------------------------------------------------------------------

function rangeTests(subject: StoreSubject): void {
  const { name } = subject

  test(`${name}: the contiguous length grows over what was there before it`, async () => {
    const { store, slot } = await withLog(subject)

    for (const index of [1, 2, 5, 4]) putBlock(slot, index, bytesOf(3, index))
    assert.equal(slot.contiguousLength, 0)
    putBlock(slot, 0, bytesOf(3, 0))
    assert.equal(slot.contiguousLength, 3)
    putBlock(slot, 3, bytesOf(3, 3))
    assert.equal(slot.contiguousLength, 6)
    assert.equal(slot.heldBlocks, 6)
    await store.commit()
    await store.close()
  })

  test(`${name}: nextHeld and nextMissing, near and far`, async () => {
    const { store, slot } = await withLog(subject)
    // On both sides of every size at which an index page ends or grows.
    const held = [0, 3, 4, 15, 16, 63, 64, 65, 8191, 8192, 8193, 1_048_575, 1_048_576, 2 ** 35]
    for (const index of held) putBlock(slot, index, bytesOf(2, index % 1000))
    await store.commit()

    const end = 2 ** 36
    const found: number[] = []
    for (let i = slot.nextHeld(0, end); i < end; i = slot.nextHeld(i + 1, end)) found.push(i)
    assert.deepEqual(found, held)
    for (const index of held) {
      assert.equal(slot.has(index), true, `${index}`)
      assert.equal(slot.has(index + 1), held.includes(index + 1), `${index + 1}`)
      const missing = slot.nextMissing(index, end)
      assert.equal(held.includes(missing), false, `${missing}`)
      for (let i = index; i < missing; i++) assert.equal(held.includes(i), true, `${i}`)
    }
    assert.equal(slot.nextHeld(5, 15), 15)
    assert.equal(slot.nextHeld(5, 16), 15)
    assert.equal(slot.nextMissing(63, 65), 65)
    assert.equal(slot.nextHeld(7, 7), 7)
    assert.equal(slot.nextMissing(9, 9), 9)
    await store.close()
  })

  test(`${name}: whole pages that are full are stepped over`, async () => {
    const { store, slot } = await withLog(subject)
    for (let i = 0; i < 300; i++) putBlock(slot, 64 + i, bytesOf(1, i))
    await store.commit()

    assert.equal(slot.nextHeld(0, 1000), 64)
    assert.equal(slot.nextMissing(64, 1000), 364)
    assert.equal(slot.nextMissing(64, 200), 200)
    assert.equal(slot.nextHeld(364, 1000), 1000)
    await store.close()
  })
}

// ---- Nodes ---------------------------------------------------------------------------------------

function nodeTests(subject: StoreSubject): void {
  const { name } = subject

  test(`${name}: nodes of every level are found again, and nothing between them`, async () => {
    const { store, slot } = await withLog(subject)
    // Leaves, inner nodes, and those one, two and three pages up: 127, 128 x 127 + 127, and so on.
    const indices = [0, 1, 2, 3, 7, 62, 63, 126, 127, 255, 383, 16_255, 16_383, 2_097_151]
    indices.push(2 ** 40 - 1, 2 ** 41 + 2)
    for (const index of indices) slot.putNode(index, index + 1, bytesOf(40, index % 997), 8)
    await store.commit()

    for (const index of indices) {
      const expected = { size: index + 1, hash: bytesOf(40, index % 997).subarray(8) }
      assert.deepEqual(nodeOf(slot, index), expected, `node ${index}`)
    }
    for (const index of [4, 5, 125, 128, 129, 191, 511, 2 ** 41 - 1, 2 ** 45]) {
      assert.equal(slot.findNode(index), false, `node ${index}`)
    }
    await store.close()
  })

  test(`${name}: a node is replaced, and the old one comes back when that is taken back`, async () => {
    const { store, slot } = await withLog(subject)
    slot.putNode(5, 10, bytesOf(32, 1), 0)
    await store.commit()

    const mark = store.mark()
    slot.putNode(5, 20, bytesOf(32, 2), 0)
    slot.putNode(7, 20, bytesOf(32, 3), 0)
    assert.deepEqual(nodeOf(slot, 5), { size: 20, hash: bytesOf(32, 2) })
    store.rewind(mark)

    assert.deepEqual(nodeOf(slot, 5), { size: 10, hash: bytesOf(32, 1) })
    assert.equal(slot.findNode(7), false)
    await store.close()
  })

  test(`${name}: signatures are kept per length in generations 1 and 2`, async () => {
    const store = await subject.open()
    const slot = await store.create(identityOf(1, { generation: 2 }))
    const modern = await store.create(identityOf(2))

    for (const length of [1, 4, 5, 64, 65, 200]) slot.putSignature(length, bytesOf(64, length))
    await store.commit()

    assert.deepEqual(slot.signature(65), bytesOf(64, 65))
    assert.deepEqual(slot.signature(1), bytesOf(64, 1))
    assert.equal(slot.signature(2), undefined)
    assert.equal(slot.signature(0), undefined)
    assert.equal(slot.signature(1000), undefined)
    assert.throws(() => slot.putSignature(1, bytesOf(63, 1)), isCode('INVARIANT'))
    assert.throws(() => modern.putSignature(1, bytesOf(64, 1)), isCode('INVARIANT'))
    await store.close()
  })
}

// ---- Changes -------------------------------------------------------------------------------------

function changeTests(subject: StoreSubject): void {
  const { name } = subject

  test(`${name}: the head is what was staged last, and shares no memory`, async () => {
    const { store, slot } = await withLog(subject)
    assert.deepEqual(slot.head, headOf(0))
    const signature = bytesOf(64, 1)

    slot.stageHead({ fork: 3, length: 5, byteLength: 70, signature })
    signature.fill(0)

    assert.deepEqual(slot.head, { fork: 3, length: 5, byteLength: 70, signature: bytesOf(64, 1) })
    await store.commit()
    await store.close()
  })

  test(`${name}: truncating drops blocks above and nodes that cover any of them`, async () => {
    const { store, slot } = await withLog(subject)
    for (let i = 0; i < 9; i++) putBlock(slot, i, bytesOf(4, i))
    for (const index of [1, 5, 9, 13, 3, 11, 7]) slot.putNode(index, 1, bytesOf(32, index), 0)
    slot.stageHead(headOf(9))
    await store.commit()

    slot.stageTruncate(headOf(5, { fork: 1 }))

    const left = [...Array(17).keys()].filter((index) => slot.findNode(index))
    assert.deepEqual(left, [0, 1, 2, 3, 4, 5, 6, 8])
    assert.equal(slot.contiguousLength, 5)
    assert.equal(slot.heldBlocks, 5)
    assert.equal(slot.has(5), false)
    assert.deepEqual(slot.head, headOf(5, { fork: 1 }))
    await store.commit()
    await store.close()
  })

  test(`${name}: a long log is truncated at any place, and that can be taken back`, async () => {
    const store = await subject.open()
    const slot = await store.create(identityOf(1, { generation: 2 }))
    const length = 700
    for (let i = 0; i < length; i++) {
      append(slot, bytesOf(3, i))
      slot.putSignature(i + 1, bytesOf(64, i))
    }
    slot.putNode(511, 7, bytesOf(32, 1), 0)
    await store.commit()

    for (const to of [699, 640, 512, 511, 65, 64, 63, 17, 16, 5, 4, 3, 0]) {
      const mark = store.mark()
      slot.stageTruncate(headOf(to))
      assert.equal(slot.contiguousLength, to)
      assert.equal(slot.heldBlocks, to)
      assert.equal(slot.nextHeld(0, length), to === 0 ? length : 0)
      assert.equal(slot.nextMissing(0, length), to)
      assert.equal(slot.read(to), undefined)
      assert.equal(slot.findNode(2 * to), false)
      assert.equal(slot.findNode(511), to >= 512)
      assert.equal(slot.signature(to + 1), undefined)
      if (to > 0) assert.deepEqual(slot.signature(to), bytesOf(64, to - 1))
      store.rewind(mark)
      assert.equal(slot.heldBlocks, length)
      assert.equal(slot.contiguousLength, length)
      assert.deepEqual(slot.read(to), bytesOf(3, to))
      assert.deepEqual(slot.signature(700), bytesOf(64, 699))
    }
    await store.close()
  })

  test(`${name}: after a truncation the log goes on with other blocks`, async () => {
    const { store, slot } = await withLog(subject)
    for (let i = 0; i < 200; i++) append(slot, bytesOf(5, i))
    await store.commit()

    slot.stageTruncate(headOf(70, { fork: 1, byteLength: 350 }))
    for (let i = 70; i < 150; i++) append(slot, bytesOf(6, 1000 + i))
    await store.commit()

    assert.equal(slot.contiguousLength, 150)
    assert.deepEqual(slot.read(69), bytesOf(5, 69))
    assert.deepEqual(slot.read(70), bytesOf(6, 1070))
    assert.equal(slot.read(150), undefined)
    await store.close()
  })

  test(`${name}: clearing drops blocks and keeps their nodes`, async () => {
    const { store, slot } = await withLog(subject)
    for (let i = 0; i < 300; i++) append(slot, bytesOf(5, i))
    await store.commit()

    slot.stageClear(10, 200)
    await store.commit()

    assert.equal(slot.contiguousLength, 10)
    assert.equal(slot.heldBlocks, 110)
    assert.equal(slot.nextHeld(10, 300), 200)
    assert.equal(slot.nextMissing(200, 300), 300)
    assert.equal(slot.read(10), undefined)
    assert.equal(slot.addressOf(199), 0)
    assert.equal(slot.findNode(20), true)
    assert.deepEqual(slot.read(200), bytesOf(5, 200))
    putBlock(slot, 10, bytesOf(5, 10))
    assert.equal(slot.contiguousLength, 11)
    await store.close()
  })

  test(`${name}: clearing what is not held, or nothing, changes nothing`, async () => {
    const { store, slot } = await withLog(subject)
    append(slot, bytesOf(5, 1))
    await store.commit()

    slot.stageClear(1, 2 ** 40)
    slot.stageClear(0, 0)
    await store.commit()

    assert.deepEqual(slot.read(0), bytesOf(5, 1))
    await store.close()
  })

  test(`${name}: user data is set, replaced and deleted`, async () => {
    const { store, slot } = await withLog(subject)

    slot.stageUserData('a', bytesOf(3, 1))
    slot.stageUserData('ä', new Uint8Array(0))
    slot.stageUserData('a', bytesOf(4, 2))
    await store.commit()
    const mark = store.mark()
    slot.stageUserData('a', undefined)
    assert.equal(slot.userData('a'), undefined)
    store.rewind(mark)

    assert.deepEqual(slot.userData('a'), bytesOf(4, 2))
    assert.deepEqual(slot.userData('ä'), new Uint8Array(0))
    assert.equal(slot.userData('b'), undefined)
    await store.close()
  })

  test(`${name}: a manifest is learnt later`, async () => {
    const { store, slot } = await withLog(subject)

    slot.stageManifest(bytesOf(200, 1))
    await store.commit()

    assert.deepEqual(slot.identity.manifest, bytesOf(200, 1))
    assert.deepEqual(slot.identity.key, identityOf(1).key)
    await store.close()
  })

  test(`${name}: rewinding to a mark leaves what was staged before it`, async () => {
    const { store, slot } = await withLog(subject)
    append(slot, bytesOf(10, 0))
    const first = store.mark()
    append(slot, bytesOf(10, 1))
    const second = store.mark()
    append(slot, bytesOf(10, 2))
    slot.stageClear(0, 1)

    store.rewind(second)
    assert.deepEqual(blocksOf(slot), [bytesOf(10, 0), bytesOf(10, 1)])
    append(slot, bytesOf(11, 3))
    store.rewind(first)
    append(slot, bytesOf(12, 4))
    store.rewind(first)
    append(slot, bytesOf(13, 5))
    await store.commit()

    assert.deepEqual(blocksOf(slot), [bytesOf(10, 0), bytesOf(13, 5)])
    assert.equal(slot.heldBlocks, 2)
    assert.equal(slot.head.byteLength, 23)
    await store.close()
  })
}

// ---- Addresses -----------------------------------------------------------------------------------

function addressTests(subject: StoreSubject): void {
  const { name } = subject

  test(`${name}: addresses grow, and what is synced lies below the synced address`, async () => {
    const { store, slot } = await withLog(subject)
    const before = store.writtenAddress
    let risen = 0
    const stop = store.onSynced(() => risen++)

    append(slot, bytesOf(10, 1))
    assert.ok(slot.addressOf(0) > before)
    assert.ok(slot.headAddress > slot.addressOf(0))
    await store.commit()
    assert.ok(slot.headAddress <= store.writtenAddress)
    await store.sync()

    assert.ok(slot.headAddress <= store.syncedAddress)
    assert.ok(store.syncedAddress <= store.writtenAddress)
    assert.ok(risen > 0)
    assert.equal(slot.addressOf(1), 0)
    stop()
    const heard = risen
    await appendAndCommit(store, slot, bytesOf(10, 2))
    await store.sync()
    assert.equal(risen, heard)
    await store.close()
  })

  test(`${name}: a log is synced when it is created`, async () => {
    const store = await subject.open()

    await store.create(identityOf(1, { publicKey: bytesOf(32, 1), secretKey: bytesOf(64, 2) }))

    assert.equal(store.syncedAddress, store.writtenAddress)
    await store.close()
  })

  test(`${name}: the bytes of held blocks are counted`, async () => {
    const { store, slot } = await withLog(subject)
    const empty = store.stats().liveBytes

    await appendAndCommit(store, slot, bytesOf(1000, 1), bytesOf(500, 2))
    assert.equal(store.stats().liveBytes - empty, 1500)
    slot.stageClear(0, 1)
    await store.commit()

    assert.equal(store.stats().liveBytes - empty, 500)
    await store.close()
  })
}

// ---- What lasts ----------------------------------------------------------------------------------

function lastingTests(subject: StoreSubject, reopen: (store: Store) => Promise<Store>): void {
  const { name } = subject

  test(`${name}: everything of a log is there after closing and opening`, async () => {
    const store = await subject.open()
    const { primaryKey } = store
    const identity = identityOf(1, {
      generation: 1,
      publicKey: bytesOf(32, 2),
      secretKey: bytesOf(64, 3),
      alias: { namespace: bytesOf(32, 4), name: 'n' },
    })
    const slot = await store.create(identity)
    for (let i = 0; i < 150; i++) append(slot, bytesOf(i, i))
    slot.putSignature(150, bytesOf(64, 150))
    slot.stageClear(20, 30)
    slot.stageUserData('x', bytesOf(3, 3))
    slot.stageManifest(bytesOf(40, 4))
    slot.stageHead({ fork: 2, length: 150, byteLength: 11_175, signature: bytesOf(64, 5) })
    await store.commit()
    const node = nodeOf(slot, 9)

    const again = await reopen(store)

    assert.equal(again.whyReadOnly, undefined)
    assert.deepEqual(again.primaryKey, primaryKey)
    const log = again.findAlias({ namespace: bytesOf(32, 4), name: 'n' })
    assert.equal(log, again.find(identity.discoveryKey))
    const copy = again.slot(log ?? -1)
    assert.deepEqual(copy.identity, { ...identity, manifest: bytesOf(40, 4) })
    assert.deepEqual(copy.head, {
      fork: 2,
      length: 150,
      byteLength: 11_175,
      signature: bytesOf(64, 5),
    })
    assert.equal(copy.contiguousLength, 20)
    assert.equal(copy.heldBlocks, 140)
    for (let i = 0; i < 150; i++) {
      assert.deepEqual(copy.read(i), i >= 20 && i < 30 ? undefined : bytesOf(i, i))
    }
    assert.deepEqual(nodeOf(copy, 9), node)
    assert.deepEqual(copy.signature(150), bytesOf(64, 150))
    assert.deepEqual(copy.userData('x'), bytesOf(3, 3))
    await again.close()
  })

  test(`${name}: blocks and nodes beyond the head are dropped on opening`, async () => {
    const { store, slot } = await withLog(subject)
    append(slot, bytesOf(4, 0), bytesOf(4, 1), bytesOf(4, 2))
    putBlock(slot, 3, bytesOf(4, 3))
    putBlock(slot, 100, bytesOf(4, 100))
    slot.putNode(3, 16, bytesOf(32, 1), 0)
    await store.commit()
    assert.deepEqual(slot.read(3), bytesOf(4, 3))

    const again = await reopen(store)

    const copy = again.slot(slot.log)
    assert.equal(copy.contiguousLength, 3)
    assert.equal(copy.heldBlocks, 3)
    assert.equal(copy.read(3), undefined)
    assert.equal(copy.read(100), undefined)
    assert.equal(copy.findNode(3), false)
    assert.equal(copy.findNode(6), false)
    assert.equal(copy.findNode(1), true)
    await again.close()
  })

  test(`${name}: what was removed stays removed, and numbers are not used again`, async () => {
    const { store, slot } = await withLog(subject)
    const second = await store.create(identityOf(2))
    await appendAndCommit(store, slot, bytesOf(10, 1))
    store.remove(slot.log)
    await store.commit()

    const again = await reopen(store)

    assert.equal(again.find(identityOf(1).discoveryKey), undefined)
    assert.deepEqual([...again.logs()], [second.log])
    const third = await again.create(identityOf(3))
    assert.notEqual(third.log, slot.log)
    await again.close()
  })

  test(`${name}: what was staged and not committed is committed by closing`, async () => {
    const { store, slot } = await withLog(subject)
    append(slot, bytesOf(10, 1))

    const again = await reopen(store)

    assert.deepEqual(blocksOf(again.slot(slot.log)), [bytesOf(10, 1)])
    await again.close()
  })
}

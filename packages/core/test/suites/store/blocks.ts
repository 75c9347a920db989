/** Blocks: reserving, putting and reading them, and which are held. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_BYTES_MAX } from '../../../src/base/limits.ts'
import type { Slot } from '../../../src/store/store.ts'
import {
  append,
  appendAndCommit,
  blocksOf,
  bytesOf,
  headOf,
  identityOf,
  nodeOf,
  putBlock,
} from '../../store/helpers.ts'
import { isCode, type StoreSubject, withLog } from './subject.ts'

export function blockTests(subject: StoreSubject): void {
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

  test(`${name}: a block and its leaf are put in one step, where another one was known as well, and taken back`, async () => {
    const { store, slot } = await withLog(subject)
    const put = (index: number, block: Uint8Array): void => {
      const at = slot.reserve(index, block.length)
      slot.staging.set(block, at)
      slot.putBlockAndLeaf(index, bytesOf(32, block.length), 0)
    }
    assert.throws(() => slot.putBlockAndLeaf(0, bytesOf(32, 1), 0), isCode('INVARIANT'))
    put(0, bytesOf(10, 1))
    // Of this one the leaf is known before.
    slot.putNode(2, 99, bytesOf(32, 99), 0)
    put(1, bytesOf(20, 2))
    const mark = store.mark()
    put(0, bytesOf(30, 3))
    put(2, bytesOf(40, 4))

    assert.deepEqual(
      [0, 1, 2].map((i) => slot.read(i)?.length),
      [30, 20, 40],
    )
    const known = (length: number) => ({ size: length, hash: bytesOf(32, length) })
    assert.deepEqual(
      [0, 2, 4].map((i) => nodeOf(slot, i)),
      [known(30), known(20), known(40)],
    )
    assert.equal(slot.heldBytes, 90)

    store.rewind(mark)
    assert.deepEqual(
      [0, 1, 2].map((i) => slot.read(i)?.length),
      [10, 20, undefined],
    )
    assert.deepEqual(
      [0, 2, 4].map((i) => nodeOf(slot, i)),
      [known(10), known(20), undefined],
    )
    assert.equal(slot.heldBytes, 30)
    await store.commit()
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

export function rangeTests(subject: StoreSubject): void {
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

/** Heads, truncating, clearing, user data, and taking things back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { append, blocksOf, bytesOf, headOf, identityOf, putBlock } from '../../store/helpers.ts'
import { type StoreSubject, withLog } from './subject.ts'

export function changeTests(subject: StoreSubject): void {
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

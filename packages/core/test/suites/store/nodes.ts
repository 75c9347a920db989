/** Tree nodes, kept signatures, and where things stand in the data log. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { append, appendAndCommit, bytesOf, identityOf, nodeOf } from '../../store/helpers.ts'
import { isCode, type StoreSubject, withLog } from './subject.ts'

export function nodeTests(subject: StoreSubject): void {
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

export function addressTests(subject: StoreSubject): void {
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

/** What is there after closing and opening. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../../src/store/store.ts'
import {
  append,
  appendAndCommit,
  blocksOf,
  briefOf,
  bytesOf,
  expectedBrief,
  headOf,
  IDENTITIES,
  identityOf,
  nodeOf,
  putBlock,
} from '../../store/helpers.ts'
import { type StoreSubject, withLog } from './subject.ts'

export function lastingTests(
  subject: StoreSubject,
  reopen: (store: Store) => Promise<Store>,
): void {
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

  test(`${name}: what is told of a log without its identity is the same after opening`, async () => {
    const store = await subject.open()
    for (const [i, more] of IDENTITIES.entries()) {
      const slot = await store.create(identityOf(i, more))
      if (i % 2 === 0) slot.stageHead(headOf(0, { fork: 1, signature: bytesOf(64, 5) }))
    }
    await store.commit()

    const again = await reopen(store)

    for (const i of IDENTITIES.keys()) {
      const slot = again.slot(again.find(identityOf(i).discoveryKey) ?? -1)
      const brief = briefOf(slot)
      assert.deepEqual(brief, expectedBrief(slot), `${i}`)
      assert.equal(brief.isSigned, i % 2 === 0)
      // Now that the identity was made.
      assert.deepEqual(briefOf(slot), brief)
    }
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

/** Which logs a store has, and how they are found. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  appendAndCommit,
  blocksOf,
  briefOf,
  bytesOf,
  expectedBrief,
  headOf,
  IDENTITIES,
  identityOf,
} from '../../store/helpers.ts'
import { isCode, type StoreSubject, withLog } from './subject.ts'

export function logTests(subject: StoreSubject): void {
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

  test(`${name}: what is told of a log without its identity agrees with that`, async () => {
    const store = await open()
    for (const [i, more] of IDENTITIES.entries()) {
      const slot = await store.create(identityOf(i, more))
      assert.deepEqual(briefOf(slot), expectedBrief(slot), `${i}`)
      slot.stageHead(headOf(0, { fork: 1, signature: bytesOf(64, 5) }))
      await store.commit()
      assert.equal(slot.isSigned, true)
    }
    const slot = await store.create(identityOf(99))
    slot.stageManifest(bytesOf(100, 1))
    assert.deepEqual(briefOf(slot), expectedBrief(slot))
    assert.equal(slot.isHashOfManifest, true)
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

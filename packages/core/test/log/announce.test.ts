/** When a head is signed, and when peers may see it. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logIdentity } from '../../src/log/identity.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import {
  answer,
  block,
  blocks,
  fetchBlock,
  listen,
  openReader,
  openReplica,
  openWriter,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'

const isSigned = (replica: Replica): boolean => replica.slot.head.signature !== undefined

test('a head is signed when somebody can see it, and shown when it is signed and synced', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const replica = await openWriter({ store })
  const heard = listen(replica)

  replica.append([block(0)])
  await replica.commit()
  assert.ok(!isSigned(replica))
  assert.equal(replica.announcedLength, 0)
  assert.equal(answer(replica, { block: 0 }), 'unavailable')
  assert.equal(answer(replica, { upgradeLength: 1 }), 'invalid')

  await replica.sealed()
  assert.ok(isSigned(replica))
  assert.equal(replica.announcedLength, 1)
  assert.equal(heard.filter((h) => h === 'announced 1 0').length, 1)
  assert.ok(typeof answer(replica, { upgradeLength: 1, block: 0 }) !== 'string')
})

test('with an eager signature each append is signed, and shown by the sync that comes anyway', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const replica = await openWriter({ store, eagerSignature: true })

  replica.append([block(0)])
  assert.equal(replica.slot.head.signature?.length, 68)
  await replica.commit()
  assert.equal(replica.announcedLength, 0)
  replica.append([block(1)])
  await replica.commit()
  replica.append([block(2)])
  assert.equal(replica.announcedLength, 0)
  await store.sync()

  assert.equal(replica.announcedLength, 2, 'the newest that is synced, not the newest')
  const reader = await openReader(replica)
  await upgrade(reader, replica)
  assert.equal(reader.length, 2)
})

test('without the secret key in the store every append is signed at once', async () => {
  const keyPair = testKeyPair(1)
  const { manifest, key } = logIdentity({ keyPair })
  assert.ok(manifest)
  const replica = await openReplica({ manifest, key }, { keyPair })

  replica.append([block(0)])

  assert.equal(replica.slot.head.signature?.length, 68)
})

test('a reader shows a head and blocks only when they are synced here', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 4))
  const store = openMemoryStore({ syncByHand: true })
  const reader = await openReader(server, { store })

  await upgrade(reader, server)
  await fetchBlock(reader, server, 2)
  assert.equal(reader.length, 4)
  assert.equal(reader.announcedLength, 0)
  assert.ok(reader.has(2) && !reader.isDurable(2))
  await store.sync()

  assert.equal(reader.announcedLength, 4)
  assert.ok(reader.isDurable(2) && !reader.isDurable(1))
  assert.ok(typeof answer(reader, { block: 2, nodes: 2 }) !== 'string')
  assert.equal(answer(reader, { block: 1, nodes: 2 }), 'unavailable')
})

test('an unsigned head that a crash left behind is signed when the log is opened again', async () => {
  const store = openMemoryStore()
  const replica = await openWriter({ store })
  replica.append(blocks(0, 2))
  await replica.commit()

  const again = Replica.open(store, replica.slot)
  assert.equal(again.announcedLength, 0)
  await again.sealed()

  assert.equal(again.announcedLength, 2)
  const reader = await openReader(again)
  await upgrade(reader, again)
  assert.equal(reader.length, 2)
})

test('closing signs what was appended', async () => {
  const replica = await openWriter()
  const heard = listen(replica)
  replica.append([block(0)])

  await replica.close()

  assert.equal(replica.slot.head.signature?.length, 68)
  assert.equal(heard.at(-1), 'closed ')
  assert.throws(() => replica.append([block(1)]), { code: 'CLOSED' })
})

test('while appends go on without end a head is shown all the same', async () => {
  const replica = await openWriter()
  replica.append([block(0)])
  let isSealed = false
  const sealed = replica.sealed().then(() => {
    isSealed = true
  })

  for (let i = 1; i < 500 && !isSealed; i++) {
    replica.append([block(i)])
    await replica.commit()
  }

  await sealed
  assert.ok(replica.announcedLength >= 1 && replica.length < 500)
})

/** A lie among answers that are taken together, and beside a head. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copy } from '../../src/bytes/bytes.ts'
import { copyProof, join } from '../sim/pipe.ts'
import { Scene } from './fixtures.ts'

const LIAR = new Uint8Array(32).fill(66)
const SELF = new Uint8Array(32).fill(1)

test('a forged block in the middle of a frame is named and asked for again; what came around it is kept', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const reader = await scene.reader(writer)
  const named: Uint8Array[] = []
  const kept: number[] = []
  let isForged = false
  reader.replicator.events.on('wrong-proof', (event) => named.push(event.remotePublicKey))
  reader.replica.events.on('held', (event) => kept.push(event.start, event.length))
  join(scene.world, writer.replicator, reader.replicator, {
    keys: [LIAR, SELF],
    tamperA(message) {
      if (isForged || message.type !== 'data' || message.proof.index !== 11) return message
      isForged = true
      const proof = copyProof(message.proof)
      proof.value = copy(proof.value ?? new Uint8Array(1))
      proof.value[0] = 1 ^ (proof.value[0] ?? 0)
      return { ...message, proof }
    },
  })

  await scene.until(reader.replicator.range({ start: 0, end: 100 }).done())

  assert.deepEqual(named, [LIAR])
  // The first block came with the head.
  assert.deepEqual(kept.slice(0, 6), [0, 1, 1, 10, 12, 12])
  assert.deepEqual(reader.replica.read(11), writer.replica.read(11))
})

test('whose first block is wrong is asked for the head by itself', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, {
    keys: [LIAR, SELF],
    tamperA(message) {
      if (message.type !== 'data' || message.proof.value === undefined) return message
      const proof = copyProof(message.proof)
      proof.value = copy(message.proof.value)
      proof.value[0] = 1 ^ (proof.value[0] ?? 0)
      return { ...message, proof }
    },
  })

  const download = reader.replicator.range({ start: 0, end: 10 })
  await scene.pass(3_000)
  download.cancel()

  assert.equal(reader.replica.length, 10)
  assert.equal(reader.replica.slot.heldBlocks, 0)
})

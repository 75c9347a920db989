/** The blocks of a bee are those of hyperbee 2, byte for byte. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { Bee, type BeeOptions } from '../../src/index/bee.ts'
import { FakeLog } from './fake-log.ts'
import { type Op, run } from './vector-ops.ts'
import { vectors } from './vectors.ts'

interface Sequence {
  readonly name: string
  readonly ops: readonly Op[]
  readonly blocks: readonly string[]
}

function metadataOf(sequence: Sequence): BeeOptions {
  if (sequence.name === 'header-with-metadata-null-feed') return { metadata: {} }
  if (sequence.name !== 'header-with-content-feed') return {}
  return { metadata: { contentFeed: fromHex(sequence.blocks[0]?.slice(-64) ?? '') } }
}

for (const sequence of vectors<{ sequences: Sequence[] }>('hyperbee-blocks').sequences) {
  test(`"${sequence.name}" writes the same blocks as hyperbee`, async () => {
    const log = new FakeLog()
    const bee = Bee.open(log, metadataOf(sequence))
    const alwaysDuplicate = !sequence.name.includes('no-duplicate')

    await run(bee, sequence.ops, { alwaysDuplicate })

    assert.deepEqual(log.all().map(hex), sequence.blocks)
  })

  test(`"${sequence.name}" writes them without anything kept in memory between operations`, async () => {
    const log = new FakeLog()
    const alwaysDuplicate = !sequence.name.includes('no-duplicate')

    for (const op of sequence.ops) {
      const bee = Bee.open(log, metadataOf(sequence))
      await run(bee, [op], { alwaysDuplicate })
    }

    assert.deepEqual(log.all().map(hex), sequence.blocks)
  })
}

interface Stress {
  readonly checkpoints: readonly { step: number; length: number; lastBlockSha256: string }[]
  readonly finalLength: number
  readonly totalBytes: number
  readonly sha256OfConcatenatedHexBlockSha256s: string
  readonly liveEntries: number
  readonly liveEntriesSha256: string
}

const sha256 = (data: Uint8Array | string): string =>
  createHash('sha256').update(data).digest('hex')

/** The generator that the vector describes. */
function mulberry32(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

function stressOp(random: () => number, step: number): Op {
  const kind = random() % 10
  if (kind < 5) return ['put', `k${random() % 1000}`, `v${step}`]
  if (kind < 8) return ['del', `k${random() % 1000}`]
  const ops: Op[] = []
  const count = 1 + (random() % 20)
  for (let i = 0; i < count; i++) {
    const isPut = random() % 4 < 3
    const key = `k${random() % 1000}`
    ops.push(isPut ? ['put', key, `w${step}.${i}`] : ['del', key])
  }
  return ['batch', ops]
}

test('600 random steps write the same blocks as hyperbee, and leave the same entries', async () => {
  const expected = vectors<Stress>('hyperbee-stress')
  const log = new FakeLog()
  const bee = Bee.open(log)
  const random = mulberry32(42)

  const checkpoints: Stress['checkpoints'][number][] = []
  for (let step = 0; step < 600; step++) {
    await run(bee, [stressOp(random, step)])
    if ((step + 1) % 50 !== 0) continue
    const lastBlockSha256 = sha256(log.block(log.length - 1))
    checkpoints.push({ step: step + 1, length: log.length, lastBlockSha256 })
  }
  const lines: string[] = []
  const text = new TextDecoder()
  for await (const { seq, key, value } of bee.entries()) {
    lines.push(`${seq}:${text.decode(key)}=${text.decode(value)}`)
  }

  assert.deepEqual(checkpoints, expected.checkpoints)
  assert.equal(log.length, expected.finalLength)
  assert.equal(log.byteLength, expected.totalBytes)
  assert.equal(sha256(log.all().map(sha256).join('')), expected.sha256OfConcatenatedHexBlockSha256s)
  assert.equal(lines.length, expected.liveEntries)
  assert.equal(sha256(lines.join('\n')), expected.liveEntriesSha256)
})

test('a batch is one append, with the header of a new bee in it', async () => {
  const log = new FakeLog()
  const batch = Bee.open(log).batch()

  await Promise.all(['a', 'b', 'c'].map((key) => batch.put(utf8(key), undefined)))
  assert.equal(log.length, 0)
  await batch.flush()

  assert.equal(log.length, 4)
  assert.equal(log.appends, 1)
})

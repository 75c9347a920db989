/** Generation 2 on the wire: sessions of hypercore 9 byte for byte, and what its peers never did to us. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { type FeedSecrets, openFeedStream } from '../../src/wire/feed-stream.ts'
import { feedKeyPair } from '../../src/wire/gen2-noise.ts'
import type { Request } from '../../src/wire/messages.ts'
import { vectors } from '../vectors.ts'
import {
  answer,
  asking,
  type DataValue,
  FeedSide,
  MemoryBytes,
  proofOf,
  STATUS,
} from './feed-ends.ts'
import { TestClock } from './simulated.ts'

interface Row {
  readonly feed: { readonly publicKey: string }
  readonly keys: Record<string, string>
  readonly frames: {
    readonly from: 'initiator' | 'responder'
    readonly type: string
    readonly value: DataValue
    readonly frame: string
  }[]
  readonly wire: Record<'initiator' | 'responder', string>
}

function secretsOf({ keys }: Row, role: string): FeedSecrets {
  return {
    keyPair: feedKeyPair(fromHex(keys[`${role}StaticSeed`] ?? '')),
    ephemeral: feedKeyPair(fromHex(keys[`${role}EphemeralSeed`] ?? '')),
    nonce: fromHex(keys[`${role}Nonce`] ?? ''),
  }
}

/** One of the two of a recorded session; the other says what was recorded. */
function replay(name: string, role: 'initiator' | 'responder', side: FeedSide, acks = false) {
  // A Want is answered in the turn after it, so what follows it comes later, as it did.
  const row = vectors<Row>(name)
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const mux = openFeedStream(
    bytes,
    { generation: 2, isInitiator: role === 'initiator', clock, acks },
    secretsOf(row, role),
  )
  mux.open(side)
  const other = role === 'initiator' ? 'responder' : 'initiator'
  const recorded = fromHex(row.wire[other])
  const pause = recorded.length - restBytes(row, other)
  bytes.take(recorded.subarray(0, pause))
  clock.run()
  bytes.take(recorded.subarray(pause))
  return { row, clock, bytes, mux, expected: row.wire[role] }
}

/** Bytes from a side's first Request on. */
function restBytes({ frames }: Row, from: string): number {
  const own = frames.filter((frame) => frame.from === from)
  const first = own.findIndex(({ type }) => type === 'Request')
  return first < 0 ? 0 : own.slice(first).reduce((sum, { frame }) => sum + frame.length / 2, 0)
}

test('a reader says byte for byte what hypercore 9 said, and hears what was answered', () => {
  const key = fromHex(vectors<Row>('gen2/session-live').feed.publicKey)
  const side = new FeedSide(key)
  side.during = (line) => {
    if (line === 'open') side.sender?.status(STATUS)
    if (line !== 'bitfield 0 7') return
    for (const [id, block] of [2, 0, 1].entries()) {
      side.sender?.request(asking({ id: id + 1, block, digest: 0 }))
    }
  }

  const { clock, bytes, expected, row } = replay('gen2/session-live', 'initiator', side)
  clock.run()

  assert.equal(hex(bytes.written), expected)
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  assert.deepEqual(side.proofs, data.map(proofOf))
  assert.deepEqual(side.take(), [
    'open',
    `status ${JSON.stringify({ ...STATUS, length: 3, downloading: false })}`,
    'have 2 1',
    'bitfield 0 7',
    `data 3 block 1 ${hex(utf8('block one'))}`,
    `data 1 block 2 ${hex(utf8('block two'))}`,
    `data 2 block 0 ${hex(utf8('block zero'))}`,
  ])
})

test('a writer says byte for byte what hypercore 9 said, to its end', () => {
  const row = vectors<Row>('gen2/session-nonlive')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  const asked = new Map<number, number>()
  side.during = (line) => {
    const { sender } = side
    if (line === 'open') {
      sender?.status({ ...STATUS, length: 3, downloading: false })
      sender?.have(0, 3)
    }
    const found = /^request (.*)$/.exec(line)
    if (found !== null) {
      const { id, block }: Request = JSON.parse(found[1] ?? '')
      asked.set(block, id)
    }
    if (asked.size === 3) {
      for (const value of data) answer(side, asked.get(value.index) ?? 0, value)
      asked.clear()
    }
    if (/^status .*"downloading":false/.test(line)) {
      sender?.status({ ...STATUS, length: 3, uploading: false, downloading: false })
      sender?.close()
    }
  }

  const { clock, bytes, expected } = replay('gen2/session-nonlive', 'responder', side)
  clock.run()

  assert.equal(hex(bytes.written), expected)
  assert.ok(side.lines.includes('close'))
})

test('receipts and renumbered extensions of a recorded session are understood', () => {
  const row = vectors<Row>('gen2/session-ack-extension')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  side.extensions = ['ping']
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  side.during = (line) => {
    if (line === 'open') {
      side.sender?.status({ ...STATUS, length: 3, downloading: false })
      side.sender?.have(0, 3)
    }
    const found = /^request (.*)$/.exec(line)
    if (found === null) return
    const { id, block }: Request = JSON.parse(found[1] ?? '')
    const value = data.find(({ index }) => index === block)
    if (value !== undefined) answer(side, id, value)
  }

  const { clock, bytes, expected } = replay('gen2/session-ack-extension', 'responder', side, true)
  clock.run()

  const lines = side.take()
  assert.deepEqual(
    lines.filter((line) => /^(receipt|have|extension)/.test(line)),
    ['receipt 1 1', `extension ping ${hex(utf8('renumbered'))}`, 'receipt 4 1'],
  )
  // Handshake, opening, options with the list and the wish for receipts, status, and the two Haves.
  const until = 2 * (123 + 70 + 11 + 6 + 4 + 12)
  assert.equal(hex(bytes.written).slice(0, until), expected.slice(0, until))
})

test('byte positions, hashes and digests of a recorded session are understood', () => {
  const row = vectors<Row>('gen2/session-seek-hash')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  const asked: Partial<Request>[] = []
  side.during = (line) => {
    const found = /^request (.*)$/.exec(line)
    if (found !== null) asked.push(JSON.parse(found[1] ?? ''))
  }
  const { clock } = replay('gen2/session-seek-hash', 'responder', side)
  clock.run()

  const short = asked.map(({ block, hash, seekBytes, digest }) => [block, hash, seekBytes, digest])
  assert.deepEqual(short, [
    [-1, 0, -1, 0],
    [-1, 8, 60, 0],
    [-1, 10, 60, 0],
    [-1, 12, 60, 0],
    [-1, 14, 60, 0],
    [-1, 14, -1, 5],
    [2, -1, -1, 5],
    [3, -1, -1, 1],
  ])
})

/** The beginning and the end of a connection of generation 2, and what it is like in between. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GEN1_KEEP_ALIVE_MS, GEN2_KEEP_ALIVE_MS } from '../../src/base/limits.ts'
import { concat, hex, utf8 } from '../../src/bytes/bytes.ts'
import { openFeedStream } from '../../src/wire/feed-stream.ts'
import { feedKeyPair } from '../../src/wire/gen2-noise.ts'
import { ends, FeedSide, MemoryBytes, STATUS, talk } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

test('bytes that come one by one make the same conversation', () => {
  const pair = ends(2)
  for (const bytes of pair.bytes) bytes.pieceBytes = 1
  const [near, far] = [new FeedSide(), new FeedSide()]
  pair.near.open(near)
  pair.far.open(far)
  pair.clock.run()
  near.sender?.have(0, 7)
  far.sender?.status(STATUS)
  near.sender?.extension('any', new Uint8Array(1000).fill(5))
  pair.clock.run()

  assert.deepEqual(near.take(), ['open', 'want 0 1048576 false'])
  assert.deepEqual(far.take(), [
    'open',
    `extension any ${'05'.repeat(1000)}`,
    `status ${JSON.stringify({ ...STATUS, length: 7 })}`,
    'have 6 1',
    'bitfield 0 127',
  ])
})

for (const protocol of [7, 8] as const) {
  test(`who dials with protocol ${protocol} is told who answers, and is told apart by his first bytes`, () => {
    const keyPair = feedKeyPair()
    const { near, far, clock, lines } = ends(2, {
      near: { protocol },
      far: protocol === 7 ? { protocol, keyPair } : { keyPair },
    })
    clock.run()

    assert.deepEqual(lines.sort(), ['far ready', 'near ready'])
    assert.equal(hex(near.remotePublicKey), hex(keyPair.publicKey))
    assert.deepEqual([near.generation, far.generation], [2, 2])
  })
}

for (const generation of [1, 2] as const) {
  test(`wire ${generation}: the end of the handshake is told once, with the name of the other end`, () => {
    const names: string[] = []
    const id = new Uint8Array(32).fill(7)
    const keyPair = feedKeyPair(id)
    const told = (side: string) => (name: Uint8Array) => names.push(`${side} ${hex(name)}`)

    talk(generation, {
      near: { id, keyPair, onHandshake: told('near') },
      far: { id, keyPair, onHandshake: told('far') },
    })

    const name = hex(generation === 1 ? id : keyPair.publicKey)
    assert.deepEqual(names.sort(), [`far ${name}`, `near ${name}`])
  })
}

test('a connection that is closed when its other end is known says nothing about any log', () => {
  const side = new FeedSide()
  const pair = ends(1, { near: { onHandshake: () => pair.near.close() } })
  pair.near.open(side)
  pair.far.open(new FeedSide())

  pair.clock.run()

  assert.deepEqual(side.take(), ['refused'])
  assert.equal(pair.near.closed, true)
})

test('who is silent is sent signs of life, and given up after three times as long', () => {
  for (const [generation, keepAliveMs] of [
    [1, GEN1_KEEP_ALIVE_MS],
    [2, GEN2_KEEP_ALIVE_MS],
  ] as const) {
    const { clock, lines, bytes } = talk(generation)
    clock.advance(keepAliveMs)
    const before = bytes[0].written.length
    const heard = lines.length
    clock.advance(2 * keepAliveMs)
    assert.equal(bytes[0].written.length, before + 2)
    assert.deepEqual(lines.length, heard)

    bytes[0].other = undefined
    clock.advance(3 * keepAliveMs - keepAliveMs / 2)
    const below = lines.length
    clock.advance(keepAliveMs)
    assert.equal(below, heard)
    assert.ok(lines.includes('far closed TIMEOUT'))
  }
})

test('who does not finish the handshake is given up', () => {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const lines: string[] = []
  openFeedStream(bytes, {
    isInitiator: false,
    clock,
    onClose: (error) => lines.push(String(error)),
  })
  bytes.take(concat(Uint8Array.of(0x3a), new Uint8Array(32)))
  clock.advance(4_999)
  assert.deepEqual(lines, [])
  clock.advance(1)
  assert.equal(lines.length, 1)
  assert.ok(bytes.ended !== undefined)
})

test('who dials must say what he speaks; who says something else is refused', () => {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  assert.throws(() => openFeedStream(bytes, { isInitiator: true, clock }), { code: 'BAD_ARGUMENT' })

  const lines: string[] = []
  openFeedStream(bytes, { isInitiator: false, clock, onClose: (e) => lines.push(String(e)) })
  bytes.take(utf8('GET / HTTP/1.1\r\n'))
  clock.run()
  assert.match(lines[0] ?? '', /speaks no wire/)
})

/** What somebody who keeps no rules can do on the old wires: end his own conversations, and make us hold little. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  EXTENSION_BYTES_MAX,
  FEED_FRAME_BYTES_MAX,
  FEEDS_UNPAIRED_MAX,
  GEN1_CHANNELS_MAX,
  GEN2_CHANNEL_NUMBERS_MAX,
  STRAY_MESSAGES_PER_MINUTE_MAX,
  WANTS_QUEUED_MAX,
} from '../../src/base/limits.ts'
import { EMPTY, fromHex, hex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { discoveryKey, randomBytes } from '../../src/crypto/keys.ts'
import { FeedDeframer } from '../../src/wire/feed-deframer.ts'
import { writeFeedRange, writeOpen, writeOptions } from '../../src/wire/feed-messages.ts'
import { openFeedStream } from '../../src/wire/feed-stream.ts'
import { vectors } from '../vectors.ts'
import { KEY, OTHER_KEY } from './conversations.ts'
import { attack } from './feed-attack.ts'
import { asking, bytesPair, codeOf, FeedSide } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

const BODIES: readonly Uint8Array[] = vectors<{ messages: { encoded: string }[] }>(
  'gen2/messages',
).messages.map(({ encoded }) => fromHex(encoded))

/** Bodies of the package with something changed, and bytes of any kind. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.tuple(fc.constantFrom(...BODIES), fc.nat(200), fc.nat(255)).map(([body, at, value]) => {
    const bytes = Uint8Array.from(body)
    if (bytes.length > 0) bytes[at % bytes.length] = value
    return bytes
  }),
)

test('whatever is said about one log, the connection stays and the other log goes on', () => {
  const message = fc.tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 15), bodies)
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const { clock, mux, lines, send, open } = attack()
      const [attacked, other] = [new FeedSide(KEY), new FeedSide(OTHER_KEY)]
      mux.open(attacked)
      mux.open(other)
      open(1, KEY)
      open(2, OTHER_KEY)
      for (const [type, body] of messages) send(1, type, body)
      send(2, 3, fromHex('0805'))
      clock.run()

      assert.deepEqual(lines, [])
      assert.ok(other.take().includes('have 5 1'))
      const end = attacked.lines.find((line) => line.startsWith('close'))
      assert.ok(end === undefined || /^close (BAD_FRAME|OVER_LIMIT)$/.test(end), end)
    }),
    { numRuns: 150 },
  )
})

test('whatever frames come, with whatever channels, only our errors end the connection', () => {
  const frame = fc.tuple(fc.nat(70_000), fc.nat(15), bodies)
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 30 }), (messages) => {
      const { clock, mux, lines, send, open } = attack({ onFeed: (key) => key[0] === 1 })
      mux.open(new FeedSide(KEY))
      open(1, KEY)
      for (const [channel, type, body] of messages) send(channel, type, body)
      clock.run()

      for (const line of lines) assert.match(line, /^closed (BAD_FRAME|OVER_LIMIT)$/)
    }),
    { numRuns: 150 },
  )
})

test('whatever frames come in generation 1, only our errors end the connection', () => {
  const frame = fc.tuple(fc.nat(300), fc.nat(15), bodies)
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 30 }), (messages) => {
      const { clock, lines, send } = attack({}, new FeedSide(KEY))
      for (const [channel, type, body] of messages) send(channel, type, body)
      clock.run()

      for (const line of lines) assert.match(line, /^closed (BAD_FRAME|OVER_LIMIT)$/)
    }),
    { numRuns: 150 },
  )
})

test('whatever bytes come first, only our errors end the connection', () => {
  const beginnings = [EMPTY, fromHex('3a'), fromHex('3d000a20'), fromHex('7a'), fromHex('00')]
  fc.assert(
    fc.property(
      fc.constantFrom(...beginnings),
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom(undefined, 1 as const, 2 as const),
      fc.boolean(),
      (first, rest, generation, dials) => {
        const clock = new TestClock()
        const [, bytes] = bytesPair(clock)
        const lines: string[] = []
        const mux = openFeedStream(bytes, {
          ...(generation === undefined ? {} : { generation }),
          isInitiator: dials && generation !== undefined,
          clock,
          onFeed: () => false,
          onClose: (error) => lines.push(error === undefined ? '' : codeOf(error)),
        })
        mux.open(new FeedSide(KEY))
        bytes.take(first)
        bytes.take(rest)
        clock.advance(6_000)

        assert.equal(lines.length, 1)
        assert.match(lines[0] ?? '', /^(BAD_HANDSHAKE|BAD_FRAME|OVER_LIMIT|TIMEOUT)$/)
      },
    ),
    { numRuns: 200 },
  )
})

test('logs that wait for our side are as many as the limit, the next is refused', () => {
  const { clock, lines, send, frames } = attack({ onFeed: () => true })
  const opening = (): Uint8Array => {
    const into = new Writer()
    writeOpen(into, randomBytes(32), randomBytes(32))
    return into.take()
  }
  for (let i = 1; i <= FEEDS_UNPAIRED_MAX; i++) send(i, 0, opening())
  clock.run()
  assert.equal(frames.length, 0)

  send(FEEDS_UNPAIRED_MAX + 1, 0, opening())
  clock.run()
  assert.deepEqual(
    frames.map(([, type]) => type),
    [10],
  )
  assert.deepEqual(lines, [])
})

test('channels have numbers below the limit', () => {
  const few = attack({}, new FeedSide(KEY))
  few.send(GEN1_CHANNELS_MAX - 1, 3, fromHex('0805'))
  few.clock.run()
  assert.deepEqual(few.lines, [])
  few.send(GEN1_CHANNELS_MAX, 3, fromHex('0805'))
  few.clock.run()
  assert.deepEqual(few.lines, ['closed OVER_LIMIT'])

  const below = attack()
  below.send(GEN2_CHANNEL_NUMBERS_MAX - 1, 3, fromHex('0805'))
  below.clock.run()
  assert.deepEqual(below.lines, [])

  const above = attack()
  above.send(GEN2_CHANNEL_NUMBERS_MAX, 3, fromHex('0805'))
  above.clock.run()
  assert.deepEqual(above.lines, ['closed OVER_LIMIT'])
})

test('a frame is as long as the limit and not longer, and grows with its bytes', () => {
  const deframer = new FeedDeframer(FEED_FRAME_BYTES_MAX)
  const announced = (length: number): Uint8Array => {
    const into = new Writer()
    into.varint(length)
    return into.take()
  }
  deframer.push(announced(FEED_FRAME_BYTES_MAX))
  assert.equal(deframer.next(), undefined)
  assert.ok(deframer.sizeBytes <= 4)
  for (let left = FEED_FRAME_BYTES_MAX; left > 0; left -= 65_536) {
    assert.equal(deframer.next(), undefined)
    deframer.push(new Uint8Array(65_536))
  }
  assert.equal(deframer.next()?.length, FEED_FRAME_BYTES_MAX)

  deframer.push(announced(FEED_FRAME_BYTES_MAX + 1))
  assert.throws(() => deframer.next(), { code: 'OVER_LIMIT' })
  deframer.push(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0))
  assert.throws(() => new FeedDeframer(9).next() ?? deframer.next(), { code: 'OVER_LIMIT' })
})

test('frames that come in any pieces are the frames that were sent', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (payloads, cuts) => {
        const into = new Writer()
        for (const payload of payloads) {
          into.varint(payload.length)
          into.fixed(payload)
          into.u8(0)
        }
        const stream = into.take()
        const deframer = new FeedDeframer(1_000)
        const out: string[] = []
        let at = 0
        for (let i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length] ?? 1
          deframer.push(stream.slice(at, at + size))
          at += size
          for (let one = deframer.next(); one; one = deframer.next()) out.push(hex(one))
        }
        assert.deepEqual(out, payloads.map(hex))
      },
    ),
  )
})

test('Wants that wait for an answer are as many as the limit', () => {
  const { clock, mux, bytes, send, open, frames } = attack()
  const side = new FeedSide(KEY)
  mux.open(side)
  open(1, KEY)
  clock.run()
  side.sender?.have(0, 10)
  bytes.isFull = true
  for (let i = 0; i < WANTS_QUEUED_MAX + 20; i++) {
    const into = new Writer()
    writeFeedRange(into, 8 * i, 8)
    send(1, 5, into.take())
  }
  clock.run()
  frames.length = 0
  bytes.drained()
  clock.run()

  // One of them tells our length.
  assert.equal(frames.filter(([, type]) => type === 3).length, WANTS_QUEUED_MAX + 1)
})

test('a bitfield of a few bytes that speaks of everything is a few calls', () => {
  const { clock, mux, send, open } = attack()
  const side = new FeedSide(KEY)
  mux.open(side)
  open(1, KEY)
  const runs = new Writer()
  for (let i = 0; i < 8; i++) runs.varint(4 * 2 ** 40 + 3)
  const into = new Writer()
  writeFeedRange(into, 0, 2 ** 20, runs.take())
  send(1, 3, into.take())
  clock.run()

  assert.deepEqual(side.take().slice(2).length, 8)
})

test('who opens with the wrong proof learns as much as who asks for a log that is not here', () => {
  const { clock, mux, send, frames } = attack({ onFeed: () => false })
  const side = new FeedSide(KEY)
  mux.open(side)
  clock.run()
  frames.length = 0
  const openingOf = (key: Uint8Array): Uint8Array => {
    const into = new Writer()
    writeOpen(into, discoveryKey(key), randomBytes(32))
    return into.take()
  }
  send(1, 0, openingOf(KEY))
  send(2, 0, openingOf(OTHER_KEY))
  clock.run()

  assert.deepEqual(side.take(), ['refused BAD_HANDSHAKE'])
  assert.deepEqual(
    frames.map(([, type]) => type),
    [10, 10],
  )
})

test('a peer of generation 1 is sent a bitfield before it is asked, because old ones die without', () => {
  const asks = (line: string, side: FeedSide): void => {
    if (line === 'open') side.sender?.request(asking({ block: 5, digest: 3 }))
  }
  const first = new FeedSide(KEY)
  const { frames } = attack({}, first, asks)

  assert.deepEqual(frames, [
    [0, 3, '08001080401a00'],
    [0, 7, '0805100018002003'],
  ])
})

test('a message of an extension is as long as the limit, both ways', () => {
  const { clock, mux, lines, send, open } = attack()
  const side = new FeedSide(KEY)
  mux.open(side)
  open(1, KEY)
  clock.run()
  const long = new Uint8Array(EXTENSION_BYTES_MAX + 1)
  side.sender?.extension('x', long.subarray(1))
  assert.throws(() => side.sender?.extension('x', long), { code: 'BAD_ARGUMENT' })

  const options = new Writer()
  writeOptions(options, { extensions: ['x'], ack: false })
  send(1, 1, options.take())
  send(1, 15, long)
  clock.run()
  assert.equal(side.take().at(-1)?.length, 'extension x '.length + 2 * EXTENSION_BYTES_MAX)

  send(1, 15, new Uint8Array(EXTENSION_BYTES_MAX + 2))
  clock.run()
  assert.deepEqual([side.take(), lines], [['close OVER_LIMIT'], []])
})

for (const generation of [1, 2] as const) {
  test(`generation ${generation}: messages for nobody are ignored up to the limit, and one more ends the connection`, () => {
    const { clock, lines, send } = attack({}, generation === 1 ? new FeedSide(KEY) : undefined)
    for (let i = 0; i < STRAY_MESSAGES_PER_MINUTE_MAX; i++) send(77, 3, EMPTY)
    clock.run()
    const below = [...lines]
    send(77, 3, EMPTY)
    clock.run()

    assert.deepEqual([below, lines], [[], ['closed OVER_LIMIT']])
  })
}

test('what an old peer had sent to a channel when we closed it counts for nothing', () => {
  const { clock, mux, lines, send, open } = attack()
  for (const [channel, key] of [
    [1, KEY],
    [2, OTHER_KEY],
  ] as const) {
    const ours = mux.open(new FeedSide(key))
    open(channel, key)
    clock.run()
    ours.close()

    for (let i = 0; i < STRAY_MESSAGES_PER_MINUTE_MAX; i++) send(channel, 3, fromHex('0805'))
    clock.run()
  }
  const below = [...lines]
  send(1, 3, fromHex('0805'))
  clock.run()

  assert.deepEqual([below, lines], [[], ['closed OVER_LIMIT']])
})

/**
 * Whole stores on the wires of generations 1 and 2, and somebody at the other end who keeps no rules: whatever he says
 * about one log, nothing of it is taken for true, and another log on the same connection is served as ever.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { randomBytes } from '../../src/crypto/keys.ts'
import { NodeSet } from '../../src/tree/nodes.ts'
import {
  FEED_CLOSE,
  FEED_DATA,
  FEED_HAVE,
  FEED_REQUEST,
  FEED_UNHAVE,
  FEED_WANT,
  writeFeedData,
  writeFeedRange,
  writeFeedRequest,
} from '../../src/wire/feed-messages.ts'
import { numbered, openStore } from '../corestore/fixtures.ts'
import { testKeyPair } from '../log/support.ts'
import { World } from '../sim/world.ts'
import { vectors } from '../vectors.ts'
import { attackerOn } from '../wire/feed-attack.ts'
import { bytesPair, FeedSide } from '../wire/feed-ends.ts'

type Frame = readonly [type: number, body: Uint8Array]

const BODIES: readonly Uint8Array[] = vectors<{ messages: { encoded: string }[] }>(
  'gen2/messages',
).messages.map(({ encoded }) => fromHex(encoded))

const made = (write: (into: Writer) => void): Uint8Array => {
  const into = new Writer(64)
  write(into)
  return into.take()
}

const number = fc.oneof(fc.nat(12), fc.nat(2 ** 21), fc.constantFrom(2 ** 32, 2 ** 40, 2 ** 52))
const bits = fc.option(fc.uint8Array({ maxLength: 12 }), { nil: undefined })

const ranges = fc
  .tuple(fc.constantFrom(FEED_HAVE, FEED_UNHAVE, FEED_WANT), number, number, bits, fc.boolean())
  .map(([type, start, length, bitfield, ack]): Frame => {
    return [type, made((into) => writeFeedRange(into, start, length, bitfield, ack))]
  })

const requests = fc
  .tuple(number, fc.oneof(fc.constant(0), number), fc.boolean(), number)
  .map(([index, position, hash, digest]): Frame => {
    return [FEED_REQUEST, made((into) => writeFeedRequest(into, index, position, hash, digest))]
  })

const answers = fc
  .tuple(fc.nat(9), fc.array(fc.nat(20), { maxLength: 6 }), fc.boolean(), fc.boolean())
  .map(([index, indices, hasValue, isSigned]): Frame => {
    const nodes = new NodeSet()
    for (const node of new Set(indices)) nodes.push(node, 1 + node, randomBytes(32), 0)
    const fill = (to: Uint8Array, at: number): void => to.set([1, 2, 3], at)
    const signature = isSigned ? randomBytes(64) : undefined
    const body = (into: Writer): void =>
      writeFeedData(into, index, 3, hasValue ? fill : undefined, nodes, signature)
    return [FEED_DATA, made(body)]
  })

/** Messages of the packages with a byte changed, and bytes of any kind. */
const others = fc
  .tuple(fc.nat(15), fc.constantFrom(...BODIES), fc.nat(200), fc.nat(255))
  // Those about the channels themselves may end the connection.
  .filter(([type]) => type !== 0 && type !== FEED_CLOSE)
  .map(([type, body, at, value]): Frame => {
    const bytes = Uint8Array.from(body)
    if (bytes.length > 0) bytes[at % bytes.length] = value
    return [type, bytes]
  })

const frames = fc.array(fc.oneof(ranges, requests, answers, others), { maxLength: 60 })

for (const generation of [1, 2] as const) {
  test(`wire ${generation}: whatever is said about a log, none of it is believed, and another one is served`, async () => {
    const [attacked, served, foreign] = [testKeyPair(3), testKeyPair(4), testKeyPair(5)]
    await fc.assert(
      fc.asyncProperty(frames, frames, async (aboutOurs, aboutTheirs) => {
        const world = new World(1)
        const store = await openStore(1, world)
        const ours = await store.get({ keyPair: attacked, generation })
        await ours.append(numbered(0, 8))
        const other = await store.get({ keyPair: served, generation })
        await other.append(numbered(0, 8))
        const theirs = await store.get({ key: foreign.publicKey, generation })
        const wanted = theirs.download({ start: 0, end: 8 })
        const [near, far] = bytesPair(world)
        const connection = store.connectFeeds(far, { isInitiator: false })
        const first = generation === 1 ? new FeedSide(served.publicKey) : undefined
        const attacker = attackerOn(near, world, first)
        await world.run(100)
        if (generation === 2) attacker.open(1, served.publicKey)
        const [a, b, c] = generation === 1 ? [1, 2, 0] : [2, 3, 1]
        attacker.open(a, attacked.publicKey)
        attacker.open(b, foreign.publicKey)
        await world.run(100)

        for (const [type, body] of aboutOurs) attacker.send(a, type, body)
        for (const [type, body] of aboutTheirs) attacker.send(b, type, body)
        await world.run(2_000)

        assert.equal(connection.closed, false)
        assert.equal(theirs.length, 0)
        assert.equal(theirs.replica.slot.heldBlocks, 0)
        assert.deepEqual([ours.length, ours.contiguousLength], [8, 8])
        const before = attacker.frames.length
        attacker.send(
          c,
          FEED_REQUEST,
          made((into) => writeFeedRequest(into, 5, 0, false, 0)),
        )
        await world.run(1_000)
        const answered = attacker.frames.slice(before).filter(([, type]) => type === FEED_DATA)
        assert.ok(answered.some(([, , body]) => body.startsWith('0805')))
        wanted.cancel()
        await store.close()
      }),
      { numRuns: 40 },
    )
  })
}

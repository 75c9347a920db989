/** How much is written in one turn before it goes out: on our own multiplexer and on the old wires. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_FLUSH_BYTES } from '../../src/base/limits.ts'
import { FeedPipe } from '../../src/wire/feed-pipe.ts'
import { Ear, scriptedMux } from './channels.ts'
import { bytesPair } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

const HALF = new Uint8Array(BATCH_FLUSH_BYTES / 2)

test('what one turn writes goes out as one frame, and what would go beyond the limit before that', () => {
  const { mux, transport, receive, sent } = scriptedMux()
  const channel = mux.open({ protocol: 'a', handler: new Ear() })
  receive('000101016100')
  sent()

  channel.send(1, HALF)
  channel.send(1, HALF.subarray(100))
  const below = transport.sent.length
  channel.send(1, Uint8Array.of(1))
  channel.send(1, HALF)
  const above = transport.sent.length

  assert.deepEqual([below, above], [0, 1])
  assert.ok((transport.sent[0]?.length ?? 0) <= BATCH_FLUSH_BYTES)
  assert.equal(sent().length, 2)
})

test('on the old wires too', () => {
  const clock = new TestClock()
  const [near] = bytesPair(clock)
  const nothing = (): void => undefined
  const pipe = new FeedPipe(near, clock, {
    onFrame: nothing,
    onChunkEnd: nothing,
    onWritable: nothing,
    onClose: nothing,
  })
  const say = (bytes: Uint8Array): void => {
    pipe.begin(1, 3, bytes.length).fixed(bytes)
    pipe.end()
  }

  say(HALF)
  say(HALF.subarray(100))
  const below = near.written.length
  say(HALF)
  const above = near.written.length
  clock.run()

  assert.equal(below, 0)
  assert.ok(above > BATCH_FLUSH_BYTES - 200 && above <= BATCH_FLUSH_BYTES, `${above}`)
  assert.ok(near.written.length > above)
})

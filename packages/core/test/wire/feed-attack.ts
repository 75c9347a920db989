/** Somebody on the old wires who keeps no rules, for tests: the handshake is right, the rest is what the test says. */

import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock.ts'
import { EMPTY, hex } from '../../src/bytes/bytes.ts'
import { Reader } from '../../src/bytes/cursor.ts'
import { StreamChannel } from '../../src/wire/feed-channels.ts'
import { NO_OPTIONS } from '../../src/wire/feed-dialect.ts'
import { FeedPipe } from '../../src/wire/feed-pipe.ts'
import type { FeedHost } from '../../src/wire/feed-protocol.ts'
import { openFeedStream } from '../../src/wire/feed-stream.ts'
import type { FeedMuxer, FeedStreamOptions } from '../../src/wire/feeds.ts'
import { Gen1Protocol } from '../../src/wire/gen1-protocol.ts'
import { Gen2Protocol } from '../../src/wire/gen2-protocol.ts'
import { bytesPair, codeOf, FeedSide, type MemoryBytes } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

/** The end of a connection that keeps no rules. */
export interface Attacker {
  /** The handshake is done. */
  readonly isReady: boolean
  /** Frames that the victim sent: channel, type, body. */
  readonly frames: [number, number, string][]
  send(channel: number, type: number, body: Uint8Array): void
  open(channel: number, key: Uint8Array): void
}

export interface Attack extends Attacker {
  readonly clock: TestClock
  readonly mux: FeedMuxer
  readonly bytes: MemoryBytes
  readonly lines: string[]
}

/** Somebody who has done the handshake, and from then on sends what the test says. */
export function attack(
  options: Partial<FeedStreamOptions> = {},
  first?: FeedSide,
  during: (line: string, side: FeedSide) => void = () => undefined,
): Attack {
  const clock = new TestClock()
  const [ours, theirs] = bytesPair(clock)
  const lines: string[] = []
  const mux = openFeedStream(theirs, {
    isInitiator: false,
    clock,
    onClose: (error) => lines.push(`closed ${error === undefined ? '' : codeOf(error)}`.trim()),
    ...options,
  })
  // Generation 1 begins with a log, which both know.
  if (first !== undefined) {
    const side = new FeedSide(first.key)
    side.during = (line) => during(line, side)
    mux.open(side)
  }
  const attacker = attackerOn(ours, clock, first)
  clock.run()
  assert.ok(attacker.isReady)
  return { ...attacker, clock, mux, bytes: theirs, lines }
}

/** Dials, and does the handshake: of generation 1, which begins with a log, or without one of generation 2. */
export function attackerOn(ours: MemoryBytes, clock: Clock, first?: FeedSide): Attacker {
  const frames: [number, number, string][] = []
  let isReady = false
  const pipe = new FeedPipe(ours, clock, {
    onFrame(payload) {
      if (!isReady) return protocol.onHandshake(payload)
      const body = new Reader(payload)
      const header = body.varint()
      frames.push([Math.floor(header / 16), header % 16, hex(body.rest())])
    },
    onChunkEnd() {},
    onWritable() {},
    onClose() {},
  })
  const host: FeedHost = {
    pipe,
    isInitiator: true,
    ours: NO_OPTIONS,
    channels: () => (firstChannel === undefined ? [] : [firstChannel]),
    find: () => firstChannel,
    number: () => (first === undefined ? 1 : 0),
    ask: () => false,
    ready() {
      isReady = true
      pipe.ready()
    },
    heard() {},
    onRemoteOpen() {},
    onRemoteClose() {},
  }
  const owner = {
    begin: (channel: StreamChannel, type: number, hint: number) =>
      pipe.begin(channel.localId, type, hint),
    end: () => pipe.end(),
    abandon: () => pipe.abandon(),
    isWritable: () => true,
    close() {},
  }
  const firstChannel = first === undefined ? undefined : new StreamChannel(first, owner)
  const protocol = first === undefined ? new Gen2Protocol(host, {}) : new Gen1Protocol(host, {})
  pipe.start(EMPTY)
  protocol.begin()
  return {
    get isReady() {
      return isReady
    },
    frames,
    send(channel, type, body) {
      if (pipe.closed) return
      pipe.begin(channel, type, body.length).fixed(body)
      pipe.end()
    },
    open(channel, key) {
      const opening = new FeedSide(key)
      const made = new StreamChannel(opening, owner)
      made.localId = channel
      protocol.writeOpen(made)
    },
  }
}

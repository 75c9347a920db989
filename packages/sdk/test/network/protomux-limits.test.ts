/** What a remote may do in vain on a multiplexer that is not ours: one below each limit, and one above. */

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import {
  CHANNEL_HANDSHAKE_BYTES_MAX,
  CHANNEL_ID_BYTES_MAX,
  CHANNELS_MAX,
  CHANNELS_UNPAIRED_MAX,
  OPENINGS_LOST_MAX,
  OPENINGS_LOST_PER_SECOND_MAX,
  STRAY_MESSAGES_PER_MINUTE_MAX,
  UNPAIRED_MS_MAX,
} from '@dat-rhino/core/base/limits'
import { fromHex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { ChannelHandler, PairHook } from '@dat-rhino/core/wire/channel'
import type { Protomux } from '../../src/network/protomux.ts'
import { ProtomuxMuxer } from '../../src/network/protomux-muxer.ts'
import { type HandClock, handClock } from '../hand-clock.ts'

type Made = Parameters<Protomux['createChannel']>[0]

/** The package as it looks from our side: what it was asked for, and the remote's part by hand. */
class ScriptedPackage implements Protomux {
  readonly isProtomux = true
  readonly drained = true
  readonly made: Made[] = []
  /** What is there by the remote's numbers. */
  readonly _remote: unknown[] = []
  #notify: (id: Uint8Array | null) => Promise<void> | undefined = () => undefined
  #open = 0

  createChannel(options: Made): ReturnType<Protomux['createChannel']> {
    this.made.push(options)
    this.#open++
    return { open: () => undefined, close: () => this.end(options), messages: [] }
  }

  end({ onclose }: Made): void {
    this.#open--
    onclose()
  }

  opened(): boolean {
    return this.#open > 0
  }

  pair(_pair: unknown, notify: (id: Uint8Array | null) => Promise<void> | undefined): void {
    this.#notify = notify
  }

  /** The remote opens; true if the package is to wait with its answer. */
  opens(id: Uint8Array | null = null): boolean {
    return this.#notify(id) !== undefined
  }

  unpair(): void {}
  cork(): void {}
  uncork(): void {}
}

interface Joined {
  readonly stock: ScriptedPackage
  readonly muxer: ProtomuxMuxer
  readonly clock: HandClock
  readonly isPaused: () => boolean
  /** Frames of the remote, in hex. */
  readonly receive: (...frames: string[]) => void
  readonly ended: () => Error | null
}

function joined(): Joined {
  const stock = new ScriptedPackage()
  const clock = handClock()
  const key = new Uint8Array(32)
  const stream = Object.assign(new PassThrough(), {
    ...{ isInitiator: true, publicKey: key, remotePublicKey: key, handshakeHash: key },
    ...{ rawBytesRead: 0, rawBytesWritten: 0, rawStream: null, userData: stock },
    alloc: (bytes: number) => new Uint8Array(bytes),
  })
  const muxer = new ProtomuxMuxer(stock, stream, { clock })
  return {
    stock,
    muxer,
    clock,
    isPaused: () => stream.isPaused(),
    receive: (...frames) => {
      for (const frame of frames) stream.emit('data', fromHex(frame))
    },
    ended: () => stream.errored,
  }
}

/** Keeps the last error that ended a channel. */
function ear(): ChannelHandler & { error: Error | undefined } {
  const ignore = (): void => undefined
  return {
    error: undefined,
    onOpen: ignore,
    onMessage: ignore,
    onFrameEnd: ignore,
    onWritable: ignore,
    onClose(error) {
      this.error = error
    },
  }
}

const REFUSES: PairHook = () => false

test(`after ${OPENINGS_LOST_MAX} openings in vain the rest has to wait`, () => {
  const { stock, muxer, clock, isPaused } = joined()
  muxer.pair('a', undefined, REFUSES)

  for (let i = 1; i < OPENINGS_LOST_MAX; i++) stock.opens()
  const below = isPaused()
  stock.opens()
  const above = isPaused()
  clock.advance((OPENINGS_LOST_MAX * 1_000) / OPENINGS_LOST_PER_SECOND_MAX)

  assert.deepEqual([below, above, isPaused()], [false, true, false])
})

test('channels that the remote closes count as in vain, and those that we close do not', () => {
  for (const isOurs of [true, false]) {
    const { stock, muxer, isPaused } = joined()
    for (let i = 0; i < OPENINGS_LOST_MAX; i++) {
      const channel = muxer.open({ protocol: 'a', handler: ear() })
      const made = stock.made.pop() ?? assert.fail()
      if (isOurs) channel.close()
      else stock.end(made)
    }
    assert.equal(isPaused(), !isOurs)
  }
})

test(`${CHANNELS_UNPAIRED_MAX} openings may wait for us, and the next is refused until one is over`, () => {
  const { stock, muxer, clock } = joined()
  muxer.pair('a', undefined, () => true)

  for (let i = 0; i < CHANNELS_UNPAIRED_MAX; i++) assert.equal(stock.opens(), true)

  assert.equal(stock.opens(), false)
  clock.advance(UNPAIRED_MS_MAX)
  assert.equal(stock.opens(), true)
})

test(`of ${CHANNELS_MAX} channels that are open, one more of the remote's is refused without asking anybody`, () => {
  const { stock, muxer } = joined()
  let asked = 0
  muxer.pair('a', undefined, () => {
    asked++
    return false
  })
  for (let i = 1; i < CHANNELS_MAX; i++) muxer.open({ protocol: 'a', handler: ear() })

  stock.opens()
  const below = asked
  const last = muxer.open({ protocol: 'a', handler: ear() })
  stock.opens()
  const at = asked
  last.close()
  stock.opens()

  assert.deepEqual([below, at, asked], [1, 1, 2])
})

test('names and handshakes of the remote are as long as on our own muxer, and not longer', () => {
  const { stock, muxer } = joined()
  const asked: number[] = []
  muxer.pair('a', undefined, (id) => {
    asked.push(id?.length ?? 0)
    return false
  })
  stock.opens(new Uint8Array(CHANNEL_ID_BYTES_MAX))
  stock.opens(new Uint8Array(CHANNEL_ID_BYTES_MAX + 1))

  const [fits, tooLong] = [CHANNEL_HANDSHAKE_BYTES_MAX, CHANNEL_HANDSHAKE_BYTES_MAX + 1].map(
    (bytes) => {
      const handler = ear()
      const channel = muxer.open({ protocol: 'a', handshake: utf8('x'), handler })
      stock.made.at(-1)?.onopen(new Uint8Array(bytes))
      return { handler, channel }
    },
  )

  assert.deepEqual(asked, [CHANNEL_ID_BYTES_MAX])
  assert.equal(fits?.channel.opened, true)
  assert.equal(tooLong?.channel.closed, true)
  assert.match(String(tooLong?.handler.error), /handshake is too long/)
})

/** Messages of the remote on its channels 1 and 77; the opening and the end of the first. */
const ON_FIRST = '0100aa'
const STRAY = '4d00aa'
const OPENING = '000101016100'
const CLOSING = '000301'

function many(frame: string, count: number): string[] {
  return Array.from({ length: count }, () => frame)
}

test(`${STRAY_MESSAGES_PER_MINUTE_MAX} messages for nobody are ignored, and one more ends the connection`, () => {
  for (const stray of [STRAY, ON_FIRST, CLOSING]) {
    const { receive, ended } = joined()

    receive(...many(stray, STRAY_MESSAGES_PER_MINUTE_MAX))
    const below = ended()
    receive(stray)

    assert.equal(below, null)
    assert.equal(isCode(ended(), 'OVER_LIMIT'), true)
  }
})

test('messages for nobody are counted in batches too, and a batch in a batch ends the connection', () => {
  const batches = joined()
  // Two messages for channel 77, of two bytes each.
  const batch = '00004d0200aa0200aa'
  batches.receive(...many(batch, STRAY_MESSAGES_PER_MINUTE_MAX / 2))
  const below = batches.ended()
  batches.receive(batch)
  const nested = joined()
  nested.receive('000000020000')

  assert.equal(below, null)
  assert.equal(isCode(batches.ended(), 'OVER_LIMIT'), true)
  assert.equal(isCode(nested.ended(), 'BAD_FRAME'), true)
})

test('messages for channels that are there count for nothing, nor do those of a channel opened in the same frame', () => {
  const { stock, receive, ended } = joined()

  // A batch: the opening and a message on what it opens, for which the package has no room in this test.
  const opening = `05${OPENING.slice(2)}`
  receive(...many(`000000${opening}00010200aa`, 2 * STRAY_MESSAGES_PER_MINUTE_MAX))
  stock._remote[0] = {}
  receive(...many(ON_FIRST, 2 * STRAY_MESSAGES_PER_MINUTE_MAX))

  assert.equal(ended(), null)
})

test('a channel closed by the remote is spoken on no more, and one that we have closed for a while', () => {
  for (const isOurs of [true, false]) {
    const { stock, receive, ended } = joined()
    receive(...many(STRAY, STRAY_MESSAGES_PER_MINUTE_MAX))
    stock._remote[0] = {}
    receive(ON_FIRST)

    if (!isOurs) receive(CLOSING)
    stock._remote[0] = null
    receive(ON_FIRST)
    const first = ended()
    receive(...many(ON_FIRST, STRAY_MESSAGES_PER_MINUTE_MAX - 1))
    const below = ended()
    receive(ON_FIRST)

    assert.equal(isCode(first, 'OVER_LIMIT'), !isOurs)
    assert.equal(below === null, isOurs)
    assert.equal(isCode(ended(), 'OVER_LIMIT'), true)
  }
})

test('a multiplexer that does not show its channels is left alone', () => {
  const { stock, receive, ended } = joined()
  Object.assign(stock, { _remote: undefined })

  receive(...many(STRAY, STRAY_MESSAGES_PER_MINUTE_MAX + 1))

  assert.equal(ended(), null)
})

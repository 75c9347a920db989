/** What a remote may do in vain on a multiplexer that is not ours: one below each limit, and one above. */

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import {
  CHANNEL_HANDSHAKE_BYTES_MAX,
  CHANNEL_ID_BYTES_MAX,
  CHANNELS_MAX,
  CHANNELS_UNPAIRED_MAX,
  OPENINGS_LOST_MAX,
  OPENINGS_LOST_PER_SECOND_MAX,
  UNPAIRED_MS_MAX,
} from '@dat-rhino/core/base/limits'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
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
  return { stock, muxer, clock, isPaused: () => stream.isPaused() }
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

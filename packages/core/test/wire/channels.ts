/**
 * Muxes and channel handlers for tests, which write down what they hear.
 */

import { hex } from '../../src/bytes/bytes.ts'
import type { Reader } from '../../src/bytes/cursor.ts'
import type { Channel, ChannelHandler } from '../../src/wire/channel.ts'
import { Mux } from '../../src/wire/mux.ts'
import { memoryTransports, ScriptedTransport, TestClock } from './simulated.ts'

/** Hears everything; `lines` has one entry per call. */
export class Ear implements ChannelHandler {
  readonly lines: string[] = []
  channel: Channel | undefined
  /** Called before the line is written, to answer or to throw. */
  during: (line: string) => void = () => undefined

  onOpen(channel: Channel, handshake: Reader): void {
    this.channel = channel
    this.#line(`open ${hex(handshake.rest())}`.trim())
  }

  onMessage(type: number, body: Reader): void {
    this.#line(`${type} ${hex(body.rest())}`.trim())
  }

  onFrameEnd(): void {
    this.#line('end')
  }

  onWritable(): void {
    this.#line('writable')
  }

  onClose(error: Error | undefined): void {
    this.#line(error === undefined ? 'close' : `close ${error.message}`)
  }

  #line(line: string): void {
    this.lines.push(line)
    this.during(line)
  }
}

export interface ScriptedMux {
  readonly mux: Mux
  readonly clock: TestClock
  readonly transport: ScriptedTransport
  /** Lets one frame come in. */
  receive(...frames: string[]): void
  /** What was sent since the last call, in hex. */
  sent(): string[]
  /** What ended the connection. */
  readonly ended: () => Error | undefined
}

/** A mux whose remote is the test. */
export function scriptedMux(options: { isInitiator?: boolean } = {}): ScriptedMux {
  const clock = new TestClock()
  const transport = new ScriptedTransport(options)
  const mux = new Mux(transport, { clock })
  return {
    mux,
    clock,
    transport,
    receive(...frames) {
      for (const frame of frames) transport.receive(Uint8Array.from(Buffer.from(frame, 'hex')))
      clock.run()
    },
    sent() {
      clock.run()
      const sent = transport.sent.map(hex)
      transport.sent = []
      return sent
    },
    ended: () => transport.closed?.error,
  }
}

/** Two muxes on one pipe in memory. */
export function muxPair(clock: TestClock): [Mux, Mux] {
  const [first, second] = memoryTransports(clock)
  return [new Mux(first, { clock }), new Mux(second, { clock })]
}

/**
 * Conversations about logs for tests: a side that writes down what it hears, and two that talk.
 */

import '../setup.ts'
import { DatError } from '../../src/base/errors.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { CLAIM_BLOCK, Proof } from '../../src/tree/proof.ts'
import { type LogOpening, openLog } from '../../src/wire/gen3.ts'
import type { Handler, Request, Sender } from '../../src/wire/messages.ts'
import type { Mux } from '../../src/wire/mux.ts'
import { muxPair, scriptedMux } from './channels.ts'
import { TestClock } from './simulated.ts'

export const KEY = new Uint8Array(32).fill(1)
export const OTHER_KEY = new Uint8Array(32).fill(3)

/** One side's view of one log: writes down what it hears. */
export class Side implements LogOpening, Handler {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly lines: string[] = []
  sender: Sender | undefined
  /** Called before a line is written. */
  during: (line: string) => void = () => undefined

  constructor(key: Uint8Array = KEY, id: Uint8Array = discoveryKey(key)) {
    this.key = key
    this.discoveryKey = id
  }

  onOpen(sender: Sender): Handler {
    this.sender = sender
    this.#line('open')
    return this
  }

  onRefused(error: Error | undefined): void {
    this.#line(error instanceof DatError ? `refused ${error.code}` : 'refused')
  }

  onStatus(status: object): void {
    this.#line(`status ${JSON.stringify(status)}`)
  }

  onHave(start: number, length: number): void {
    this.#line(`have ${start} ${length}`)
  }

  onUnhave(start: number, length: number): void {
    this.#line(`unhave ${start} ${length}`)
  }

  onBitfield(start: number, words: Uint32Array): void {
    this.#line(`bitfield ${start} ${[...words]}`)
  }

  onWant(start: number, length: number, any: boolean): void {
    this.#line(`want ${start} ${length} ${any}`)
  }

  onUnwant(start: number, length: number): void {
    this.#line(`unwant ${start} ${length}`)
  }

  onRequest(request: Readonly<Request>): void {
    this.#line(`request ${JSON.stringify(request)}`)
  }

  onCancel(id: number): void {
    this.#line(`cancel ${id}`)
  }

  onData(id: number, proof: Proof): void {
    this.#line(`data ${id} ${proof.index} ${hex(proof.value ?? new Uint8Array(0))}`)
  }

  onRefusal(id: number, reason: string): void {
    this.#line(`refusal ${id} ${reason}`)
  }

  onExtension(name: string, message: Uint8Array): void {
    this.#line(`extension ${name} ${hex(message)}`)
  }

  onFrameEnd(): void {
    this.#line('end')
  }

  onWritable(): void {
    this.#line('writable')
  }

  onClose(error: Error | undefined): void {
    this.#line(error instanceof DatError ? `close ${error.code}` : `close ${error?.message ?? ''}`)
  }

  #line(line: string): void {
    this.lines.push(line.trim())
    this.during(line.trim())
  }
}

/** Two sides that talk about one log. */
export function conversation(): { clock: TestClock; near: Side; far: Side; muxes: [Mux, Mux] } {
  const clock = new TestClock()
  const muxes = muxPair(clock)
  const near = new Side()
  const far = new Side()
  openLog(muxes[0], near)
  openLog(muxes[1], far)
  clock.run()
  near.lines.length = 0
  far.lines.length = 0
  return { clock, near, far, muxes }
}

/** A request with all of its parts. */
export const REQUEST: Request = {
  id: 7,
  fork: 1,
  block: 12,
  hash: -1,
  nodes: 3,
  digest: -1,
  seekBytes: 100,
  seekPadding: 8,
  upgradeStart: 10,
  upgradeLength: 20,
  manifest: true,
  priority: 2,
}

/** The answer for a block, without nodes. */
export function blockProof(index: number): Proof {
  const proof = new Proof()
  proof.claim = CLAIM_BLOCK
  proof.index = index
  return proof
}

/** A mux whose remote we write by hand, and which has opened the same log. */
export function openScripted(side: Side): ReturnType<typeof scriptedMux> {
  const scripted = scriptedMux({ isInitiator: false })
  openLog(scripted.mux, side)
  scripted.receive(openingOf(side.key, true))
  return scripted
}

/** The bytes by which a remote opens a log. */
export function openingOf(key: Uint8Array, isInitiator: boolean): string {
  const remote = scriptedMux({ isInitiator })
  openLog(remote.mux, new Side(key))
  return remote.sent()[0] ?? ''
}

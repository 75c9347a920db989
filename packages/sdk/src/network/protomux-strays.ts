/**
 * Messages for nobody on a protomux of somebody else's, which drops them without telling us.
 *
 * Owns: a second look at each frame, before the package has it: which channels it speaks on, and which of those are there.
 * Always true: a message on a channel that is there, whoever's it is, counts for nothing; nor does what was under way to
 * one when this side closed it. A frame that our own muxer would not read ends the connection, as there.
 */

import { BATCH_MESSAGES_MAX } from '@dat-rhino/core/base/limits'
import type { Reader } from '@dat-rhino/core/bytes/cursor'
import { CONTROL_CLOSE, CONTROL_OPEN, FrameReader } from '@dat-rhino/core/wire/frame-reader'
import type { Patience } from '@dat-rhino/core/wire/mux-patience'
import type { Protomux } from './protomux.ts'

/** One per connection. */
export class StrayWatch {
  readonly #mux: Protomux
  readonly #patience: Patience
  readonly #frame = new FrameReader()
  /** What the frame at hand has opened (true) and closed, which the package does not know yet. */
  readonly #changed = new Map<number, boolean>()
  /** Channels that were spoken on while they were there; the package has held each of them. */
  readonly #spokenOn = new Set<number>()
  #last = 0

  constructor(mux: Protomux, patience: Patience) {
    this.#mux = mux
    this.#patience = patience
  }

  /** @throws DatError OVER_LIMIT for too many messages for nobody, BAD_FRAME for what is no frame */
  onFrame(bytes: Uint8Array): void {
    const channels = this.#mux._remote
    if (!Array.isArray(channels)) return
    const frame = this.#frame
    this.#changed.clear()
    frame.start(bytes)
    // How long a batch of other libraries' may be is not ours to say: of a longer one the beginning counts.
    for (let i = 0; i < BATCH_MESSAGES_MAX && frame.next(); i++) {
      if (frame.channel === 0) this.#control(channels, frame.type, frame.body)
      else this.#message(channels, frame.channel)
    }
    frame.clear()
  }

  #control(channels: readonly unknown[], type: number, body: Reader): void {
    if (type === CONTROL_OPEN) this.#changed.set(body.uint(), true)
    if (type !== CONTROL_CLOSE) return
    const number = body.uint()
    if (this.#isThere(channels, number)) {
      this.#changed.set(number, false)
      this.#forget(number)
    } else this.#strayed(number)
  }

  #message(channels: readonly unknown[], number: number): void {
    if (!this.#isThere(channels, number)) this.#strayed(number)
    else if (number !== this.#last) {
      this.#last = number
      this.#spokenOn.add(number)
    }
  }

  #isThere(channels: readonly unknown[], number: number): boolean {
    return this.#changed.get(number) ?? (channels[number - 1] ?? null) !== null
  }

  /** The first for a channel that was there tells that this side has closed it: the package does not. */
  #strayed(number: number): void {
    if (this.#forget(number)) this.#patience.closedHere()
    this.#patience.strayed()
  }

  #forget(number: number): boolean {
    if (this.#last === number) this.#last = 0
    return this.#spokenOn.delete(number)
  }
}

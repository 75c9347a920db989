/**
 * Openings of a remote for which our side is not open yet, and what the remote has sent on them meanwhile.
 *
 * Owns: those openings and the bytes kept for them. Mostly our side opens while it is being asked, and nothing is kept.
 *
 * Always true: a pair waits once at most; what waits is within the limits that `hasRoom` says, and as long as
 * `UNPAIRED_MS_MAX` at most, for who asks `since` in time.
 */

import { CHANNELS_UNPAIRED_MAX, UNPAIRED_BYTES_MAX } from '../base/limits.ts'
import { copy, EMPTY, equal, mapKey } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'

/** One of them. */
export class WaitingOpen {
  readonly remoteId: number
  readonly protocol: string
  readonly id: Uint8Array
  /** When it came, on the connection's clock. */
  readonly sinceMs: number
  /** Our side opened, or it was refused. */
  settled = false
  #handshake: Uint8Array
  /** `uint length | message` one behind the other; a message is `uint type | body`. */
  #kept: Writer | undefined

  constructor(
    remoteId: number,
    protocol: string,
    id: Uint8Array,
    handshake: Uint8Array,
    sinceMs: number,
  ) {
    this.remoteId = remoteId
    this.protocol = protocol
    this.id = id
    this.sinceMs = sinceMs
    this.#handshake = handshake
  }

  get handshake(): Reader {
    return new Reader(this.#handshake)
  }

  /** The handshake's bytes belong to the frame; whoever waits longer than that needs a copy. */
  keep(): void {
    this.#handshake = copy(this.#handshake)
  }

  get sizeBytes(): number {
    return this.#handshake.length + (this.#kept?.at ?? 0)
  }

  keepMessage(type: number, body: Reader): void {
    this.#kept ??= new Writer(body.left + 8)
    const message = new Writer(body.left + 8)
    message.uint(type)
    message.fixedAt(body.bytes, body.at, body.left)
    this.#kept.buffer(message.view())
  }

  /** Hands over what was kept, in order, and forgets it. */
  replay(each: (type: number, body: Reader) => void): void {
    const kept = this.#kept
    this.#kept = undefined
    if (kept === undefined) return
    const messages = new Reader(kept.view())
    while (messages.left > 0) {
      const body = new Reader(messages.buffer())
      each(body.uint(), body)
    }
  }
}

/** Those of one connection. */
export class WaitingOpens {
  /** The one that our side is being asked about. */
  #asking: WaitingOpen | undefined = undefined
  readonly #byRemote = new Map<number, WaitingOpen>()
  readonly #byPair = new Map<string, WaitingOpen>()
  /** Bytes kept for all of them. */
  #bytes = 0

  get count(): number {
    return this.#byRemote.size
  }

  /** Does none wait, or is one being asked about? */
  get isEmpty(): boolean {
    return this.#asking === undefined && this.#byRemote.size === 0
  }

  /** May one more wait? */
  hasRoom(handshakeBytes: number): boolean {
    return (
      this.#byRemote.size < CHANNELS_UNPAIRED_MAX &&
      this.#bytes + handshakeBytes <= UNPAIRED_BYTES_MAX
    )
  }

  /** Our side is asked about it now; then comes `keep` or `settle`. */
  ask(waiting: WaitingOpen): void {
    this.#asking = waiting
  }

  /** Our side will answer later. */
  keep(waiting: WaitingOpen): void {
    this.#asking = undefined
    waiting.keep()
    this.#byRemote.set(waiting.remoteId, waiting)
    this.#byPair.set(pairKey(waiting.protocol, waiting.id), waiting)
    this.#bytes += waiting.sizeBytes
  }

  find(protocol: string, id: Uint8Array): WaitingOpen | undefined {
    const asking = this.#asking
    if (asking !== undefined && asking.protocol === protocol && equal(asking.id, id)) return asking
    return this.#byPair.size === 0 ? undefined : this.#byPair.get(pairKey(protocol, id))
  }

  of(remoteId: number): WaitingOpen | undefined {
    return this.#byRemote.get(remoteId)
  }

  /** False if there is no room for the message. */
  keepMessage(waiting: WaitingOpen, type: number, body: Reader): boolean {
    if (this.#bytes + body.left > UNPAIRED_BYTES_MAX) return false
    this.#bytes -= waiting.sizeBytes
    waiting.keepMessage(type, body)
    this.#bytes += waiting.sizeBytes
    return true
  }

  /** It waits no more. */
  settle(waiting: WaitingOpen): void {
    waiting.settled = true
    this.#asking = undefined
    if (!this.#byRemote.delete(waiting.remoteId)) return
    this.#byPair.delete(pairKey(waiting.protocol, waiting.id))
    this.#bytes -= waiting.sizeBytes
  }

  /** Those that came at `sinceMs` or before. */
  since(sinceMs: number): WaitingOpen[] {
    return [...this.#byRemote.values()].filter((waiting) => waiting.sinceMs <= sinceMs)
  }

  clear(): void {
    this.#byRemote.clear()
    this.#byPair.clear()
    this.#bytes = 0
  }
}

/** Name of a pair; ids are arbitrary bytes. */
export function pairKey(protocol: string, id: Uint8Array = EMPTY): string {
  return id.length === 0 ? protocol : `${protocol}\u0000${mapKey(id)}`
}

/**
 * Generation 3's multiplexer, compatible with protomux: many channels of any protocol on one message pipe.
 *
 * Owns: the conversation of replication.md section 3. The way of a frame: transport → `MuxIn` → `#message` →
 * `MuxChannels` and the channel's handler, or `#control`. The way out: `begin`/`end` on a channel → `MuxOut`, one growing
 * frame → transport.
 *
 * Always true: what a remote can make us keep is bounded (openings that wait, bytes on them, numbers), and what it
 * can make us do for nothing (openings that come to nothing, messages for nobody); a channel's handler hears nothing
 * after its `onClose`; an error of one channel ends that channel, and only undecodable bytes end the connection.
 */

import type { Clock } from '../base/clock.ts'
import { asError, DatError, isCode } from '../base/errors.ts'
import {
  CHANNEL_HANDSHAKE_BYTES_MAX,
  CHANNEL_ID_BYTES_MAX,
  CHANNELS_MAX,
  UNPAIRED_MS_MAX,
} from '../base/limits.ts'
import { copyAt, EMPTY } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import type { Channel, ChannelOptions, Channels, Muxer, PairHook } from './channel.ts'
import { ChannelTable, readProtocol, WAITING } from './channel-table.ts'
import { CONTROL, CONTROL_CLOSE, CONTROL_OPEN, CONTROL_REJECT } from './frame-reader.ts'
import { MuxChannel } from './mux-channel.ts'
import { MuxChannels } from './mux-channels.ts'
import { MuxIn } from './mux-in.ts'
import { MuxOut } from './mux-out.ts'
import { Patience } from './mux-patience.ts'
import type { Transport } from './transport.ts'
import { pairKey, WaitingOpen, WaitingOpens } from './waiting-opens.ts'

/** Time comes from outside, because openings that nobody answers are refused after `UNPAIRED_MS_MAX`. */
export interface MuxOptions {
  readonly clock: Clock
  /** Told once, after all channels, when the connection has ended. */
  readonly onClose?: (error: Error | undefined) => void
}

export class Mux implements Muxer {
  readonly channels: Channels
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #table = new ChannelTable()
  readonly #waiting = new WaitingOpens()
  readonly #hooks = new Map<string, PairHook>()
  /** Is there a hook for one id only? */
  #hasOwnHooks = false
  readonly #in: MuxIn
  readonly #out: MuxOut
  readonly #channels: MuxChannels
  #isSweepDue = false
  readonly #patience: Patience
  #closed = false

  /** Takes over the transport: sets its handler. */
  constructor(transport: Transport, options: MuxOptions) {
    const { clock, onClose } = options
    this.#transport = transport
    this.#clock = clock
    this.#out = new MuxOut(transport, clock)
    this.#channels = new MuxChannels(this.#table, this.#waiting, this.#out, clock, {
      isClosed: () => this.#closed,
      closing: () => this.#patience.closedHere(),
      close: (error) => this.close(error),
    })
    this.channels = this.#channels
    this.#in = new MuxIn(transport, clock, {
      onMessage: (channel, type, body) => this.#message(channel, type, body),
      onFrameEnd: () => this.#channels.endFrame(),
      onError: (error) => this.close(asError(error)),
    })
    this.#patience = new Patience(clock, this.#in)
    transport.handler = {
      onMessage: (message) => this.#in.frame(message),
      onWritable: () => this.#channels.unblock(),
      onClose: (error) => {
        this.#tearDown(error)
        onClose?.(error)
      },
    }
  }

  get isInitiator(): boolean {
    return this.#transport.isInitiator
  }

  get handshakeHash(): Uint8Array {
    return this.#transport.handshakeHash
  }

  get remotePublicKey(): Uint8Array {
    return this.#transport.remotePublicKey
  }

  get closed(): boolean {
    return this.#closed
  }

  get writable(): boolean {
    return !this.#closed && this.#transport.writable
  }

  /** Channels that are open on both sides. */
  get channelCount(): number {
    return this.#table.pairedCount
  }

  open(options: ChannelOptions): Channel {
    const channel = new MuxChannel(options, this.#channels)
    channel.open(options.handshake)
    return channel
  }

  has(protocol: string, id: Uint8Array = EMPTY): boolean {
    return this.#channels.find(protocol, id) !== 0
  }

  pair(protocol: string, id: Uint8Array | undefined, hook: PairHook): void {
    this.#hooks.set(pairKey(protocol, id), hook)
    if (id !== undefined) this.#hasOwnHooks = true
  }

  unpair(protocol: string, id?: Uint8Array): void {
    this.#hooks.delete(pairKey(protocol, id))
  }

  cork(): void {
    this.#out.cork()
  }

  uncork(): void {
    this.#out.uncork()
  }

  flush(): void {
    this.#out.flushNow()
  }

  pause(): void {
    this.#in.pause()
  }

  resume(): void {
    this.#in.resume()
  }

  close(error?: Error): void {
    if (this.#closed) return
    if (error === undefined) this.#out.flush(false)
    this.#tearDown(error)
    this.#transport.close(error)
  }

  // ---- In ----------------------------------------------------------------------------------------

  #message(remoteId: number, type: number, body: Reader): void {
    if (remoteId === CONTROL) {
      this.#control(type, body)
      return
    }
    const channel = this.#table.local(remoteId)
    if (channel > 0) this.#channels.deliver(channel, type, body)
    // A message on a channel that we have closed was under way; on one that never was it is nobody's.
    else if (channel === WAITING) this.#keep(remoteId, type, body)
    else this.#patience.strayed()
  }

  #keep(remoteId: number, type: number, body: Reader): void {
    const waiting = this.#waiting.of(remoteId)
    if (waiting === undefined || this.#waiting.keepMessage(waiting, type, body)) return
    this.#refuse(waiting)
  }

  // ---- Control -----------------------------------------------------------------------------------

  #control(type: number, body: Reader): void {
    if (type === CONTROL_OPEN) this.#onOpen(body)
    else if (type === CONTROL_REJECT) this.#onReject(body.uint())
    else if (type === CONTROL_CLOSE) this.#onRemoteClose(body.uint())
  }

  #onOpen(body: Reader): void {
    const remoteId = body.uint()
    const protocol = readProtocol(body)
    const length = body.uint()
    if (length > CHANNEL_ID_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', "A channel's id is too long.", { bytes: length })
    }
    const at = body.skip(length)
    if (body.left > CHANNEL_HANDSHAKE_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', "A channel's handshake is too long.", { bytes: body.left })
    }
    this.#table.claim(remoteId)
    const channel = this.#table.answer(remoteId, protocol, body.bytes, at, length)
    if (channel === 0) this.#asked(remoteId, protocol, copyAt(body.bytes, at, length), body)
    else if (this.#table.isOpen(channel)) this.#channels.opened(channel, body)
  }

  /** The remote opens what we have not. */
  #asked(remoteId: number, protocol: string, id: Uint8Array, handshake: Reader): void {
    const own = this.#hasOwnHooks ? this.#hooks.get(pairKey(protocol, id)) : undefined
    const hook = own ?? this.#hooks.get(protocol)
    if (hook === undefined || !this.#mayWait(protocol, id, handshake.left)) {
      this.#reject(remoteId)
      return
    }
    const now = this.#clock.now()
    const waiting = new WaitingOpen(remoteId, protocol, id, handshake.rest(), now)
    this.#waiting.ask(waiting)
    this.#ask(hook, waiting)
  }

  /** May an opening of the remote wait for ours? Not if ours is open, or one waits already. */
  #mayWait(protocol: string, id: Uint8Array, handshakeBytes: number): boolean {
    return (
      this.#table.pairedCount + this.#waiting.count < CHANNELS_MAX &&
      this.#waiting.hasRoom(handshakeBytes) &&
      this.#waiting.find(protocol, id) === undefined &&
      this.#channels.find(protocol, id) === 0
    )
  }

  #ask(hook: PairHook, waiting: WaitingOpen): void {
    const { id } = waiting
    let answersLater = false
    try {
      answersLater = hook(id.length === 0 ? undefined : id, waiting.handshake)
    } catch (error) {
      // Whatever else went wrong on our side, for the remote there is no such channel.
      if (isCode(error, 'BAD_FRAME')) throw error
    }
    if (waiting.settled || this.#closed) return
    if (!answersLater) {
      this.#refuse(waiting)
      return
    }
    this.#table.wait(waiting.remoteId, true)
    this.#waiting.keep(waiting)
    this.#laterSweep()
  }

  #onReject(channel: number): void {
    const handler = this.#table.handler(channel)
    this.#table.rejected(channel)
    handler?.onClose(channel, undefined)
  }

  #onRemoteClose(remoteId: number): void {
    const channel = this.#table.local(remoteId)
    if (channel === 0) {
      this.#patience.strayed()
      return
    }
    this.#patience.lostOpening()
    const waiting = channel === WAITING ? this.#waiting.of(remoteId) : undefined
    // The remote keeps the number until it hears an answer.
    if (waiting !== undefined) this.#refuse(waiting)
    else this.#channels.ended(channel, undefined)
  }

  #refuse(waiting: WaitingOpen): void {
    this.#waiting.settle(waiting)
    this.#table.wait(waiting.remoteId, false)
    this.#reject(waiting.remoteId)
  }

  #reject(remoteId: number): void {
    this.#patience.lostOpening()
    this.#out.begin(CONTROL, CONTROL_REJECT, 4).uint(remoteId)
    this.#out.end()
  }

  /** Refuses openings that have waited too long. */
  #laterSweep(): void {
    if (this.#isSweepDue) return
    this.#isSweepDue = true
    this.#clock.after(UNPAIRED_MS_MAX, () => {
      this.#isSweepDue = false
      if (this.#closed) return
      for (const waiting of this.#waiting.since(this.#clock.now() - UNPAIRED_MS_MAX)) {
        this.#refuse(waiting)
      }
      if (this.#waiting.count > 0) this.#laterSweep()
    })
  }

  #tearDown(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#in.close()
    this.#out.close()
    this.#hooks.clear()
    this.#waiting.clear()
    let failure: unknown
    for (const channel of this.#table.open()) {
      try {
        if (this.#table.isOpen(channel)) this.#channels.ended(channel, error)
      } catch (thrown) {
        // The other channels must hear of the end too.
        failure ??= thrown
      }
    }
    if (failure !== undefined) throw failure
  }
}

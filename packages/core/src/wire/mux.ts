/**
 * Generation 3's multiplexer, compatible with protomux: many channels of any protocol on one message pipe.
 *
 * Owns: the conversation of replication.md section 3. The way of a frame: transport → `MuxIn` → `#message` →
 * the channel's handler, or `#control`. The way out: `begin`/`end` on a channel → `MuxOut`, one growing frame →
 * transport.
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
  CHANNELS_UNPAIRED_MAX,
  UNPAIRED_BYTES_MAX,
  UNPAIRED_MS_MAX,
} from '../base/limits.ts'
import { copy, EMPTY } from '../bytes/bytes.ts'
import { Reader } from '../bytes/cursor.ts'
import type { Channel, ChannelOptions, Muxer, PairHook } from './channel.ts'
import { ChannelTable, pairKeyOf, protocolBytes, readProtocol } from './channel-table.ts'
import { CONTROL_CLOSE, CONTROL_OPEN, CONTROL_REJECT } from './frame-reader.ts'
import { type ChannelOwner, MuxChannel, WaitingOpen } from './mux-channel.ts'
import { MuxIn } from './mux-in.ts'
import { MuxOut } from './mux-out.ts'
import { Patience } from './mux-patience.ts'
import type { Transport } from './transport.ts'

/** Control messages are messages of this channel. */
const CONTROL = 0

/** Time comes from outside, because openings that nobody answers are refused after `UNPAIRED_MS_MAX`. */
export interface MuxOptions {
  readonly clock: Clock
  /** Told once, after all channels, when the connection has ended. */
  readonly onClose?: (error: Error | undefined) => void
}

export class Mux implements Muxer {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #table = new ChannelTable()
  readonly #hooks = new Map<string, PairHook>()
  readonly #in: MuxIn
  readonly #out: MuxOut
  readonly #owner: ChannelOwner
  /** Channels with messages in the frame at hand. */
  #touched: MuxChannel[] = []
  /** Bytes kept for openings that wait. */
  #waitingBytes = 0
  #isSweepDue = false
  readonly #patience: Patience
  #closed = false

  /** Takes over the transport: sets its handler. */
  constructor(transport: Transport, options: MuxOptions) {
    const { clock, onClose } = options
    this.#transport = transport
    this.#clock = clock
    const out = new MuxOut(transport, clock)
    this.#out = out
    this.#in = new MuxIn(transport, clock, {
      onMessage: (channel, type, body) => this.#message(channel, type, body),
      onFrameEnd: () => this.#endFrame(),
      onError: (error) => this.close(asError(error)),
    })
    this.#patience = new Patience(clock, this.#in)
    this.#owner = {
      begin: (channel, type, bodyHint) => out.begin(channel, type, bodyHint),
      end: () => out.end(),
      abandon: () => out.abandon(),
      isWritable: (channel) => out.isWritable(channel),
      close: (channel, error) => this.#closeChannel(channel, error),
    }
    transport.handler = {
      onMessage: (message) => this.#in.frame(message),
      onWritable: () => this.#unblock(),
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
    if (this.#closed) throw new DatError('CLOSED', 'The connection is closed.')
    const { protocol, id, handshake = EMPTY } = options
    const pairKey = pairKeyOf(protocol, id)
    if (this.#table.hasChannel(pairKey)) {
      throw new DatError('CONFLICT', 'This channel is open already.', { protocol })
    }
    const channel = new MuxChannel(options, pairKey, this.#owner)
    const waiting = this.#table.addLocal(channel)
    const name = protocolBytes(protocol)
    const body = this.#out.begin(CONTROL, CONTROL_OPEN, name.length + 38 + handshake.length)
    body.uint(channel.localId)
    body.buffer(name)
    body.buffer(id)
    body.fixed(handshake)
    this.#out.end()
    if (waiting !== undefined) this.#catchUp(channel, waiting)
    return channel
  }

  has(protocol: string, id?: Uint8Array): boolean {
    return this.#table.hasChannel(pairKeyOf(protocol, id))
  }

  pair(protocol: string, id: Uint8Array | undefined, hook: PairHook): void {
    this.#hooks.set(pairKeyOf(protocol, id), hook)
  }

  unpair(protocol: string, id?: Uint8Array): void {
    this.#hooks.delete(pairKeyOf(protocol, id))
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
    const channel = this.#table.remote(remoteId)
    // A message on a channel that we have closed was under way; on one that never was it is nobody's.
    if (channel === undefined) this.#patience.strayed()
    else if (channel instanceof MuxChannel) this.#deliver(channel, type, body)
    else this.#keep(channel, type, body)
  }

  #deliver(channel: MuxChannel, type: number, body: Reader): void {
    if (channel.closed) return
    if (!channel.touched) {
      channel.touched = true
      this.#touched.push(channel)
    }
    try {
      channel.handler.onMessage(type, body)
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  #keep(waiting: WaitingOpen, type: number, body: Reader): void {
    if (this.#waitingBytes + body.left > UNPAIRED_BYTES_MAX) {
      this.#refuse(waiting)
      return
    }
    this.#waitingBytes -= waiting.sizeBytes
    waiting.keepMessage(type, body)
    this.#waitingBytes += waiting.sizeBytes
  }

  #endFrame(): void {
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const channel of touched) {
      channel.touched = false
      if (channel.closed) continue
      try {
        channel.handler.onFrameEnd()
      } catch (error) {
        this.#failed(channel, error)
      }
    }
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
    const id = body.optionalBuffer(CHANNEL_ID_BYTES_MAX)
    if (body.left > CHANNEL_HANDSHAKE_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', "A channel's handshake is too long.", { bytes: body.left })
    }
    const handshake = body.rest()
    this.#table.claimRemote(remoteId)
    const pairKey = pairKeyOf(protocol, id)
    const ours = this.#table.answerLocal(pairKey, remoteId)
    if (ours !== undefined) {
      if (!ours.closed) this.#opened(ours, new Reader(handshake))
      return
    }
    const hook = this.#hooks.get(pairKey) ?? this.#hooks.get(pairKeyOf(protocol, undefined))
    const mayWait = this.#table.mayWait(pairKey) && this.#hasRoom(handshake.length)
    if (hook === undefined || !mayWait) {
      this.#reject(remoteId)
      return
    }
    const waiting = new WaitingOpen(remoteId, pairKey, handshake, this.#clock.now())
    this.#table.wait(waiting)
    this.#waitingBytes += handshake.length
    this.#ask(hook, waiting, id)
  }

  /** May one more opening of the remote wait? */
  #hasRoom(handshakeBytes: number): boolean {
    const { pairedCount, waitingCount } = this.#table
    return (
      pairedCount + waitingCount < CHANNELS_MAX &&
      waitingCount < CHANNELS_UNPAIRED_MAX &&
      this.#waitingBytes + handshakeBytes <= UNPAIRED_BYTES_MAX
    )
  }

  #ask(hook: PairHook, waiting: WaitingOpen, id: Uint8Array | undefined): void {
    let answersLater = false
    try {
      answersLater = hook(id === undefined ? undefined : copy(id), waiting.handshake)
    } catch (error) {
      // Whatever else went wrong on our side, for the remote there is no such channel.
      if (isCode(error, 'BAD_FRAME')) throw error
    }
    if (waiting.settled || this.#closed) return
    if (!answersLater) {
      this.#refuse(waiting)
      return
    }
    waiting.keep()
    this.#laterSweep()
  }

  /** Our side opened what the remote had opened before: hand over what came meanwhile. */
  #catchUp(channel: MuxChannel, waiting: WaitingOpen): void {
    this.#waitingBytes -= waiting.sizeBytes
    this.#opened(channel, waiting.handshake)
    waiting.replay((type, body) => this.#deliver(channel, type, body))
    // Outside of a frame nobody else would end this one.
    if (channel.touched) this.#clock.soon(() => this.#endFrame())
  }

  #onReject(localId: number): void {
    const channel = this.#table.rejected(localId)
    if (!channel.closed) this.#ended(channel, undefined)
  }

  #onRemoteClose(remoteId: number): void {
    const channel = this.#table.remote(remoteId)
    if (channel === undefined) {
      this.#patience.strayed()
      return
    }
    this.#patience.lostOpening()
    if (channel instanceof WaitingOpen) {
      // The remote keeps the number until it hears an answer.
      this.#refuse(channel)
      return
    }
    this.#table.close(channel)
    this.#ended(channel, undefined)
  }

  #refuse(waiting: WaitingOpen): void {
    this.#waitingBytes -= waiting.sizeBytes
    this.#table.refuse(waiting)
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
      for (const waiting of this.#table.waitingSince(this.#clock.now() - UNPAIRED_MS_MAX)) {
        this.#refuse(waiting)
      }
      if (this.#table.waitingCount > 0) this.#laterSweep()
    })
  }

  // ---- Channels ----------------------------------------------------------------------------------

  #opened(channel: MuxChannel, handshake: Reader): void {
    try {
      channel.handler.onOpen(channel, handshake)
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  #failed(channel: MuxChannel, error: unknown): void {
    if (isCode(error, 'BAD_FRAME')) this.close(error)
    else channel.close(asError(error))
  }

  #closeChannel(channel: MuxChannel, error: Error | undefined): void {
    this.#patience.closedHere()
    this.#out.begin(CONTROL, CONTROL_CLOSE, 4).uint(channel.localId)
    this.#out.end()
    this.#table.close(channel)
    this.#ended(channel, error)
  }

  #ended(channel: MuxChannel, error: Error | undefined): void {
    channel.closed = true
    channel.handler.onClose(error)
  }

  #unblock(): void {
    for (const channel of this.#out.takeBlocked()) {
      if (channel.closed) continue
      try {
        channel.handler.onWritable()
      } catch (error) {
        this.#failed(channel, error)
      }
    }
  }

  #tearDown(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#in.close()
    this.#out.close()
    this.#hooks.clear()
    let failure: unknown
    for (const channel of this.#table.clear()) {
      try {
        this.#ended(channel, error)
      } catch (thrown) {
        // The other channels must hear of the end too.
        failure ??= thrown
      }
    }
    if (failure !== undefined) throw failure
  }
}

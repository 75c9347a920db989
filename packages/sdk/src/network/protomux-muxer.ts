/**
 * Our channels on a connection whose multiplexer is the protomux package, so that other libraries share it.
 *
 * Owns: what the package's calls mean in the words of `wire/channel.ts`. For connections whose `userData` holds a
 * protomux before we come; elsewhere our own muxer runs, which is faster and has limits of its own.
 *
 * Always true: an error of ours ends one channel, never the connection of the others; only bytes that cannot be
 * decoded end that. Messages of one turn go out in one batch, and not more of them than `BATCH_FLUSH_BYTES`
 * before we look whether there is room. Openings of our protocols keep to the limits of our own muxer: how many
 * there are, wait, and come to nothing; and so do messages for channels that are not there, of anybody. Openings of
 * protocols that nobody pairs are not counted: the package refuses them without telling us.
 */

/// <reference path="../types/hyperswarm.d.ts" preserve="true" />
import type { Clock } from '@dat-rhino/core/base/clock'
import { asError, DatError, isCode } from '@dat-rhino/core/base/errors'
import {
  BATCH_FLUSH_BYTES,
  CHANNEL_HANDSHAKE_BYTES_MAX,
  CHANNEL_ID_BYTES_MAX,
  CHANNELS_MAX,
  CHANNELS_UNPAIRED_MAX,
  UNPAIRED_MS_MAX,
} from '@dat-rhino/core/base/limits'
import { EMPTY } from '@dat-rhino/core/bytes/bytes'
import { Reader, Writer } from '@dat-rhino/core/bytes/cursor'
import type {
  Channel,
  ChannelHandler,
  ChannelOptions,
  MakeMuxer,
  Muxer,
  PairHook,
} from '@dat-rhino/core/wire/channel'
import { Patience } from '@dat-rhino/core/wire/mux-patience'
import type { Transport } from '@dat-rhino/core/wire/transport'
import type { SwarmConnection } from 'hyperswarm'
import { isProtomux, type Protomux, type ProtomuxChannel, RAW } from './protomux.ts'
import { StrayWatch } from './protomux-strays.ts'
import { SwarmTransport } from './swarm-transport.ts'

/** The package wants to know the message types of a channel when it is made. */
const MESSAGE_TYPES = 32

/** As of our own muxer: `onClose` is told once, after all channels. */
export interface ProtomuxMuxerOptions {
  readonly clock: Clock
  readonly onClose?: (error: Error | undefined) => void
}

/** What carries our channels on a connection: a muxer of ours, or the protomux that is on it already. */
export function carrierOn(stream: SwarmConnection, clock: Clock): Transport | MakeMuxer {
  const { userData } = stream
  if (!isProtomux(userData)) return new SwarmTransport(stream, clock)
  return (onClose) => new ProtomuxMuxer(userData, stream, { clock, onClose })
}

/** Our part of somebody else's muxer. `close` ends the connection for everybody who is on it. */
export class ProtomuxMuxer implements Muxer {
  readonly isInitiator: boolean
  readonly handshakeHash: Uint8Array
  readonly remotePublicKey: Uint8Array
  readonly #mux: Protomux
  readonly #stream: SwarmConnection
  readonly #clock: Clock
  readonly #writer = new Writer(1024)
  readonly #patience: Patience
  #channelCount = 0
  /** Openings of the remote that our side wants to think about. */
  #waitingCount = 0
  #touched: ForeignChannel[] = []
  #isFrameEndDue = false
  #isTurnCorked = false
  /** Written since we have last looked whether there is room. */
  #unsentBytes = 0
  #pauseCount = 0
  #isClosed = false
  #error: Error | undefined

  constructor(mux: Protomux, stream: SwarmConnection, options: ProtomuxMuxerOptions) {
    this.#mux = mux
    this.#stream = stream
    this.#clock = options.clock
    this.#patience = new Patience(options.clock, this)
    this.isInitiator = stream.isInitiator
    this.handshakeHash = stream.handshakeHash
    this.remotePublicKey = stream.remotePublicKey
    stream.on('error', (error) => {
      this.#error ??= error
    })
    const strays = new StrayWatch(mux, this.#patience)
    // Before the package changes what is there.
    stream.prependListener('data', (frame: Uint8Array) => {
      try {
        if (!this.#isClosed) strays.onFrame(frame)
      } catch (error) {
        this.close(asError(error))
      }
    })
    // The package has listened before us: it has told all channels when we hear of the end.
    stream.on('close', () => {
      this.#isClosed = true
      options.onClose?.(this.#error)
    })
  }

  get closed(): boolean {
    return this.#isClosed
  }

  get writable(): boolean {
    return !this.#isClosed && this.#mux.drained
  }

  /** What ended the connection, for channels that end with it. */
  get error(): Error | undefined {
    return this.#error
  }

  open(options: ChannelOptions): Channel {
    const { protocol, id = null, handshake = EMPTY } = options
    if (this.#isClosed) throw new DatError('CLOSED', 'The connection is closed.')
    const channel = new ForeignChannel(this, options)
    const theirs = this.#mux.createChannel({
      protocol,
      id,
      handshake: RAW,
      messages: Array.from({ length: MESSAGE_TYPES }, (_, type) => ({
        encoding: RAW,
        onmessage: (body: Uint8Array) => channel.onMessage(type, body),
      })),
      onopen: (bytes) => channel.onOpen(bytes),
      onclose: () => channel.onClose(),
      ondrain: () => channel.onDrain(),
    })
    if (theirs === null) {
      throw new DatError('CONFLICT', 'This channel is open already.', { protocol })
    }
    channel.channel = theirs
    this.#channelCount++
    this.#corkTurn(handshake.length)
    theirs.open(handshake)
    return channel
  }

  has(protocol: string, id?: Uint8Array): boolean {
    return this.#mux.opened({ protocol, id: id ?? null })
  }

  pair(protocol: string, id: Uint8Array | undefined, hook: PairHook): void {
    this.#mux.pair({ protocol, id: id ?? null }, (remoteId) => {
      const asked = remoteId ?? undefined
      let answersLater = false
      try {
        answersLater = this.#hasRoom(asked) && hook(asked, undefined)
      } catch {
        // Whatever went wrong on our side, for the remote there is no such channel.
      }
      if (this.has(protocol, asked)) return undefined
      if (answersLater) return this.#wait(protocol, asked)
      this.#patience.lostOpening()
      return undefined
    })
  }

  unpair(protocol: string, id?: Uint8Array): void {
    this.#mux.unpair({ protocol, id: id ?? null })
  }

  cork(): void {
    this.#mux.cork()
  }

  uncork(): void {
    this.#mux.uncork()
  }

  flush(): void {
    if (!this.#isTurnCorked) return
    this.#unsentBytes = 0
    this.#mux.uncork()
    this.#mux.cork()
  }

  pause(): void {
    if (this.#pauseCount++ === 0) this.#stream.pause()
  }

  resume(): void {
    if (this.#pauseCount > 0 && --this.#pauseCount === 0) this.#stream.resume()
  }

  close(error?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#error ??= error
    if (error !== undefined) this.#stream.destroy(error)
    else this.#stream.end()
  }

  // ---- For our channels --------------------------------------------------------------------------

  ended(byRemote: boolean): void {
    this.#channelCount--
    if (byRemote && !this.#isClosed) this.#patience.lostOpening()
  }

  /** The one writer of all channels: a message is copied into the package's memory when it is whole. */
  begin(): Writer {
    this.#writer.reset()
    return this.#writer
  }

  /** The message that stands in the writer; valid until the next `begin`. */
  takeMessage(): Uint8Array {
    this.#corkTurn(this.#writer.at)
    return this.#writer.view()
  }

  touch(channel: ForeignChannel): void {
    this.#touched.push(channel)
    if (this.#isFrameEndDue) return
    this.#isFrameEndDue = true
    // The package does not tell where a frame ends; the end of the turn is not before that.
    this.#clock.soon(() => {
      this.#isFrameEndDue = false
      const touched = this.#touched
      this.#touched = []
      for (const each of touched) each.onFrameEnd()
    })
  }

  /** Holds what is written in this turn together, but for no more than a frame's worth. */
  #corkTurn(bytes: number): void {
    this.#unsentBytes += bytes
    if (this.#isTurnCorked && this.#unsentBytes < BATCH_FLUSH_BYTES) return
    if (this.#isTurnCorked) this.#mux.uncork()
    this.#unsentBytes = bytes
    this.#mux.cork()
    if (this.#isTurnCorked) return
    this.#isTurnCorked = true
    this.#clock.soon(() => {
      this.#isTurnCorked = false
      this.#mux.uncork()
    })
  }

  #hasRoom(id: Uint8Array | undefined): boolean {
    return (
      (id === undefined || id.length <= CHANNEL_ID_BYTES_MAX) &&
      this.#channelCount + this.#waitingCount < CHANNELS_MAX &&
      this.#waitingCount < CHANNELS_UNPAIRED_MAX
    )
  }

  /** The package refuses the opening if nobody has answered it when this resolves. */
  #wait(protocol: string, id: Uint8Array | undefined): Promise<void> {
    this.#waitingCount++
    return new Promise((resolve) => {
      this.#clock.after(UNPAIRED_MS_MAX, () => {
        this.#waitingCount--
        if (!this.has(protocol, id)) this.#patience.lostOpening()
        resolve()
      })
    })
  }
}

class ForeignChannel implements Channel {
  readonly protocol: string
  readonly id: Uint8Array | undefined
  readonly #mux: ProtomuxMuxer
  readonly #handler: ChannelHandler
  /** Set at once after this object was made. */
  channel: ProtomuxChannel | undefined
  readonly #body = new Reader(EMPTY)
  #type = 0
  #isOpen = false
  #isTouched = false
  #isBlocked = false
  #error: Error | undefined
  /** It is us who end it. */
  #isOurs = false
  closed = false

  constructor(mux: ProtomuxMuxer, options: ChannelOptions) {
    this.#mux = mux
    this.#handler = options.handler
    this.protocol = options.protocol
    this.id = options.id
  }

  get opened(): boolean {
    return this.#isOpen && !this.closed
  }

  get writable(): boolean {
    if (this.closed) return false
    this.#isBlocked = !this.#mux.writable
    return !this.#isBlocked
  }

  begin(type: number): Writer {
    if (this.closed) {
      throw new DatError('CLOSED', 'The channel is closed.', { protocol: this.protocol })
    }
    this.#type = type
    return this.#mux.begin()
  }

  end(): void {
    this.channel?.messages[this.#type]?.send(this.#mux.takeMessage())
  }

  abandon(): void {
    this.#mux.begin()
  }

  send(type: number, body: Uint8Array): void {
    this.begin(type).fixed(body)
    this.end()
  }

  close(error?: Error): void {
    if (this.closed) return
    this.#error = error
    this.#isOurs = true
    this.channel?.close()
  }

  // ---- Called by the package: nothing may be thrown into it, or it ends the connection ------------

  onOpen(handshake: Uint8Array): void {
    if (handshake.length > CHANNEL_HANDSHAKE_BYTES_MAX) {
      const facts = { bytes: handshake.length }
      this.close(new DatError('OVER_LIMIT', "A channel's handshake is too long.", facts))
      return
    }
    this.#isOpen = true
    this.#guard(() => this.#handler.onOpen(this, new Reader(handshake)))
  }

  onMessage(type: number, bytes: Uint8Array): void {
    if (this.closed) return
    if (!this.#isTouched) {
      this.#isTouched = true
      this.#mux.touch(this)
    }
    this.#body.reset(bytes)
    try {
      this.#handler.onMessage(type, this.#body)
    } catch (error) {
      this.#failed(error)
    }
  }

  onFrameEnd(): void {
    this.#isTouched = false
    if (!this.closed) this.#guard(() => this.#handler.onFrameEnd())
  }

  onDrain(): void {
    if (!this.#isBlocked || this.closed) return
    this.#isBlocked = false
    this.#guard(() => this.#handler.onWritable())
  }

  onClose(): void {
    if (this.closed) return
    this.closed = true
    this.#mux.ended(!this.#isOurs)
    this.#handler.onClose(this.#error ?? this.#mux.error)
  }

  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (isCode(error, 'BAD_FRAME')) this.#mux.close(error)
    else this.close(error instanceof Error ? error : new DatError('INVARIANT', String(error)))
  }
}

/**
 * Connections of generations 1 and 2 on any byte stream.
 *
 * Owns: what is spoken (by configuration, or by the first bytes of who dialled), the pairing of both sides' openings, and
 * the end. What a generation says at the beginning is in `gen1-protocol.ts` and `gen2-protocol.ts`, what is said about a
 * log in `feed-conversation.ts`, bytes are in `feed-pipe.ts`.
 *
 * Always true: a remote that has not finished its handshake is held for `HANDSHAKE_MS_MAX`; a channel hears nothing after
 * its end; an error in one conversation ends that one, and only undecodable frames and openings end the connection.
 */

import { DatError } from '../base/errors.ts'
import { HANDSHAKE_MS_MAX } from '../base/limits.ts'
import { concat, EMPTY } from '../bytes/bytes.ts'
import { Reader, type Writer } from '../bytes/cursor.ts'
import type { ByteStream } from './byte-stream.ts'
import { detectGeneration } from './detect.ts'
import { FeedChannels, StreamChannel } from './feed-channels.ts'
import { FeedConversation } from './feed-conversation.ts'
import { type FeedLink, NO_OPTIONS } from './feed-dialect.ts'
import type { FeedOptions } from './feed-messages.ts'
import { sortedNames } from './feed-names.ts'
import { FeedPipe } from './feed-pipe.ts'
import type { FeedHost, FeedProtocol } from './feed-protocol.ts'
import type { FeedChannel, FeedMuxer, FeedOpening, FeedStreamOptions } from './feeds.ts'
import { Gen1Protocol, type Gen1Secrets } from './gen1-protocol.ts'
import { Gen2Protocol, type Gen2Secrets } from './gen2-protocol.ts'
import { Patience } from './mux-patience.ts'

/** What is fresh for each connection, and made anew where it is not given. */
export interface FeedSecrets extends Gen1Secrets, Gen2Secrets {}

/**
 * Takes over the stream: sets its handler.
 *
 * @param secrets for tests that compare bytes
 * @throws DatError BAD_ARGUMENT if we dial and are not told what to speak
 */
export function openFeedStream(
  bytes: ByteStream,
  options: FeedStreamOptions,
  secrets: FeedSecrets = {},
): FeedMuxer {
  const { generation: spoken, isInitiator } = options
  if (spoken === undefined && isInitiator) {
    throw new DatError(
      'BAD_ARGUMENT',
      'Who dials must know what is spoken there: name a generation.',
    )
  }
  const stream = new FeedStream(bytes, options, secrets)
  stream.start()
  return stream
}

type MakeProtocol = (host: FeedHost, secrets: FeedSecrets) => FeedProtocol

/** By generation. */
const PROTOCOLS: ReadonlyMap<unknown, MakeProtocol> = new Map<unknown, MakeProtocol>([
  [1, (host, secrets) => new Gen1Protocol(host, secrets)],
  [2, (host, secrets) => new Gen2Protocol(host, secrets)],
])

class FeedStream implements FeedMuxer, FeedHost {
  readonly pipe: FeedPipe
  readonly ours: FeedOptions
  remotePublicKey: Uint8Array = EMPTY
  readonly #bytes: ByteStream
  readonly #options: FeedStreamOptions
  readonly #secrets: FeedSecrets
  readonly #channels = new FeedChannels()
  #protocol: FeedProtocol | undefined
  #link: FeedLink | undefined
  /** The handshake is done. */
  #isReady = false
  #hasToldReady = false
  /** Of the frame at hand. */
  readonly #body = new Reader(EMPTY)
  #touched: StreamChannel[] = []
  #blocked: StreamChannel[] = []
  readonly #patience: Patience
  readonly #deadline: { cancel(): void }

  constructor(bytes: ByteStream, options: FeedStreamOptions, secrets: FeedSecrets) {
    const { clock, acks = false, extensions = [] } = options
    this.#bytes = bytes
    this.#options = options
    this.#secrets = secrets
    this.ours = { extensions: sortedNames(extensions), ack: acks }
    this.pipe = new FeedPipe(bytes, clock, {
      onFrame: (payload) => this.#onFrame(payload),
      onChunkEnd: () => this.#onChunkEnd(),
      onWritable: () => this.#unblock(),
      onClose: (error) => this.#ended(error),
    })
    this.#patience = new Patience(clock, this.pipe)
    this.#deadline = clock.after(HANDSHAKE_MS_MAX, () => {
      this.close(new DatError('TIMEOUT', 'The peer did not finish its handshake in time.'))
    })
  }

  get generation(): 1 | 2 | undefined {
    return this.#protocol?.dialect.generation
  }

  get isInitiator(): boolean {
    return this.#options.isInitiator
  }

  get closed(): boolean {
    return this.pipe.closed
  }

  get feedCount(): number {
    return this.#channels.pairedCount
  }

  get writable(): boolean {
    return this.pipe.writable
  }

  start(): void {
    const make = PROTOCOLS.get(this.#options.generation)
    if (make === undefined) {
      this.#listen()
      return
    }
    this.#speak(make, EMPTY)
    // Where nobody proves anything, and the first word is a log, there is nothing to wait for.
    if (this.#protocol?.beginsWithLog === true && this.isInitiator) {
      this.#options.clock.soon(() => this.#tellReady())
    }
  }

  open(opening: FeedOpening): FeedChannel {
    if (this.closed) throw new DatError('CLOSED', 'The connection is closed.')
    const channel = new StreamChannel(opening, this.#owner)
    this.#channels.add(channel)
    if (this.#isReady) this.#say(channel)
    else this.#protocol?.onLocalOpen()
    return channel
  }

  has(discoveryKey: Uint8Array): boolean {
    return this.#channels.get(discoveryKey) !== undefined
  }

  pause(): void {
    this.pipe.pause()
  }

  resume(): void {
    this.pipe.resume()
  }

  close(error?: Error): void {
    this.pipe.close(error)
  }

  // ---- What is spoken

  /** Waits for the first bytes of who dialled. */
  #listen(): void {
    let first: Uint8Array = EMPTY
    this.#bytes.handler = {
      onBytes: (chunk) => {
        if (this.closed) return
        first = concat(first, chunk)
        const found = detectGeneration(first)
        if (found === undefined) return
        const make = PROTOCOLS.get(found)
        if (make !== undefined) this.#speak(make, first)
        else this.close(new DatError('BAD_HANDSHAKE', 'The peer speaks no wire of the old logs.'))
      },
      onWritable: () => {},
      onClose: (error) => this.close(error),
    }
  }

  #speak(make: MakeProtocol, first: Uint8Array): void {
    const { clock, keyPair, id, protocol } = this.#options
    const ours = { keyPair: this.#secrets.keyPair ?? keyPair, id: this.#secrets.id ?? id }
    const secrets = { ...this.#secrets, ...ours, protocol }
    const spoken = make(this, secrets)
    this.#protocol = spoken
    const { dialect } = spoken
    // Where options come on each channel, each has a list of its own.
    const told = dialect.hasOptions ? { extensions: [], ack: this.ours.ack } : this.ours
    this.#link = { dialect, clock, ours: told, theirs: NO_OPTIONS }
    this.pipe.start(first)
    spoken.begin()
  }

  // ---- In

  #onFrame(payload: Uint8Array): void {
    const protocol = this.#protocol
    if (protocol === undefined) return
    if (!this.#isReady) {
      protocol.onHandshake(payload)
      return
    }
    const body = this.#body
    body.reset(payload)
    const header = body.varint()
    const number = Math.floor(header / 16)
    const type = header % 16
    if (number >= protocol.dialect.channelEnd) {
      throw new DatError('OVER_LIMIT', 'The remote uses too many channel numbers.', { number })
    }
    if (protocol.onControl(number, type, body)) return
    const channel = this.#channels.remote(number)
    // Nobody's, or of a channel that we have closed and the remote has not yet.
    if (channel === undefined || channel.closed) {
      this.#patience.strayed()
      return
    }
    if (!channel.touched) {
      channel.touched = true
      this.#touched.push(channel)
    }
    channel.conversation?.onMessage(type, body)
  }

  #onChunkEnd(): void {
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const channel of touched) {
      channel.touched = false
      if (!channel.closed) channel.conversation?.onFrameEnd()
    }
  }

  #unblock(): void {
    const blocked = this.#blocked
    this.#blocked = []
    for (const channel of blocked) {
      channel.blocked = false
      if (!channel.closed) channel.conversation?.onWritable()
    }
  }

  // ---- For the protocol

  channels(): StreamChannel[] {
    return this.#channels.all()
  }

  find(discoveryKey: Uint8Array): StreamChannel | undefined {
    return this.#channels.get(discoveryKey)
  }

  number(): number {
    if (this.#protocol === undefined) throw new DatError('INVARIANT', 'Nothing is spoken yet.')
    return this.#channels.number(this.#protocol.dialect)
  }

  ask(discoveryKey: Uint8Array): boolean {
    let answersLater = false
    try {
      answersLater = this.#options.onFeed?.(discoveryKey) === true
    } catch {
      // Whatever went wrong on our side, for the remote there is no such log.
    }
    return answersLater || this.has(discoveryKey)
  }

  ready(remotePublicKey: Uint8Array): void {
    this.#isReady = true
    this.remotePublicKey = remotePublicKey
    this.#deadline.cancel()
    this.#options.onHandshake?.(remotePublicKey)
    if (this.closed) return
    this.pipe.ready()
    if (this.#protocol !== undefined) this.pipe.keepAlive(this.#protocol.dialect.keepAliveMs)
    for (const channel of this.#channels.all()) this.#say(channel)
    this.#tellReady()
  }

  #tellReady(): void {
    if (this.#hasToldReady || this.closed) return
    this.#hasToldReady = true
    this.#options.onReady?.()
  }

  heard(theirs: FeedOptions): void {
    if (this.#link !== undefined) this.#link.theirs = theirs
    for (const channel of this.#channels.all()) channel.conversation?.onLink()
  }

  onRemoteOpen(remoteId: number, discoveryKey: Uint8Array, proof: Uint8Array): void {
    const old = this.#channels.remote(remoteId)
    const ours = this.#channels.get(discoveryKey)
    // The same again says nothing new; another log under the number takes its place.
    if (old !== undefined && old === ours) return
    if (old !== undefined) this.#end(old, undefined)
    if (ours !== undefined) {
      if (!ours.opened) this.#pair(ours, remoteId, proof)
      return
    }
    const mayWait = this.#channels.wait({ remoteId, discoveryKey, proof })
    if (mayWait && this.ask(discoveryKey)) return
    // Where it cannot be refused, it may still be opened here one day.
    if (mayWait && this.#protocol?.dialect.hasClose === false) return
    this.#channels.takeUnpaired(discoveryKey)
    this.#protocol?.refuse(discoveryKey)
  }

  onRemoteClose(remoteId: number, discoveryKey: Uint8Array | undefined): void {
    const channel =
      discoveryKey === undefined
        ? this.#channels.remote(remoteId)
        : this.#channels.get(discoveryKey)
    if (discoveryKey !== undefined) this.#channels.takeUnpaired(discoveryKey)
    else this.#channels.dropUnpaired(remoteId)
    if (channel !== undefined) this.#closeChannel(channel, undefined)
  }

  // ---- Channels

  readonly #owner = {
    begin: (channel: StreamChannel, type: number, hint: number): Writer =>
      this.pipe.begin(channel.localId, type, hint),
    end: (): void => this.pipe.end(),
    abandon: (): void => this.pipe.abandon(),
    isWritable: (channel: StreamChannel): boolean => this.#isWritable(channel),
    close: (channel: StreamChannel, error: Error | undefined): void => {
      this.#patience.closedHere()
      this.#closeChannel(channel, error)
    },
  }

  #isWritable(channel: StreamChannel): boolean {
    if (this.pipe.writable) return true
    if (!channel.blocked) {
      channel.blocked = true
      this.#blocked.push(channel)
    }
    return false
  }

  /** Opens our side, after the handshake. */
  #say(channel: StreamChannel): void {
    if (channel.closed) return
    const protocol = this.#protocol
    const link = this.#link
    if (protocol === undefined || link === undefined) return
    const { key } = channel.opening
    channel.conversation = new FeedConversation(link, channel.opening, (proof) =>
      protocol.check(key, proof),
    )
    channel.conversation.begun(channel)
    // Generation 1 has said its first before.
    if (channel.localId < 0) {
      channel.localId = this.number()
      protocol.writeOpen(channel)
    }
    const unpaired = this.#channels.takeUnpaired(channel.id)
    if (unpaired !== undefined) this.#pair(channel, unpaired.remoteId, unpaired.proof)
  }

  #pair(channel: StreamChannel, remoteId: number, proof: Uint8Array): void {
    this.#channels.pair(channel, remoteId)
    channel.conversation?.onOpen(channel, new Reader(proof))
  }

  #closeChannel(channel: StreamChannel, error: Error | undefined): void {
    if (channel.closed) return
    if (channel.localId >= 0) this.#protocol?.writeClose(channel)
    this.#end(channel, error)
  }

  #end(channel: StreamChannel, error: Error | undefined): void {
    channel.closed = true
    this.#channels.remove(channel)
    if (channel.conversation !== undefined) channel.conversation.onClose(error)
    else channel.opening.onRefused(error)
  }

  #ended(error: Error | undefined): void {
    this.#deadline.cancel()
    this.#touched = []
    this.#blocked = []
    let failure: unknown
    for (const channel of this.#channels.clear()) {
      try {
        this.#end(channel, error)
      } catch (thrown) {
        // The other channels must hear of the end too.
        failure ??= thrown
      }
    }
    this.#options.onClose?.(error)
    if (failure !== undefined) throw failure
  }
}

/**
 * Many conversations on one connection, as the protocols that hold them see it.
 *
 * Owns: the contract between a muxer and what runs on it: `Channel` (our end of one conversation),
 * `ChannelHandler` (what the remote makes happen on it), `Muxer` (the connection they share). Two muxers
 * implement it: ours (`mux.ts`) and an adapter for connections whose multiplexer belongs to somebody else.
 *
 * Always true: nothing is delivered on a channel before `onOpen` and after `onClose`; `onClose` comes exactly
 * once; without an `onOpen` before it, it means that the remote refused.
 */

import type { Reader, Writer } from '../bytes/cursor.ts'

/**
 * What a remote makes happen on one channel. Readers, and views taken from them, are valid until the call
 * returns; those of `onMessage` until `onFrameEnd` has returned.
 *
 * An error thrown from here ends this channel only, except `BAD_FRAME`, which ends the connection: bytes
 * that cannot be decoded tell nothing about where the next message starts.
 */
export interface ChannelHandler {
  /** Both sides have opened. May come before `Muxer.open` returns, if the remote opened first. */
  onOpen(channel: Channel, handshake: Reader): void
  /** `body` ends where the message ends. Types that nobody knows come here too: ignore them. */
  onMessage(type: number, body: Reader): void
  /** All messages of this channel in one frame were handed over. */
  onFrameEnd(): void
  /** Comes once after `Channel.writable` answered false. */
  onWritable(): void
  /** `error` is what `close` was given, or what ended the connection; undefined for an orderly end. */
  onClose(error: Error | undefined): void
}

/** Our end of one conversation, from our opening until `onClose`. Never used again after that. */
export interface Channel {
  readonly protocol: string
  readonly id: Uint8Array | undefined
  /** Open on both sides, and not closed. */
  readonly opened: boolean
  readonly closed: boolean
  /** False while the connection owes too much. Whoever asks and hears no is called by `onWritable`. */
  readonly writable: boolean
  /**
   * Begins a message: write its body into the returned writer, then `end()`; nothing else may be sent in
   * between. The writer is the connection's outgoing frame, so the body is never copied.
   *
   * @param sizeHint about how many bytes the body will have; a wrong guess costs one move of the body
   * @throws DatError CLOSED on a closed channel
   */
  begin(type: number, sizeHint?: number): Writer
  end(): void
  /** Takes back the message begun, when its body could not be written. */
  abandon(): void
  /** A whole message with a body that exists already. */
  send(type: number, body: Uint8Array): void
  /** Ends this conversation; the connection stays. `error` is for our own handler, the remote is not told. */
  close(error?: Error): void
}

/**
 * As `ChannelHandler`, for many channels at once: `channel` is our number for the one that is meant. Connections have ten
 * thousand channels of one protocol, and most of them rest: no object need stand for each.
 */
export interface ChannelsHandler {
  onOpen(channel: number, handshake: Reader): void
  onMessage(channel: number, type: number, body: Reader): void
  onFrameEnd(channel: number): void
  onWritable(channel: number): void
  /** The number may be given to another channel from now on. */
  onClose(channel: number, error: Error | undefined): void
}

/** The channels of a connection by our numbers for them, from 1. What a `Channel` does, these do for a number. */
export interface Channels {
  /**
   * Gives a pair of `protocol` and `id` a number, for `open` to be called next. `id` is copied.
   *
   * @throws DatError CONFLICT if our side of this pair is open already, CLOSED after the end
   */
  add(protocol: string, id: Uint8Array, handler: ChannelsHandler): number
  /** Opens our side and tells the remote. `onOpen` may come before this returns, if the remote opened first. */
  open(channel: number, handshake: Uint8Array): void
  /** The number of our side of this pair; 0 if it is not open. */
  find(protocol: string, id: Uint8Array): number
  /** Only for a channel that is open, as all below: see `Channel`. */
  begin(channel: number, type: number, sizeHint: number): Writer
  end(channel: number): void
  abandon(channel: number): void
  isWritable(channel: number): boolean
  close(channel: number, error?: Error): void
}

/**
 * What we open a channel with. The pair of `protocol` and `id` is what both sides find each other by; of each
 * pair one channel is open at a time.
 */
export interface ChannelOptions {
  readonly protocol: string
  readonly id?: Uint8Array | undefined
  /** Sent with our opening, before `open` returns; the protocol decides what is in it. */
  readonly handshake?: Uint8Array
  readonly handler: ChannelHandler
}

/**
 * The remote opens a channel that we have not opened. Open our side now (`Muxer.open` with the same protocol
 * and id) or within `UNPAIRED_MS_MAX` and return true; false refuses. A muxer that is not ours may be unable to
 * show the handshake before our side is open: then it comes with `onOpen` only.
 */
export type PairHook = (id: Uint8Array | undefined, handshake: Reader | undefined) => boolean

/** Builds the muxer of a connection; `onClose` is told once, after all channels, when it has ended. */
export type MakeMuxer = (onClose: (error: Error | undefined) => void) => Muxer

/** One connection that carries many channels. */
export interface Muxer {
  readonly isInitiator: boolean
  /** 64 bytes, the same on both sides. */
  readonly handshakeHash: Uint8Array
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  readonly closed: boolean
  /** False while the connection owes more bytes than its budget. */
  readonly writable: boolean
  /**
   * Opens our side of a channel and tells the remote.
   *
   * @throws DatError CONFLICT if our side of this pair is open already, CLOSED after the end
   */
  open(options: ChannelOptions): Channel
  /** The same channels by number, if this muxer has them so; `channelsOf` gives them for any. */
  readonly channels?: Channels
  /** Is our side of this pair open? */
  has(protocol: string, id?: Uint8Array): boolean
  /** Answers openings of the remote: for one id, or (id undefined) for all that have no hook of their own. */
  pair(protocol: string, id: Uint8Array | undefined, hook: PairHook): void
  unpair(protocol: string, id?: Uint8Array): void
  /** Between cork and the outermost uncork everything is kept for one frame; uncork sends it at once. */
  cork(): void
  uncork(): void
  /** What was written so far goes out as a frame at once, unless it is corked. */
  flush(): void
  /** Reading stops until as many `resume` as `pause`. */
  pause(): void
  resume(): void
  /** Ends the connection and all channels; `onClose` of those comes before this returns, or soon. */
  close(error?: Error): void
}

/**
 * Our channels of one mux, by their numbers: what is written on them, and who hears what comes.
 *
 * Owns: calling handlers, and which of them are due a call when the frame at hand ends or there is room again.
 *
 * Always true: a handler hears nothing of a channel before `onOpen` and after `onClose`, which comes once; an error of
 * one channel ends that channel, and only undecodable bytes end the connection. A frame of which many channels have a
 * part ends for them before it is read to its end, so that nobody has thousands of them to call in one go.
 */

import type { Clock } from '../base/clock.ts'
import { asError, DatError, isCode } from '../base/errors.ts'
import { TURN_ITEMS } from '../base/limits.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import type { Channels, ChannelsHandler } from './channel.ts'
import { type ChannelTable, protocolBytes } from './channel-table.ts'
import { CONTROL, CONTROL_CLOSE, CONTROL_OPEN } from './frame-reader.ts'
import type { MuxOut } from './mux-out.ts'
import type { WaitingOpen, WaitingOpens } from './waiting-opens.ts'

/** What the mux does for its channels. */
export interface ChannelsOwner {
  isClosed(): boolean
  /** A channel is being closed on our side. */
  closing(): void
  /** Bytes that nobody can decode end the connection. */
  close(error: Error): void
}

export class MuxChannels implements Channels {
  readonly #table: ChannelTable
  readonly #waiting: WaitingOpens
  readonly #out: MuxOut
  readonly #clock: Clock
  readonly #owner: ChannelsOwner
  /** Channels with messages in the frame at hand. */
  #touched: number[] = []
  /** Channels that were told to wait for room. */
  #blocked: number[] = []

  constructor(
    table: ChannelTable,
    waiting: WaitingOpens,
    out: MuxOut,
    clock: Clock,
    owner: ChannelsOwner,
  ) {
    this.#table = table
    this.#waiting = waiting
    this.#out = out
    this.#clock = clock
    this.#owner = owner
  }

  // ---- Out

  add(protocol: string, id: Uint8Array, handler: ChannelsHandler): number {
    if (this.#owner.isClosed()) throw new DatError('CLOSED', 'The connection is closed.')
    if (this.find(protocol, id) !== 0) {
      throw new DatError('CONFLICT', 'This channel is open already.', { protocol })
    }
    return this.#table.add(protocol, id, handler)
  }

  open(channel: number, handshake: Uint8Array): void {
    const table = this.#table
    const protocol = table.protocol(channel)
    const id = table.id(channel)
    const waiting = this.#waiting.isEmpty ? undefined : this.#waiting.find(protocol, id)
    if (waiting === undefined) table.asked(channel)
    else {
      this.#waiting.settle(waiting)
      table.bind(channel, waiting.remoteId)
    }
    const name = protocolBytes(protocol)
    const body = this.#out.begin(
      CONTROL,
      CONTROL_OPEN,
      name.length + id.length + 6 + handshake.length,
    )
    body.uint(channel)
    body.buffer(name)
    body.buffer(id)
    body.fixed(handshake)
    this.#out.end()
    if (waiting !== undefined) this.#catchUp(channel, waiting)
  }

  /** Our side opened what the remote had opened before: hand over what came meanwhile. */
  #catchUp(channel: number, waiting: WaitingOpen): void {
    this.opened(channel, waiting.handshake)
    waiting.replay((type, body) => this.deliver(channel, type, body))
    // Outside of a frame nobody else would end this one.
    if (this.#touched.length > 0) this.#clock.soon(() => this.endFrame())
  }

  find(protocol: string, id: Uint8Array): number {
    return this.#table.find(protocol, id, 0, id.length)
  }

  begin(channel: number, type: number, sizeHint: number): Writer {
    return this.#out.begin(channel, type, sizeHint)
  }

  end(): void {
    this.#out.end()
  }

  abandon(): void {
    this.#out.abandon()
  }

  isWritable(channel: number): boolean {
    if (this.#out.writable) return true
    if (this.#table.block(channel)) this.#blocked.push(channel)
    return false
  }

  close(channel: number, error?: Error): void {
    this.#owner.closing()
    this.#out.begin(CONTROL, CONTROL_CLOSE, 4).uint(channel)
    this.#out.end()
    this.ended(channel, error)
  }

  // ---- In

  /** Both sides of the channel are open. */
  opened(channel: number, handshake: Reader): void {
    try {
      this.#table.handler(channel)?.onOpen(channel, handshake)
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  deliver(channel: number, type: number, body: Reader): void {
    if (this.#table.touch(channel)) {
      if (this.#touched.length === TURN_ITEMS) this.endFrame()
      this.#touched.push(channel)
    }
    try {
      this.#table.handler(channel)?.onMessage(channel, type, body)
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  endFrame(): void {
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const channel of touched) {
      // One that was closed meanwhile, and perhaps opened for another log, has lost the mark.
      if (!this.#table.untouch(channel)) continue
      try {
        this.#table.handler(channel)?.onFrameEnd(channel)
      } catch (error) {
        this.#failed(channel, error)
      }
    }
  }

  /** There is room again. */
  unblock(): void {
    const blocked = this.#blocked
    this.#blocked = []
    for (const channel of blocked) {
      if (!this.#table.unblock(channel)) continue
      try {
        this.#table.handler(channel)?.onWritable(channel)
      } catch (error) {
        this.#failed(channel, error)
      }
    }
  }

  /** The channel is not open any more. */
  ended(channel: number, error: Error | undefined): void {
    const handler = this.#table.handler(channel)
    this.#table.close(channel)
    handler?.onClose(channel, error)
  }

  #failed(channel: number, error: unknown): void {
    if (isCode(error, 'BAD_FRAME')) this.#owner.close(error)
    else if (this.#table.isOpen(channel)) this.close(channel, asError(error))
  }
}

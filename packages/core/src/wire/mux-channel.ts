/**
 * Our end of one channel of `Mux`, for who has an object for it.
 *
 * Owns: the way from the number of a channel to its object and back.
 */

import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import type {
  Channel,
  ChannelHandler,
  ChannelOptions,
  Channels,
  ChannelsHandler,
} from './channel.ts'

export class MuxChannel implements Channel, ChannelsHandler {
  readonly protocol: string
  readonly id: Uint8Array | undefined
  readonly #handler: ChannelHandler
  readonly #channels: Channels
  #number = 0
  #isOpened = false
  closed = false

  constructor(options: ChannelOptions, channels: Channels) {
    this.protocol = options.protocol
    this.id = options.id
    this.#handler = options.handler
    this.#channels = channels
  }

  /** Tells the remote. */
  open(handshake: Uint8Array = EMPTY): void {
    this.#number = this.#channels.add(this.protocol, this.id ?? EMPTY, this)
    this.#channels.open(this.#number, handshake)
  }

  get opened(): boolean {
    return this.#isOpened && !this.closed
  }

  get writable(): boolean {
    return !this.closed && this.#channels.isWritable(this.#number)
  }

  begin(type: number, sizeHint = 0): Writer {
    if (this.closed) {
      throw new DatError('CLOSED', 'The channel is closed.', { protocol: this.protocol })
    }
    return this.#channels.begin(this.#number, type, sizeHint)
  }

  end(): void {
    this.#channels.end(this.#number)
  }

  abandon(): void {
    this.#channels.abandon(this.#number)
  }

  send(type: number, body: Uint8Array): void {
    this.begin(type, body.length).fixed(body)
    this.end()
  }

  close(error?: Error): void {
    if (!this.closed) this.#channels.close(this.#number, error)
  }

  // ---- From the mux

  onOpen(_channel: number, handshake: Reader): void {
    this.#isOpened = true
    this.#handler.onOpen(this, handshake)
  }

  onMessage(_channel: number, type: number, body: Reader): void {
    this.#handler.onMessage(type, body)
  }

  onFrameEnd(): void {
    this.#handler.onFrameEnd()
  }

  onWritable(): void {
    this.#handler.onWritable()
  }

  onClose(_channel: number, error: Error | undefined): void {
    this.closed = true
    this.#handler.onClose(error)
  }
}

/**
 * Channels by number on any muxer.
 *
 * Owns: the numbers where a muxer has objects only, as one that belongs to somebody else. Ours has numbers itself.
 */

import { invariant } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import type { Channel, ChannelHandler, Channels, ChannelsHandler, Muxer } from './channel.ts'
import { pairKey } from './waiting-opens.ts'

const madeFor = new WeakMap<Muxer, Channels>()

/** Channels of the connection by our numbers for them: the same object each time. */
export function channelsOf(mux: Muxer): Channels {
  const known = mux.channels ?? madeFor.get(mux)
  if (known !== undefined) return known
  const made = new ChannelsOver(mux)
  madeFor.set(mux, made)
  return made
}

class ChannelsOver implements Channels {
  readonly #mux: Muxer
  readonly #numbered: (Numbered | undefined)[] = [undefined]
  readonly #byPair = new Map<string, number>()
  readonly #free: number[] = []

  constructor(mux: Muxer) {
    this.#mux = mux
  }

  add(protocol: string, id: Uint8Array, handler: ChannelsHandler): number {
    const number = this.#free.pop() ?? this.#numbered.length
    const name = pairKey(protocol, id)
    this.#byPair.set(name, number)
    const pair = { protocol, id: copy(id) }
    this.#numbered[number] = new Numbered(number, handler, pair, () => {
      this.#numbered[number] = undefined
      this.#byPair.delete(name)
      this.#free.push(number)
    })
    return number
  }

  open(channel: number, handshake: Uint8Array): void {
    this.#of(channel).open(this.#mux, handshake)
  }

  find(protocol: string, id: Uint8Array): number {
    return this.#byPair.get(pairKey(protocol, id)) ?? 0
  }

  begin(channel: number, type: number, sizeHint: number): Writer {
    return this.#of(channel).channel.begin(type, sizeHint)
  }

  end(channel: number): void {
    this.#of(channel).channel.end()
  }

  abandon(channel: number): void {
    this.#of(channel).channel.abandon()
  }

  isWritable(channel: number): boolean {
    return this.#of(channel).channel.writable
  }

  close(channel: number, error?: Error): void {
    this.#of(channel).channel.close(error)
  }

  #of(channel: number): Numbered {
    const numbered = this.#numbered[channel]
    invariant(numbered !== undefined, 'A channel is spoken on that is not there.', { channel })
    return numbered
  }
}

/** One of them, from its number to its object and back. */
class Numbered implements ChannelHandler {
  readonly #number: number
  readonly #handler: ChannelsHandler
  readonly #pair: { readonly protocol: string; readonly id: Uint8Array }
  readonly #release: () => void
  #channel: Channel | undefined = undefined

  constructor(
    number: number,
    handler: ChannelsHandler,
    pair: { readonly protocol: string; readonly id: Uint8Array },
    release: () => void,
  ) {
    this.#number = number
    this.#handler = handler
    this.#pair = pair
    this.#release = release
  }

  open(mux: Muxer, handshake: Uint8Array): void {
    try {
      this.#channel = mux.open({ ...this.#pair, handshake, handler: this })
    } catch (error) {
      this.#release()
      throw error
    }
  }

  get channel(): Channel {
    const channel = this.#channel
    invariant(channel !== undefined, 'A channel is spoken on before it is open.')
    return channel
  }

  onOpen(channel: Channel, handshake: Reader): void {
    this.#channel = channel
    this.#handler.onOpen(this.#number, handshake)
  }

  onMessage(type: number, body: Reader): void {
    this.#handler.onMessage(this.#number, type, body)
  }

  onFrameEnd(): void {
    this.#handler.onFrameEnd(this.#number)
  }

  onWritable(): void {
    this.#handler.onWritable(this.#number)
  }

  onClose(error: Error | undefined): void {
    this.#release()
    this.#handler.onClose(this.#number, error)
  }
}

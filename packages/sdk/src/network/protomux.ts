/**
 * The part of the protomux package (version 3) that we call on an instance of somebody else's.
 *
 * Owns: its shape. The package itself is not imported: whoever put an instance on a connection has brought it.
 */

/** How the package writes and reads values: in two passes over one buffer. */
export interface ProtomuxEncoding {
  preencode(state: EncodingState, value: Uint8Array): void
  encode(state: EncodingState, value: Uint8Array): void
  decode(state: EncodingState): Uint8Array
}

interface EncodingState {
  buffer: Uint8Array
  start: number
  end: number
}

/** One channel. `send` answers false when the stream has no room; the message is queued all the same. */
export interface ProtomuxChannel {
  open(handshake: Uint8Array): void
  close(): void
  readonly messages: readonly { send(message: Uint8Array): boolean }[]
}

interface Pair {
  readonly protocol: string
  readonly id: Uint8Array | null
}

/** An instance, as it stands in the `userData` of a connection. */
export interface Protomux {
  readonly isProtomux: true
  /** False after a write that the stream had no room for, until it has. */
  readonly drained: boolean
  /**
   * Channels by the remote's number, from 1 at index 0; null for those that are not there. The package's own, so it is only
   * looked at, and perhaps absent in another version.
   */
  readonly _remote?: readonly unknown[]
  /** Null if this pair is open already, or the stream has ended. */
  createChannel(
    options: Pair & {
      handshake: ProtomuxEncoding
      messages: { encoding: ProtomuxEncoding; onmessage(message: Uint8Array): void }[]
      onopen(handshake: Uint8Array): void
      onclose(): void
      ondrain(): void
    },
  ): ProtomuxChannel | null
  opened(pair: Pair): boolean
  /** The remote's opening is refused if no channel was made when what `notify` returns is settled. */
  pair(pair: Pair, notify: (id: Uint8Array | null) => Promise<void> | undefined): void
  unpair(pair: Pair): void
  cork(): void
  uncork(): void
}

/** Is this what a library has put on a connection for others to share? */
export function isProtomux(value: unknown): value is Protomux {
  return (
    typeof value === 'object' &&
    value !== null &&
    'isProtomux' in value &&
    value.isProtomux === true
  )
}

/** Bytes up to the end of the message, as they are. */
export const RAW: ProtomuxEncoding = {
  preencode(state, value) {
    state.end += value.length
  },
  encode(state, value) {
    state.buffer.set(value, state.start)
    state.start += value.length
  },
  decode(state) {
    const value = state.buffer.subarray(state.start, state.end)
    state.start = state.end
    return value
  },
}

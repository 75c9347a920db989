/**
 * Messages of applications, beside a log: who listens to which name.
 *
 * Owns: the names that somebody here listens to, of one log or of a whole store. It knows nothing of conversations:
 * those who have one look here whenever a message comes, so a name may be taken before a peer is there, while it is,
 * and given up again. A name that nobody listens to costs a look-up. Always true: a message is bytes of a stranger
 * and nothing else; what it says is for the application to judge.
 */

import { DatError } from '../base/errors.ts'
import { EXTENSION_NAME_BYTES_MAX } from '../base/limits.ts'
import { EMPTY, utf8 } from '../bytes/bytes.ts'
import type { Encoding } from '../bytes/encodings.ts'

/** A peer in the conversation about one log. */
export interface ExtensionPeer {
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  /** Key of the log that the conversation is about. */
  readonly key: Uint8Array
  /** How programs of the log's generation send bytes without an encoding. */
  readonly bareMessage: Encoding<Uint8Array>
  /** The conversation has ended; what is sent now goes nowhere. */
  readonly closed: boolean
  /** Sends bytes under a name. False if they were not taken: `Extension.send` says why. */
  post(name: string, message: Uint8Array): boolean
}

/** What is done with messages. */
export interface ExtensionHandler<T> {
  /**
   * Called for one message after the other of each peer; the next one waits until the promise is settled. What it
   * throws ends the conversation that the message came in. Bytes are shared by all who listen to the name.
   */
  onMessage(message: T, peer: ExtensionPeer): Promise<void> | void
}

/** Messages that are values of an encoding: `{ ...json, onMessage }`. */
export type EncodedHandler<T> = ExtensionHandler<T> & Encoding<T>

/** A name that is spoken, until it is closed. */
export interface Extension<T> {
  readonly name: string
  /**
   * To one peer. False if it was not taken: the peer is gone, reads too slowly and its queue is full, or speaks a wire on
   * which names are fixed when the connection begins (generation 1), and this one came later.
   *
   * @throws DatError BAD_ARGUMENT if it is larger than `EXTENSION_BYTES_MAX`
   */
  send(message: T, peer: ExtensionPeer): boolean
  /** To all peers of the moment; how many took it. */
  broadcast(message: T): number
  /** Messages of this name are not heard here any more. */
  close(): void
}

/** What hears the messages of one name. */
export type ExtensionListener = (message: Uint8Array, peer: ExtensionPeer) => Promise<void> | void

const NOBODY: readonly ExtensionListener[] = []

/** Who listens to which name. */
export class Extensions {
  /** Made with the first: few of many logs have one. */
  #listeners: Map<string, readonly ExtensionListener[]> | undefined
  /** Those of the whole store. */
  readonly #above: Extensions | undefined

  constructor(above?: Extensions) {
    this.#above = above
  }

  /** Names that somebody listens to. */
  names(): string[] {
    return [...new Set([...(this.#listeners?.keys() ?? []), ...(this.#above?.names() ?? [])])]
  }

  /** Those who listen to `name`, those of the log first. */
  listeners(name: string): readonly ExtensionListener[] {
    const own = this.#listeners?.get(name) ?? NOBODY
    const above = this.#above?.listeners(name) ?? NOBODY
    if (above.length === 0) return own
    return own.length === 0 ? above : [...own, ...above]
  }

  /** Takes a name. `encodingFor` says how values travel to and from a peer, `peers` who hears a broadcast. */
  open<T>(
    name: string,
    encodingFor: (peer: ExtensionPeer) => Encoding<T>,
    handler: ExtensionHandler<T>,
    peers: () => Iterable<ExtensionPeer>,
  ): Extension<T> {
    checkName(name)
    const listener: ExtensionListener = (message, peer) =>
      handler.onMessage(encodingFor(peer).decode(message), peer)
    this.#listeners ??= new Map()
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener])
    return {
      name,
      send: (message, peer) => peer.post(name, encodingFor(peer).encode(message)),
      broadcast(message) {
        let last: Encoding<T> | undefined
        let bytes: Uint8Array = EMPTY
        let count = 0
        for (const peer of peers()) {
          const encoding = encodingFor(peer)
          if (encoding !== last) bytes = encoding.encode(message)
          last = encoding
          if (peer.post(name, bytes)) count++
        }
        return count
      },
      close: () => this.#remove(name, listener),
    }
  }

  #remove(name: string, listener: ExtensionListener): void {
    const left = (this.#listeners?.get(name) ?? []).filter((other) => other !== listener)
    if (left.length === 0) this.#listeners?.delete(name)
    else this.#listeners?.set(name, left)
  }
}

/**
 * Opens a name for values, or for bytes if the handler names no encoding: those travel as in the peer's log's generation
 * then, behind their length since hypercore 10 and bare before.
 */
export function openExtension<T>(
  extensions: Extensions,
  name: string,
  handler: EncodedHandler<T> | ExtensionHandler<Uint8Array>,
  peers: () => Iterable<ExtensionPeer>,
): Extension<T> | Extension<Uint8Array> {
  if ('decode' in handler) return extensions.open(name, () => handler, handler, peers)
  return extensions.open(name, (peer) => peer.bareMessage, handler, peers)
}

function checkName(name: string): void {
  const bytes = utf8(name).length
  if (bytes > 0 && bytes <= EXTENSION_NAME_BYTES_MAX) return
  throw new DatError('BAD_ARGUMENT', 'The name of an extension has 1 to 256 bytes.', { name })
}

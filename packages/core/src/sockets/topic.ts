/**
 * What a peer socket is about: its topic, what is shown of it, and the proof that somebody knows it.
 *
 *     topic := 32 bytes given, or H(ns 2 | name), or H(ns 3 | key of a log or drive)
 *     id    := K(topic, "dat-rhino/socket")            what strangers see
 *     proof := K(handshake hash, ns 0 or 1 | topic)    0 from who dialled, 1 from the other
 *
 * Owns: these formulas; `ns n` is `namespace('dat-rhino/socket', n)`, H is BLAKE2b-256, K(k, …) the same with the key k.
 * Always true: the topic itself never leaves this machine. Whoever does not know it can tell neither what an id stands
 * for nor answer its proof; a proof is worth nothing on another connection, and nothing when it is sent back.
 */

import { DatError } from '../base/errors.ts'
import { SOCKET_NAME_BYTES_MAX } from '../base/limits.ts'
import { equalConstantTime, utf8 } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'
import { hash, hashKeyed, namespace } from '../crypto/keys.ts'
import type { Muxer } from '../wire/channel.ts'

/** Name of the protocol on a connection. */
export const SOCKET_PROTOCOL = 'dat-rhino/socket'

const OF_INITIATOR = 0
const OF_RESPONDER = 1
const OF_NAME = 2
const OF_KEY = 3

/**
 * 32 bytes that all who should meet know; a name, for those who need no secret; or a log or drive, for all who know its
 * key.
 */
export type TopicLike = Uint8Array | string | { readonly key: Uint8Array }

/**
 * The topic's 32 bytes.
 *
 * @throws DatError BAD_ARGUMENT for bytes of another length, and for an empty or long name
 */
export function topicOf(like: TopicLike): Uint8Array {
  if (typeof like === 'string') {
    const name = utf8(like)
    if (name.length > 0 && name.length <= SOCKET_NAME_BYTES_MAX) return named(OF_NAME, name)
    throw new DatError('BAD_ARGUMENT', 'The name of a topic has 1 to 256 bytes.', {
      bytes: name.length,
    })
  }
  const bytes = like instanceof Uint8Array ? like : like.key
  if (bytes.length !== KEY_BYTES) {
    throw new DatError('BAD_ARGUMENT', 'A topic has 32 bytes; a text is taken as its name.', {
      bytes: bytes.length,
    })
  }
  return like instanceof Uint8Array ? Uint8Array.from(like) : named(OF_KEY, bytes)
}

/** What stands for the topic on connections and in the DHT, 32 bytes. */
export function topicId(topic: Uint8Array): Uint8Array {
  return hashKeyed(topic, utf8(SOCKET_PROTOCOL))
}

/** What we send with our opening: `uint flags`, 0 for now, and the proof. */
export function writeProof(mux: Muxer, topic: Uint8Array): Uint8Array {
  const handshake = new Uint8Array(1 + HASH_BYTES)
  handshake.set(proof(mux, topic, mux.isInitiator), 1)
  return handshake
}

/** Does the remote know the topic? Takes the same time for any wrong answer. `BAD_FRAME` if it is cut. */
export function checkProof(mux: Muxer, topic: Uint8Array, handshake: Reader): boolean {
  handshake.uint()
  return equalConstantTime(handshake.fixed(HASH_BYTES), proof(mux, topic, !mux.isInitiator))
}

function proof(mux: Muxer, topic: Uint8Array, isOfInitiator: boolean): Uint8Array {
  const role = namespace(SOCKET_PROTOCOL, isOfInitiator ? OF_INITIATOR : OF_RESPONDER)
  return hashKeyed(mux.handshakeHash, role, topic)
}

function named(kind: number, bytes: Uint8Array): Uint8Array {
  return hash(namespace(SOCKET_PROTOCOL, kind), bytes)
}

/**
 * Proof that the other end of a connection knows the key of a log, without showing the key.
 *
 * Owns: the handshake of a log's channel (replication.md section 4): flags, then a hash over the sender's role and
 * the key, keyed with the connection's handshake hash. So it is worth nothing on another connection, and
 * nothing when it is reflected.
 */

import { equalConstantTime } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { crypto, HASH_BYTES } from '../crypto/crypto.ts'
import { namespace } from '../crypto/keys.ts'
import type { Muxer } from './channel.ts'

const SUPPORTS_SEEKS = 1

const ROLE_INITIATOR = 1
const ROLE_RESPONDER = 2

export function capability(
  key: Uint8Array,
  handshakeHash: Uint8Array,
  senderIsInitiator: boolean,
): Uint8Array {
  const input = new Uint8Array(HASH_BYTES + key.length)
  input.set(roleName(senderIsInitiator ? ROLE_INITIATOR : ROLE_RESPONDER))
  input.set(key, HASH_BYTES)
  const out = new Uint8Array(HASH_BYTES)
  crypto().hashKeyed(out, input, handshakeHash)
  return out
}

/** What we send with our opening. */
export function writeHandshake(mux: Muxer, key: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + HASH_BYTES)
  out[0] = SUPPORTS_SEEKS
  out.set(capability(key, mux.handshakeHash, mux.isInitiator), 1)
  return out
}

/**
 * Did the remote prove that it knows `key`? Takes the same time for any wrong answer.
 *
 * @throws DatError BAD_FRAME if the handshake is cut
 */
export function checkHandshake(mux: Muxer, key: Uint8Array, handshake: Reader): boolean {
  handshake.uint() // flags: everybody supports seeks
  const theirs = handshake.fixed(HASH_BYTES)
  return equalConstantTime(theirs, capability(key, mux.handshakeHash, !mux.isInitiator))
}

const roleNames = new Map<number, Uint8Array>()

/** Constants of the protocol, hashed when the first connection needs them. */
function roleName(role: number): Uint8Array {
  const name = roleNames.get(role) ?? namespace('hypercore', role)
  roleNames.set(role, name)
  return name
}

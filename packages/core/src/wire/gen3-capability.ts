/**
 * Proof that the other end of a connection knows the key of a log, without showing the key.
 *
 * Owns: the handshake of a log's channel (replication.md section 4): flags, then a hash over the sender's role and
 * the key, keyed with the connection's handshake hash. So it is worth nothing on another connection, and
 * nothing when it is reflected.
 */

import { equalConstantTimeAt } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { crypto, HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'
import { namespace } from '../crypto/keys.ts'
import type { Muxer } from './channel.ts'

const SUPPORTS_SEEKS = 1

const ROLE_INITIATOR = 1
const ROLE_RESPONDER = 2

// Ten thousand logs may be opened in one turn, so nothing here is allocated per log.
const input = new Uint8Array(HASH_BYTES + KEY_BYTES)
const ours = new Uint8Array(1 + HASH_BYTES)
const ourCapability: Uint8Array = ours.subarray(1)
const expected = new Uint8Array(HASH_BYTES)

/**
 * What only somebody who knows `key` can say on this connection: 32 bytes into `out`. It is bound to the handshake, so
 * that it is worth nothing elsewhere, and to the side, so that it can not be sent back (replication.md section 4).
 */
export function capability(
  out: Uint8Array,
  key: Uint8Array,
  handshakeHash: Uint8Array,
  senderIsInitiator: boolean,
): void {
  input.set(roleName(senderIsInitiator ? ROLE_INITIATOR : ROLE_RESPONDER))
  input.set(key, HASH_BYTES)
  crypto().hashKeyed(out, input, handshakeHash)
}

/** What we send with our opening; valid until the next call. */
export function writeHandshake(mux: Muxer, key: Uint8Array): Uint8Array {
  ours[0] = SUPPORTS_SEEKS
  capability(ourCapability, key, mux.handshakeHash, mux.isInitiator)
  return ours
}

/**
 * Did the remote prove that it knows `key`? Takes the same time for any wrong answer.
 *
 * @throws DatError BAD_FRAME if the handshake is cut
 */
export function checkHandshake(mux: Muxer, key: Uint8Array, handshake: Reader): boolean {
  handshake.uint() // flags: everybody supports seeks
  const at = handshake.skip(HASH_BYTES)
  capability(expected, key, mux.handshakeHash, !mux.isInitiator)
  return equalConstantTimeAt(handshake.bytes, at, expected)
}

const roleNames = new Map<number, Uint8Array>()

/** Constants of the protocol, hashed when the first connection needs them. */
function roleName(role: number): Uint8Array {
  const name = roleNames.get(role) ?? namespace('hypercore', role)
  roleNames.set(role, name)
  return name
}

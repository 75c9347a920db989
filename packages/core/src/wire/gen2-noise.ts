/**
 * The handshakes of generation 2: Noise XX over X25519, in two variants.
 *
 * Owns: the suites of hypercore-protocol 8 and 7, and their payload, which is the nonce of a side's stream as
 * protobuf (generation 2, sections 2 and 3). Protocol 8 is the Noise specification to the letter. Protocol 7 has
 * XChaCha20-Poly1305 and makes the shared secret the way libsodium's key exchange makes session keys.
 *
 *     58 bytes   → e, nonce            each message behind its length in one byte
 *    122         ← e, ee, s, es, nonce
 *     90         → s, se, nonce
 */

import { DatError } from '../base/errors.ts'
import { concat } from '../bytes/bytes.ts'
import { crypto, KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { hash, randomBytes } from '../crypto/keys.ts'
import { hchacha20 } from '../crypto/keystream.ts'
import { type NoiseSuite, noiseNonce } from './noise.ts'

/** Nonces of the stream cipher. */
export const STREAM_NONCE_BYTES = 24
const PAYLOAD_TAG = 0x0a

/** Protocol 8, of hypercore 9. */
export const NOISE_8: NoiseSuite = {
  protocolName: 'Noise_XX_25519_ChaChaPoly_BLAKE2b',
  dh: agreed,
  seal: (out, plain, ad, counter, key) => crypto().seal(out, plain, ad, noiseNonce(counter), key),
  unseal: (out, sealed, ad, counter, key) =>
    crypto().unseal(out, sealed, ad, noiseNonce(counter), key),
}

const ZEROS = new Uint8Array(16)

/** Protocol 7, of hypercore 8. Its nonces are 16 zero bytes and the counter, which makes a key of a key. */
export const NOISE_7: NoiseSuite = {
  protocolName: 'Noise_XX_25519_XChaChaPoly_BLAKE2b',
  dh(ours, theirs, isInitiator): Uint8Array | undefined {
    const shared = agreed(ours, theirs)
    if (shared === undefined) return undefined
    const [first, second] = isInitiator ? [ours.publicKey, theirs] : [theirs, ours.publicKey]
    const keys = new Uint8Array(2 * KEY_BYTES)
    crypto().hash512(keys, concat(shared, first, second))
    return concat(keys.subarray(KEY_BYTES), keys.subarray(0, KEY_BYTES))
  },
  seal: (out, plain, ad, counter, key) =>
    crypto().seal(out, plain, ad, noiseNonce(counter), hchacha20(key, ZEROS)),
  unseal: (out, sealed, ad, counter, key) =>
    crypto().unseal(out, sealed, ad, noiseNonce(counter), hchacha20(key, ZEROS)),
}

/** The X25519 key pair of a seed, in the way of libsodium's key exchange; without one, a new one. */
export function feedKeyPair(seed: Uint8Array = randomBytes(KEY_BYTES)): KeyPair {
  const secretKey = hash(seed)
  const publicKey = new Uint8Array(KEY_BYTES)
  const base = new Uint8Array(KEY_BYTES)
  base[0] = 9
  crypto().x25519(publicKey, secretKey, base)
  return { publicKey, secretKey }
}

/** What goes with each handshake message: the nonce of the sender's stream. */
export function noncePayload(nonce: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(PAYLOAD_TAG, STREAM_NONCE_BYTES), nonce)
}

/** @throws DatError BAD_HANDSHAKE if the payload is not a nonce */
export function nonceOf(payload: Uint8Array): Uint8Array {
  const isNonce = payload[0] === PAYLOAD_TAG && payload[1] === STREAM_NONCE_BYTES
  if (!isNonce || payload.length !== 2 + STREAM_NONCE_BYTES) {
    throw new DatError('BAD_HANDSHAKE', "The peer's handshake holds no nonce.")
  }
  return payload.subarray(2)
}

function agreed(ours: KeyPair, theirs: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(KEY_BYTES)
  return crypto().x25519(out, ours.secretKey, theirs) ? out : undefined
}

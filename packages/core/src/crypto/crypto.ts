/**
 * What this project needs of cryptography, as one interface, and the place where the provider is set.
 *
 * Owns: the `Crypto` contract and the provider. Everything is synchronous and in place: results go into
 * buffers of the caller. Native sodium fills it on Node (`@dat-rhino/sdk`), WebAssembly BLAKE2b with noble
 * elsewhere (`crypto/portable.ts`); both pass one suite. Hot paths hand over contiguous memory, because
 * one call over joined bytes costs half of a call over a list.
 */

import { DatError } from '../base/errors.ts'

/** An Ed25519 key pair in libsodium's form. */
export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: seed, then public key. */
  readonly secretKey: Uint8Array
}

/** All of cryptography that this project uses. Lengths are the caller's promise: a wrong one is a bug of ours. */
export interface Crypto {
  readonly name: string

  /** BLAKE2b with a 32-byte result. `out` is exactly 32 bytes. */
  hash(out: Uint8Array, input: Uint8Array): void
  /** The same of `bytes[from .. end)`, without a view of it: for what is hashed once per block. */
  hashPart(out: Uint8Array, bytes: Uint8Array, from: number, end: number): void
  /** BLAKE2b with a 32-byte result, keyed with 16 to 64 bytes (what sodium takes). */
  hashKeyed(out: Uint8Array, input: Uint8Array, key: Uint8Array): void
  /** BLAKE2b-512, as Noise uses it. `out` is exactly 64 bytes. */
  hash512(out: Uint8Array, input: Uint8Array): void
  /** SHA-512, for Ed25519 scalars. `out` is exactly 64 bytes. */
  sha512(out: Uint8Array, input: Uint8Array): void

  /** The key pair of a 32-byte seed. */
  keyPair(seed: Uint8Array): KeyPair
  /** Writes a 64-byte detached Ed25519 signature. */
  sign(out: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  /** libsodium's strict rules. False for keys or signatures of a wrong length. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean

  /** target ^= XSalsa20 keystream, in place. Nonce 24 bytes, key 32 bytes. */
  xsalsa20(target: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  /** Begins an XSalsa20 keystream that goes on from call to call. Nonce 24 bytes, key 32 bytes. */
  keystream(nonce: Uint8Array, key: Uint8Array): Keystream

  /** Ed25519 point multiplication without clamping. False if the point is refused. `out` 32 bytes. */
  multiply(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): boolean
  /** X25519, with clamping. False if the result is the neutral element. `out` 32 bytes. */
  x25519(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): boolean
  /** ChaCha20-Poly1305 (IETF). `out` has 16 bytes more than `plain`. */
  seal(out: Uint8Array, plain: Uint8Array, ad: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  /** False if the tag is wrong. `out` has 16 bytes fewer than `sealed`. */
  unseal(
    out: Uint8Array,
    sealed: Uint8Array,
    ad: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): boolean

  /** Begins a secretstream (XChaCha20-Poly1305): writes its 24-byte header. */
  streamOut(header: Uint8Array, key: Uint8Array): StreamOut
  /** Continues the stream of a remote. */
  streamIn(header: Uint8Array, key: Uint8Array): StreamIn

  /** Fills `out` with bytes from the system's generator. */
  random(out: Uint8Array): void
}

/** A stream of key bytes, one after the other. */
export interface Keystream {
  /** target ^= the next bytes of the stream, in place. */
  xor(target: Uint8Array): void
}

/** The sending half of a secretstream. Each message grows by `STREAM_OVERHEAD_BYTES`. */
export interface StreamOut {
  /** `out` and `plain` may overlap only if `out` starts exactly one byte before `plain`. */
  push(out: Uint8Array, plain: Uint8Array): void
}

/** The receiving half of a secretstream. */
export interface StreamIn {
  /** False if the tag is wrong; the stream is then dead. */
  pull(out: Uint8Array, sealed: Uint8Array): boolean
}

/** Lengths that every provider and generation has. */
export const STREAM_OVERHEAD_BYTES = 17
export const STREAM_HEADER_BYTES = 24
export const HASH_BYTES = 32
export const SIGNATURE_BYTES = 64
export const KEY_BYTES = 32

let provider: Crypto | undefined

/** Chooses the provider for this process. Once, at start; the same again is no error. */
export function setCrypto(next: Crypto): void {
  provider = next
}

/** The provider in force. Fetch it once per object, not once per block. */
export function crypto(): Crypto {
  if (provider === undefined) {
    throw new DatError(
      'INVARIANT',
      'No crypto provider is set; call setCrypto() before anything else.',
    )
  }
  return provider
}

/**
 * The crypto provider of Node: libsodium through sodium-native.
 *
 * Owns: the mapping from the `Crypto` contract to libsodium's functions. Everything is one call over memory
 * of the caller; sodium-native checks lengths itself and throws a plain assertion, which can only be a bug
 * of ours. Where the contract answers `false`, its exceptions are turned into that answer.
 */

import { createRequire } from 'node:module'
import type { Crypto, KeyPair, Keystream, StreamIn, StreamOut } from '@dat-rhino/core/crypto/crypto'
import sodium from 'sodium-native'

/** Memory, offset and length three times: of the result, of the input, of the key. */
type HashMemory = (
  out: ArrayBufferLike,
  outAt: number,
  outBytes: number,
  input: ArrayBufferLike,
  inputAt: number,
  inputBytes: number,
  key: ArrayBufferLike,
  keyAt: number,
  keyBytes: number,
) => number

const HASH_BYTES = 32
const NO_KEY = new ArrayBuffer(0)

/**
 * The native function behind `crypto_generichash`, without the checks and the views around it, which are a third of the
 * time of a short hash. It is no documented part of the package, so it is used only if it gives the same result.
 */
function findHashMemory(): HashMemory | undefined {
  try {
    const binding: { readonly crypto_generichash?: HashMemory } = createRequire(import.meta.url)(
      'sodium-native/binding.js',
    )
    const input = Uint8Array.of(0, 1, 2, 3)
    const known = new Uint8Array(HASH_BYTES)
    sodium.crypto_generichash(known, input.subarray(1, 3))
    const out = new Uint8Array(HASH_BYTES + 1)
    const result = binding.crypto_generichash?.(out.buffer, 1, 32, input.buffer, 1, 2, NO_KEY, 0, 0)
    const isSame = result === 0 && known.every((byte, i) => byte === out[i + 1])
    return isSame ? binding.crypto_generichash : undefined
  } catch {
    return undefined
  }
}

const hashMemory = findHashMemory()

/** Where the last result went: most hashes are made in the same place, and asking for its memory takes as long as a copy. */
let lastOut: Uint8Array = new Uint8Array(HASH_BYTES)
let lastBuffer: ArrayBufferLike = lastOut.buffer
let lastAt = 0

function hashPart(out: Uint8Array, bytes: Uint8Array, from: number, end: number): void {
  const isInside = from >= 0 && from <= end && end <= bytes.length
  if (hashMemory === undefined || !isInside || out.length !== HASH_BYTES) {
    sodium.crypto_generichash(out, bytes.subarray(from, end))
    return
  }
  if (out !== lastOut) {
    lastOut = out
    lastBuffer = out.buffer
    lastAt = out.byteOffset
  }
  const at = bytes.byteOffset + from
  hashMemory(lastBuffer, lastAt, HASH_BYTES, bytes.buffer, at, end - from, NO_KEY, 0, 0)
}

/** Give it to `setCrypto` before anything else. */
export const sodiumCrypto: Crypto = {
  name: 'sodium',

  hash: (out, input) => hashPart(out, input, 0, input.length),
  hashPart,
  hashKeyed: (out, input, key) => sodium.crypto_generichash(out, input, key),
  hash512: (out, input) => sodium.crypto_generichash(out, input),
  sha512: (out, input) => sodium.crypto_hash_sha512(out, input),

  keyPair(seed): KeyPair {
    const publicKey = new Uint8Array(32)
    const secretKey = new Uint8Array(64)
    sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
    return { publicKey, secretKey }
  },
  sign: (out, message, secretKey) => sodium.crypto_sign_detached(out, message, secretKey),
  verify: (signature, message, publicKey) =>
    signature.length === 64 &&
    publicKey.length === 32 &&
    sodium.crypto_sign_verify_detached(signature, message, publicKey),

  xsalsa20: (target, nonce, key) => sodium.crypto_stream_xor(target, target, nonce, key),
  keystream: (nonce, key) => new SodiumKeystream(nonce, key),

  multiply(out, scalar, point): boolean {
    return succeeds(() => sodium.crypto_scalarmult_ed25519_noclamp(out, scalar, point))
  },
  x25519(out, scalar, point): boolean {
    return succeeds(() => sodium.crypto_scalarmult(out, scalar, point))
  },
  seal(out, plain, ad, nonce, key): void {
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(out, plain, ad, null, nonce, key)
  },
  unseal(out, sealed, ad, nonce, key): boolean {
    return succeeds(() =>
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(out, null, sealed, ad, nonce, key),
    )
  },

  streamOut: (header, key) => new SodiumStreamOut(header, key),
  streamIn: (header, key) => new SodiumStreamIn(header, key),

  random: (out) => sodium.randombytes_buf(out),
}

/** sodium-native throws where libsodium returns -1. Only called with lengths that are right. */
function succeeds(task: () => void): boolean {
  try {
    task()
    return true
  } catch {
    return false
  }
}

class SodiumKeystream implements Keystream {
  readonly #state = new Uint8Array(sodium.crypto_stream_xor_STATEBYTES)

  constructor(nonce: Uint8Array, key: Uint8Array) {
    sodium.crypto_stream_xor_init(this.#state, nonce, key)
  }

  xor(target: Uint8Array): void {
    if (target.length > 0) sodium.crypto_stream_xor_update(this.#state, target, target)
  }
}

class SodiumStreamOut implements StreamOut {
  readonly #state = newState()

  constructor(header: Uint8Array, key: Uint8Array) {
    sodium.crypto_secretstream_xchacha20poly1305_init_push(this.#state, header, key)
  }

  push(out: Uint8Array, plain: Uint8Array): void {
    const tag = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
    sodium.crypto_secretstream_xchacha20poly1305_push(this.#state, out, plain, null, tag)
  }
}

class SodiumStreamIn implements StreamIn {
  readonly #state = newState()
  readonly #tag = new Uint8Array(1)

  constructor(header: Uint8Array, key: Uint8Array) {
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(this.#state, header, key)
  }

  pull(out: Uint8Array, sealed: Uint8Array): boolean {
    try {
      sodium.crypto_secretstream_xchacha20poly1305_pull(this.#state, out, this.#tag, sealed, null)
      return true
    } catch {
      return false
    }
  }
}

function newState(): Uint8Array {
  return new Uint8Array(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES)
}

/**
 * The crypto provider for everywhere: BLAKE2b in WebAssembly, the rest by noble in JavaScript.
 *
 * Owns: the mapping from the `Crypto` contract to those libraries. It is for browsers and for tests of the
 * contract; Node programs use libsodium, which verifies and encrypts many times faster. Only the unkeyed
 * hash runs per block, so only that is WebAssembly: keyed and 512-bit hashes run per channel or per key.
 *
 * WebAssembly is compiled asynchronously, once: `loadPortableCrypto` is the only promise here.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { xsalsa20 } from '@noble/ciphers/salsa.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake2b } from '@noble/hashes/blake2.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { createBLAKE2b, type IHasher } from 'hash-wasm'
import { type Crypto, HASH_BYTES } from './crypto.ts'
import { keyPairOfSeed, multiplyPoint, signDetached, verifyStrict } from './ed25519.ts'
import { portableKeystream } from './keystream.ts'
import { portableStreamIn, portableStreamOut } from './secretstream.ts'

/** The Web Crypto generator gives at most this much at a time. */
const RANDOM_BYTES_MAX = 65_536

/** Resolves with the provider; give it to `setCrypto`. */
export async function loadPortableCrypto(): Promise<Crypto> {
  return portableCrypto(await createBLAKE2b(8 * HASH_BYTES))
}

function portableCrypto(hasher: IHasher): Crypto {
  return {
    name: 'portable',

    hash: (out, input) => out.set(hasher.init().update(input).digest('binary')),
    hashPart: (out, bytes, from, end) =>
      out.set(hasher.init().update(bytes.subarray(from, end)).digest('binary')),
    hashKeyed: (out, input, key) => out.set(blake2b(input, { dkLen: HASH_BYTES, key })),
    hash512: (out, input) => out.set(blake2b(input)),
    sha512: (out, input) => out.set(sha512(input)),

    keyPair: keyPairOfSeed,
    sign: signDetached,
    verify: verifyStrict,

    xsalsa20: (target, nonce, key) => void xsalsa20(key, nonce, target, target),
    keystream: portableKeystream,

    multiply: multiplyPoint,
    x25519(out, scalar, point): boolean {
      // noble throws for points of low order.
      try {
        out.set(x25519.getSharedSecret(scalar, point))
        return true
      } catch {
        return false
      }
    },
    seal: (out, plain, ad, nonce, key) => void chacha20poly1305(key, nonce, ad).encrypt(plain, out),
    unseal(out, sealed, ad, nonce, key): boolean {
      // noble throws where the tag is wrong; lengths are the caller's promise.
      try {
        chacha20poly1305(key, nonce, ad).decrypt(sealed, out)
        return true
      } catch {
        return false
      }
    },

    streamOut(header, key) {
      randomFill(header)
      return portableStreamOut(header, key)
    },
    streamIn: portableStreamIn,

    random: randomFill,
  }
}

function randomFill(out: Uint8Array): void {
  const part = new Uint8Array(Math.min(out.length, RANDOM_BYTES_MAX))
  for (let at = 0; at < out.length; at += part.length) {
    globalThis.crypto.getRandomValues(part)
    out.set(part.subarray(0, out.length - at), at)
  }
}

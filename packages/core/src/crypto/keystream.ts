/**
 * XSalsa20 as a stream that goes on, and HChaCha20, for what noble has only in one piece.
 *
 * Owns: the place in a keystream. Blocks of 64 bytes are numbered, so bytes in the middle of one are reached by making it
 * again: at most 63 bytes per call. Source: generation 2, section 4; the extension of Salsa20's nonce by Bernstein.
 */

import { hchacha } from '@noble/ciphers/chacha.js'
import { hsalsa, salsa20 } from '@noble/ciphers/salsa.js'
import { copy } from '../bytes/bytes.ts'
import type { Keystream } from './crypto.ts'

const BLOCK_BYTES = 64

/** "expand 32-byte k": both ciphers begin with it. */
const SIGMA = new TextEncoder().encode('expand 32-byte k')

/** An XSalsa20 keystream from its beginning. */
export function portableKeystream(nonce: Uint8Array, key: Uint8Array): Keystream {
  const derived = new Uint32Array(8)
  hsalsa(words(SIGMA), words(key), words(nonce.subarray(0, 16)), derived)
  const innerKey = new Uint8Array(derived.buffer)
  const innerNonce = copy(nonce.subarray(16, 24))
  let block = 0
  /** Bytes of `block` that are used up. */
  let used = 0
  return {
    xor(target): void {
      let at = 0
      if (used > 0) {
        const rest = new Uint8Array(BLOCK_BYTES)
        salsa20(innerKey, innerNonce, rest, rest, block)
        while (used < BLOCK_BYTES && at < target.length) {
          target[at] = (target[at] ?? 0) ^ (rest[used++] ?? 0)
          at++
        }
        if (used < BLOCK_BYTES) return
        used = 0
        block++
      }
      const left = target.subarray(at)
      if (left.length === 0) return
      // noble takes aligned memory or a copy of its own.
      const out = salsa20(innerKey, innerNonce, left, undefined, block)
      left.set(out)
      block += Math.floor(left.length / BLOCK_BYTES)
      used = left.length % BLOCK_BYTES
    },
  }
}

/** 32 bytes from a 32-byte key and 16 bytes of input. */
export function hchacha20(key: Uint8Array, input: Uint8Array): Uint8Array {
  const derived = new Uint32Array(8)
  hchacha(words(SIGMA), words(key), words(input), derived)
  return new Uint8Array(derived.buffer)
}

/** The memory of `bytes` as words; a copy, because a view could be unaligned. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(copy(bytes).buffer)
}

/**
 * SipHash-2-4 with a key of zeros: the hash by which a trie sorts the components of its keys.
 *
 * Owns: the arithmetic, on 64-bit words as pairs of 32-bit halves (a number holds no more). The key is public, so
 * whoever wants two components with one hash finds them: nothing that stands on this may trust it to be unique.
 * Source: the hypertrie specification, section 3; Aumasson and Bernstein, "SipHash".
 */

/** Bytes of a hash. */
export const SIPHASH_BYTES = 8

// The four words of the state: low and high half. They live here because a round touches all of them.
let lo0 = 0
let hi0 = 0
let lo1 = 0
let hi1 = 0
let lo2 = 0
let hi2 = 0
let lo3 = 0
let hi3 = 0

/** Writes the hash of the first `length` bytes to `out` from `at` on, little end first. */
export function sipHash(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  begin()
  const whole = length - (length % 8)
  for (let i = 0; i < whole; i += 8) {
    absorb(word(bytes, i, length), word(bytes, i + 4, length))
  }
  // The last word: what is left, and the length in its highest byte.
  absorb(word(bytes, whole, length), word(bytes, whole + 4, length) | (length << 24))
  lo2 ^= 0xff
  for (let i = 0; i < 4; i++) round()
  put(out, at, lo0 ^ lo1 ^ lo2 ^ lo3)
  put(out, at + 4, hi0 ^ hi1 ^ hi2 ^ hi3)
}

function begin(): void {
  lo0 = 0x70736575
  hi0 = 0x736f6d65
  lo1 = 0x6e646f6d
  hi1 = 0x646f7261
  lo2 = 0x6e657261
  hi2 = 0x6c796765
  lo3 = 0x79746573
  hi3 = 0x74656462
}

function absorb(low: number, high: number): void {
  lo3 ^= low
  hi3 ^= high
  round()
  round()
  lo0 ^= low
  hi0 ^= high
}

/** Four bytes, little end first; zeros from `end` on. */
function word(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | (bytes[i] ?? 0)
  return value
}

function put(out: Uint8Array, at: number, half: number): void {
  out[at] = half
  out[at + 1] = half >>> 8
  out[at + 2] = half >>> 16
  out[at + 3] = half >>> 24
}

function round(): void {
  // v0 += v1, v1 <<<= 13, v1 ^= v0, v0 <<<= 32
  let low = (lo0 >>> 0) + (lo1 >>> 0)
  let high = (hi0 + hi1 + (low > 0xffffffff ? 1 : 0)) | 0
  low |= 0
  let turned = (lo1 << 13) | (hi1 >>> 19)
  hi1 = ((hi1 << 13) | (lo1 >>> 19)) ^ high
  lo1 = turned ^ low
  lo0 = high
  hi0 = low
  // v2 += v3, v3 <<<= 16, v3 ^= v2
  low = (lo2 >>> 0) + (lo3 >>> 0)
  hi2 = (hi2 + hi3 + (low > 0xffffffff ? 1 : 0)) | 0
  lo2 = low | 0
  turned = (lo3 << 16) | (hi3 >>> 16)
  hi3 = ((hi3 << 16) | (lo3 >>> 16)) ^ hi2
  lo3 = turned ^ lo2
  // v0 += v3, v3 <<<= 21, v3 ^= v0
  low = (lo0 >>> 0) + (lo3 >>> 0)
  hi0 = (hi0 + hi3 + (low > 0xffffffff ? 1 : 0)) | 0
  lo0 = low | 0
  turned = (lo3 << 21) | (hi3 >>> 11)
  hi3 = ((hi3 << 21) | (lo3 >>> 11)) ^ hi0
  lo3 = turned ^ lo0
  // v2 += v1, v1 <<<= 17, v1 ^= v2, v2 <<<= 32
  low = (lo2 >>> 0) + (lo1 >>> 0)
  high = (hi2 + hi1 + (low > 0xffffffff ? 1 : 0)) | 0
  low |= 0
  turned = (lo1 << 17) | (hi1 >>> 15)
  hi1 = ((hi1 << 17) | (lo1 >>> 15)) ^ high
  lo1 = turned ^ low
  lo2 = high
  hi2 = low
}

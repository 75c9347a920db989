/**
 * Ed25519 as libsodium does it, on the curve of noble: for the portable provider.
 *
 * Owns: the two places where libsodium differs from what noble offers.
 *
 * - `verifyStrict`: noble checks the equation times the cofactor, and a small-order R passes. libsodium checks
 *   it without the cofactor by comparing encodings, and refuses small-order keys and R and scalars that are
 *   not reduced. Two replicas that disagree on one signature disagree on a log for ever, so we follow
 *   libsodium to the letter (`test/suites/crypto.ts` has the points with torsion on which they differ).
 * - `multiplyPoint`: points outside the main subgroup are refused, and the top bit of the scalar is ignored.
 *   Noise on today's network runs on it, with scalars that were clamped before.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concat, equal } from '../bytes/bytes.ts'
import { KEY_BYTES, type KeyPair, SIGNATURE_BYTES } from './crypto.ts'

const { Point } = ed25519
type Point = InstanceType<typeof Point>
const ORDER = Point.Fn.ORDER

/** The key pair of a 32-byte seed, in libsodium's form. */
export function keyPairOfSeed(seed: Uint8Array): KeyPair {
  const publicKey = ed25519.getPublicKey(seed)
  return { publicKey, secretKey: concat(seed, publicKey) }
}

/** Writes the 64-byte signature to `out`. */
export function signDetached(out: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void {
  out.set(ed25519.sign(message, secretKey.subarray(0, KEY_BYTES)))
}

/** Does the signature stand by libsodium's rules? False for wrong lengths. */
export function verifyStrict(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== KEY_BYTES) return false
  const r = signature.subarray(0, KEY_BYTES)
  const s = bytesToNumberLE(signature.subarray(KEY_BYTES))
  if (s >= ORDER) return false
  const a = decode(publicKey)
  const claimed = decode(r)
  if (a === undefined || claimed === undefined) return false
  if (a.isSmallOrder() || claimed.isSmallOrder()) return false
  const h = bytesToNumberLE(sha512(concat(r, publicKey, message))) % ORDER
  const sB = Point.BASE.multiplyUnsafe(s)
  return equal(sB.subtract(a.multiplyUnsafe(h)).toBytes(), r)
}

/** Writes scalar × point, without clamping. False for points and results that libsodium refuses. */
export function multiplyPoint(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): boolean {
  const p = decode(point)
  if (p === undefined || p.isSmallOrder() || !p.isTorsionFree()) return false
  const n = (bytesToNumberLE(scalar) & (2n ** 255n - 1n)) % ORDER
  if (n === 0n) return false
  // In constant time: the scalar is a secret key.
  out.set(p.multiply(n).toBytes())
  return true
}

/** The point of a canonical encoding; `undefined` for anything else. */
function decode(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}

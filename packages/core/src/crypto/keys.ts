/**
 * Keys, and the short forms of hashing and signing for paths that are not hot.
 *
 * Owns: discovery keys, namespaces and key pairs. All of it goes through the provider in force
 * (`crypto.ts`), allocates its results and joins its inputs: code that runs per block calls the provider
 * itself, with memory it reuses. Source: the generation 3 data model, sections 1 and 4.
 */

import { DatError } from '../base/errors.ts'
import { concat, copy, equal, utf8 } from '../bytes/bytes.ts'
import { crypto, HASH_BYTES, KEY_BYTES, type KeyPair, SIGNATURE_BYTES } from './crypto.ts'

/** Lengths of what key pairs are made from and of their secret half. */
export const SEED_BYTES = 32
export const SECRET_KEY_BYTES = 64

/** Where signatures are made: handing out a new array, which native code has not seen, costs less than giving it one. */
const signature = new Uint8Array(SIGNATURE_BYTES)

const HYPERCORE = utf8('hypercore')
const JOINED_BYTES = 512
const short = new Uint8Array(JOINED_BYTES)

/** BLAKE2b-256 of the parts one behind the other, without lengths between them. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(HASH_BYTES)
  crypto().hash(out, joined(parts))
  return out
}

/** BLAKE2b-256 keyed with `key` (16 to 64 bytes). */
export function hashKeyed(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(HASH_BYTES)
  crypto().hashKeyed(out, joined(parts), key)
  return out
}

/** The constant number `index` of program part `name`: keeps the uses of one hash or key apart. */
export function namespace(name: string, index: number): Uint8Array {
  return hash(hash(utf8(name)), Uint8Array.of(index))
}

/** What is shown to the network in place of the key: it names the log and does not let anybody read it. */
export function discoveryKey(key: Uint8Array): Uint8Array {
  checkLength('A key', key, KEY_BYTES)
  return hashKeyed(key, HYPERCORE)
}

/** New bytes from the provider's generator. */
export function randomBytes(length: number): Uint8Array {
  const out = new Uint8Array(length)
  crypto().random(out)
  return out
}

/** The key pair of a seed; without one, a new key pair. */
export function keyPair(seed: Uint8Array = randomBytes(SEED_BYTES)): KeyPair {
  checkLength('A seed', seed, SEED_BYTES)
  return crypto().keyPair(seed)
}

/** Do the two halves belong together? Derives the public half anew, so that a mixed-up pair never signs. */
export function isKeyPair(pair: KeyPair): boolean {
  if (pair.secretKey.length !== SECRET_KEY_BYTES || pair.publicKey.length !== KEY_BYTES)
    return false
  const made = crypto().keyPair(pair.secretKey.subarray(0, SEED_BYTES))
  return equal(made.publicKey, pair.publicKey) && equal(made.secretKey, pair.secretKey)
}

/** A detached Ed25519 signature. */
export function sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  checkLength('A secret key', secretKey, SECRET_KEY_BYTES)
  crypto().sign(signature, message, secretKey)
  return copy(signature)
}

/** Short inputs are joined in memory that is used again: what is hashed is looked at during the call only. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  let length = 0
  for (const part of parts) length += part.length
  if (length > JOINED_BYTES) return concat(...parts)
  let at = 0
  for (const part of parts) {
    short.set(part, at)
    at += part.length
  }
  return short.subarray(0, length)
}

function checkLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length === length) return
  throw new DatError('BAD_ARGUMENT', `${what} has ${length} bytes, not ${bytes.length}.`, {
    bytes: bytes.length,
  })
}

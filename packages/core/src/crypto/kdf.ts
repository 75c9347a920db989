/**
 * Seeds from a master key, as libsodium's `crypto_kdf_derive_from_key` makes them.
 *
 *     seed := BLAKE2b-256 of nothing, key = master key, salt = u64le number padded to 16 bytes,
 *             personalisation = context padded to 16 bytes
 *
 * Owns: that derivation. Old drives use it once per drive, so it goes without the provider, whose contract has no salts.
 * Source: the generation 1 log, section 2.
 */

import { blake2b } from '@noble/hashes/blake2.js'
import { DatError } from '../base/errors.ts'
import { EMPTY, utf8 } from '../bytes/bytes.ts'
import { writeU64LE } from '../bytes/integers.ts'
import { SEED_BYTES } from './keys.ts'

const PARAMETER_BYTES = 16
const CONTEXT_BYTES = 8

/**
 * @param masterKey 32 bytes
 * @param context 8 bytes as text: the use that the seed is for
 */
export function kdfSeed(masterKey: Uint8Array, number: number, context: string): Uint8Array {
  const name = utf8(context)
  if (masterKey.length !== SEED_BYTES || name.length !== CONTEXT_BYTES) {
    throw new DatError('BAD_ARGUMENT', 'A master key has 32 bytes, and a context has 8.')
  }
  const salt = new Uint8Array(PARAMETER_BYTES)
  writeU64LE(salt, 0, number)
  const personalization = new Uint8Array(PARAMETER_BYTES)
  personalization.set(name)
  return blake2b(EMPTY, { dkLen: SEED_BYTES, key: masterKey, salt, personalization })
}

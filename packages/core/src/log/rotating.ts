/**
 * Blocks of the rotating scheme (package hypercore-encryption), with which applications change keys.
 *
 *     stored := 01 | nonce[3] | u32 key id | text xor XSalsa20(key, nonce = u64 index | head | 0 * 8)
 *             | 00 … | text in the clear
 *
 * Owns: that layout. Each block names the key that it was written with, so that old blocks stay readable when
 * a new key is taken. The package draws its nonce from a hash of the text, ours is random (see `cipher.ts` for why): readers
 * take it from the block and do not ask where it came from. Source: the generation 3 data model, section 9.3.
 */

import { DatError } from '../base/errors.ts'
import { readU32LE, writeU32LE, writeU64LE } from '../bytes/integers.ts'
import { crypto, KEY_BYTES } from '../crypto/crypto.ts'
import { randomBytes } from '../crypto/keys.ts'
import { type Cipher, HEAD_BYTES } from './cipher.ts'

/** The keys of one log. */
export interface RotatingKeys {
  /** The 32-byte key with that id, if it is known. */
  keyOf(id: number): Uint8Array | undefined
  /** Id of the key that new blocks are written with, 0 to 2^32 - 1. Without it nothing is written. */
  readonly newestId?: () => number
}

const CLEAR = 0
const BLOCK = 1
const RANDOM_AT = 1
const RANDOM_BYTES = 3
const KEY_ID_AT = 4
const NONCE_BYTES = 24

/** Reads blocks with whatever key they name, and writes with the newest. */
export function rotatingCipher(keys: RotatingKeys): Cipher {
  const keyFor = (id: number, index: number): Uint8Array => {
    const key = keys.keyOf(id)
    if (key?.length === KEY_BYTES) return key
    throw new DatError('NOT_FOUND', `The key ${id} of an encrypted block is not known.`, { index })
  }
  return {
    paddingBytes: HEAD_BYTES,
    encrypt(index, _fork, bytes, at, size) {
      if (keys.newestId === undefined) {
        throw new DatError('NOT_WRITABLE', 'No key is named that new blocks are written with.')
      }
      const id = keys.newestId()
      const key = keyFor(id, index)
      bytes[at] = BLOCK
      bytes.set(randomBytes(RANDOM_BYTES), at + RANDOM_AT)
      writeU32LE(bytes, at + KEY_ID_AT, id)
      apply(index, bytes.subarray(at, at + size), key)
    },
    decrypt(index, stored) {
      if (stored.length < HEAD_BYTES) {
        throw new DatError('BAD_CONTENT', 'A block is too short to be encrypted.', { index })
      }
      const text = stored.subarray(HEAD_BYTES)
      const type = stored[0]
      if (type === CLEAR || text.length === 0) return text
      if (type !== BLOCK) {
        throw new DatError('UNSUPPORTED', 'A block has an unknown kind of encryption.', { index })
      }
      apply(index, stored, keyFor(readU32LE(stored, KEY_ID_AT), index))
      return text
    },
  }
}

/** Encrypts or decrypts what stands behind the head of a stored block. */
function apply(index: number, stored: Uint8Array, key: Uint8Array): void {
  if (stored.length === HEAD_BYTES) return
  const nonce = new Uint8Array(NONCE_BYTES)
  writeU64LE(nonce, 0, index)
  nonce.set(stored.subarray(0, HEAD_BYTES), HEAD_BYTES)
  crypto().xsalsa20(stored.subarray(HEAD_BYTES), nonce, key)
}

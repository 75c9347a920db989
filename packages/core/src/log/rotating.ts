/**
 * Reads blocks of the rotating scheme (package hypercore-encryption), which applications use to change keys.
 *
 *     stored := 01 | hash of the text[3] | u32 key id | text xor XSalsa20(key, nonce = u64 index | head | 0 * 8)
 *             | 00 … | text in the clear
 *
 * Owns: that layout. Only reading: the head is taken from a hash of another length, which the crypto contract
 * has no need of otherwise. Source: the generation 3 data model, section 9.3.
 */

import { DatError } from '../base/errors.ts'
import { readU32LE, writeU64LE } from '../bytes/integers.ts'
import { crypto } from '../crypto/crypto.ts'
import { type Cipher, HEAD_BYTES } from './cipher.ts'

const CLEAR = 0
const BLOCK = 1
const KEY_ID_AT = 4
const NONCE_BYTES = 24

/** @param keyOf the 32-byte key with that id, if it is known */
export function rotatingReader(keyOf: (id: number) => Uint8Array | undefined): Cipher {
  return {
    paddingBytes: HEAD_BYTES,
    encrypt() {
      throw new DatError('UNSUPPORTED', 'Blocks of the rotating scheme can only be read.')
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
      const id = readU32LE(stored, KEY_ID_AT)
      const key = keyOf(id)
      if (key === undefined) {
        throw new DatError('NOT_FOUND', `The key ${id} of an encrypted block is not known.`, {
          index,
        })
      }
      const nonce = new Uint8Array(NONCE_BYTES)
      writeU64LE(nonce, 0, index)
      nonce.set(stored.subarray(0, HEAD_BYTES), 8)
      crypto().xsalsa20(text, nonce, key)
      return text
    },
  }
}

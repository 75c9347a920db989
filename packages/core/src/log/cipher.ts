/**
 * Block encryption: an application of the stored bytes, of which tree, proofs and wire know nothing.
 *
 *     stored := head[8] | text xor XSalsa20(block key, nonce = u64 index | head | 0 * 8)
 *
 * Owns: the block key, and the head of every block that we write. The head is random: index and fork alone
 * would repeat a key stream after a lost tail or a restored backup, and two such blocks give away
 * the exclusive or of their texts. Readers take the head from the block, so any head is read by everybody.
 * There is no MAC; integrity comes from the tree. Source: the generation 3 data model, section 9.
 */

import { DatError } from '../base/errors.ts'
import { copy, EMPTY, fromHex } from '../bytes/bytes.ts'
import { writeU64LE } from '../bytes/integers.ts'
import { crypto } from '../crypto/crypto.ts'
import { hash, hashKeyed } from '../crypto/keys.ts'
import type { SessionOptions } from './options.ts'

/** What stands between the bytes that users hand over and those that are stored. */
export interface Cipher {
  /** Bytes in front of the text of each stored block. */
  readonly paddingBytes: number
  /** Encrypts block `index` in place: the text stands at `bytes[at + paddingBytes .. at + size)`. */
  encrypt(index: number, fork: number, bytes: Uint8Array, at: number, size: number): void
  /** The text of a stored block, as a view of `stored`, which is changed. */
  decrypt(index: number, stored: Uint8Array): Uint8Array
}

/** Writes the 8-byte head of block `index`. */
export type WriteHead = (index: number, fork: number, head: Uint8Array) => void

/** `namespace('hypercore', 5)`. */
const DEFAULT_ENCRYPTION = fromHex(
  '9aedb6f1dea8487cc1e1698f97eb2f063f6db4c649695622e7b675e2ceafa6e9',
)

/** Bytes of the head that each stored block begins with. */
export const HEAD_BYTES = 8
const NONCE_BYTES = 24
/** Random bytes are drawn for so many heads at a time. */
const HEADS_DRAWN = 64

/** The key that was handed round, and what to make of it. */
export interface CipherOptions {
  readonly encryptionKey: Uint8Array
  /** `encryptionKey` is the block key itself. Default false. */
  readonly isBlockKey?: boolean
  /** Default: random. */
  readonly writeHead?: WriteHead
}

/** Who the log is, as far as its block key depends on that. Asked when a block is read or written. */
export interface KeyOwner {
  readonly key: Uint8Array
  readonly compat: boolean
}

/** Derives the key of a log's blocks from the encryption key that was handed round. */
export function blockKey(owner: KeyOwner, encryptionKey: Uint8Array): Uint8Array {
  return owner.compat
    ? hashKeyed(owner.key, encryptionKey)
    : hash(DEFAULT_ENCRYPTION, owner.key, encryptionKey)
}

/**
 * The scheme of hypercore 10 and 11.
 *
 * Whether a log is compat may be learnt late, with its first head; so the key is derived when the first
 * block is there, and anew should the answer change.
 */
export function blockCipher(owner: KeyOwner, options: CipherOptions): Cipher {
  const encryptionKey = copy(options.encryptionKey)
  const writeHead = options.writeHead ?? randomHeads()
  const nonce = new Uint8Array(NONCE_BYTES)
  const head = nonce.subarray(HEAD_BYTES, 2 * HEAD_BYTES)
  let isCompat: boolean | undefined
  let key = options.isBlockKey === true ? encryptionKey : EMPTY

  const apply = (index: number, text: Uint8Array): void => {
    if (options.isBlockKey !== true && isCompat !== owner.compat) {
      isCompat = owner.compat
      key = blockKey(owner, encryptionKey)
    }
    if (text.length === 0) return
    writeU64LE(nonce, 0, index)
    crypto().xsalsa20(text, nonce, key)
  }

  return {
    paddingBytes: HEAD_BYTES,
    encrypt(index, fork, bytes, at, size) {
      writeHead(index, fork, head)
      bytes.set(head, at)
      apply(index, bytes.subarray(at + HEAD_BYTES, at + size))
    },
    decrypt(index, stored) {
      if (stored.length < HEAD_BYTES) {
        throw new DatError('BAD_CONTENT', 'A block is too short to be encrypted.', { index })
      }
      for (let i = 0; i < HEAD_BYTES; i++) head[i] = stored[i] ?? 0
      const text = stored.subarray(HEAD_BYTES)
      apply(index, text)
      return text
    },
  }
}

function randomHeads(): WriteHead {
  const drawn = new Uint8Array(HEADS_DRAWN * HEAD_BYTES)
  let at = drawn.length
  return (_index, _fork, head) => {
    if (at === drawn.length) {
      crypto().random(drawn)
      at = 0
    }
    for (let i = 0; i < HEAD_BYTES; i++) head[i] = drawn[at + i] ?? 0
    at += HEAD_BYTES
  }
}

/** What the options of a handle say. */
export function cipherFor(owner: KeyOwner, options: SessionOptions): Cipher | undefined {
  const { cipher, encryptionKey, isBlockKey = false } = options
  if (cipher !== undefined) return cipher === 'none' ? undefined : cipher
  return encryptionKey && blockCipher(owner, { encryptionKey, isBlockKey })
}

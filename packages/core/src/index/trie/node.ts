/**
 * One block of a trie, from 1 on: a key, its value, and the way to the others.
 *
 *     node := 1 string key, 2 bytes value, 3 bytes buckets, 4 varint seq, 5 varint flags
 *
 * Owns: both ways. Always true of a node that was decoded: its buckets refer to older blocks, at positions of its own
 * path. The empty key says that there is nothing from here on (`isVoid`).
 * Source: the hypertrie specification, section 2.
 */

import { DatError, isCode } from '../../base/errors.ts'
import { BLOCK_BYTES_MAX, TRIE_KEY_BYTES_MAX } from '../../base/limits.ts'
import { copy, fromUtf8 } from '../../bytes/bytes.ts'
import { Writer } from '../../bytes/cursor.ts'
import {
  Fields,
  writeBytesField,
  writeStringField,
  writeVarintField,
} from '../../bytes/protobuf.ts'
import type { Cached } from '../decoded.ts'
import { type Buckets, decodeBuckets, encodeBuckets } from './buckets.ts'
import { type Hash, hasTooMany, normalized, Path } from './path.ts'
import type { TrieEntry } from './types.ts'

/** In flags: the application's begin above these. */
const OWN_FLAGS = 256
/** In flags: the first digit. */
const HIDDEN = 1
/** Objects around a node, roughly. */
const NODE_BYTES = 400
/** The largest flags of the application's: hypertrie shifts them in 32 bits with a sign. */
export const FLAGS_MAX: number = 2 ** 23 - 1

/** A node, decoded or about to be written. */
export interface TrieNode extends Cached {
  readonly path: Path
  readonly value: Uint8Array | undefined
  /** The application's. */
  readonly flags: number
  readonly buckets: Buckets
  /** The trie is empty as of this block. */
  readonly isVoid: boolean
}

/** @param block its bytes; they are kept, so they must not change. Throws `BAD_CONTENT`. */
export function decodeNode(seq: number, block: Uint8Array, hash?: Hash): TrieNode {
  try {
    return read(seq, block, hash)
  } catch (error) {
    throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its encoding is broken', error) : error
  }
}

function read(seq: number, block: Uint8Array, hash: Hash | undefined): TrieNode {
  let key: string | undefined
  let value: Uint8Array | undefined
  let bytes: Uint8Array | undefined
  let flags = 0
  const fields = new Fields(block)
  while (fields.next()) {
    if (fields.number === 1) key = readKey(seq, fields)
    else if (fields.number === 2) value = fields.bytes()
    else if (fields.number === 3) bytes = fields.bytes()
    else if (fields.number === 5) flags = fields.varint()
  }
  if (key === undefined) throw corrupt(seq, 'it has no key')
  // Not normalized again, as hypertrie does: a key with more slashes in front would lie elsewhere than it was put.
  const path = new Path(key, flags % 2 === HIDDEN, hash)
  const buckets: Buckets = bytes === undefined ? new Map() : decodeBuckets(bytes, seq, path.length)
  const cost = NODE_BYTES + block.length + 2 * key.length + 9 * path.hash.length + 40 * buckets.size
  const isVoid = normalized(key) === ''
  return { seq, cost, path, value, flags: Math.floor(flags / OWN_FLAGS), buckets, isVoid }
}

function readKey(seq: number, fields: Fields): string {
  const bytes = fields.bytes()
  if (bytes.length > TRIE_KEY_BYTES_MAX) throw corrupt(seq, 'its key is too long')
  const key = fromUtf8(bytes)
  if (hasTooMany(key)) throw corrupt(seq, 'its key has too many components')
  return key
}

/** The block of a node. Throws `BAD_ARGUMENT` if it is larger than a block may be. */
export function encodeNode(node: TrieNode): Uint8Array {
  const { seq, path, value, flags } = node
  const writer = new Writer(256)
  writeStringField(writer, 1, path.key)
  if (value !== undefined) writeBytesField(writer, 2, value)
  writeBytesField(writer, 3, encodeBuckets(node.buckets))
  writeVarintField(writer, 4, seq)
  writeVarintField(writer, 5, flags * OWN_FLAGS + (path.hidden ? HIDDEN : 0))
  if (writer.at <= BLOCK_BYTES_MAX) return writer.take()
  throw new DatError('BAD_ARGUMENT', 'The value does not fit into one block.', {
    bytes: writer.at,
    max: BLOCK_BYTES_MAX,
  })
}

/** What readers get: bytes of their own. */
export function entryOf({ seq, path, value, flags }: TrieNode): TrieEntry {
  const { key, hidden } = path
  return { seq, key, value: value === undefined ? undefined : copy(value), flags, hidden }
}

/** The signed content is none that a trie's author writes. */
export function corrupt(seq: number, why: string, cause?: unknown): DatError {
  return new DatError('BAD_CONTENT', `Block ${seq} of the trie is damaged: ${why}.`, { seq }, cause)
}

/** A way leads to one place through two slots: a walk would come there twice. */
export function twice(from: TrieNode): DatError {
  return corrupt(from.seq, 'two ways at it lead to the same place')
}

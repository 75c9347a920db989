/**
 * The messages of the log extension `hypertrie`: what a reader looks for, and which blocks that takes.
 *
 *     message  := 1 Cache | 2 Iterator | 3 Get
 *     Cache    := 1 varint start, 2 varint end, 3 packed varint blocks
 *     Iterator := 1 varint head, 2 string key, 3 varint flags, 4 bytes checkpoint
 *     Get      := 1 varint head, 2 string key
 *
 * Owns: the encoding and its limits; head is the newest block that the reader knows. A hint saves round trips and
 * proves nothing: blocks that it names come with their own proofs. What is more than an honest peer sends is
 * `BAD_FRAME`; receivers drop such a message. Source: the hypertrie specification, section 10.
 */

import {
  EXTENSION_BYTES_MAX,
  TRIE_CHECKPOINT_BYTES_MAX,
  TRIE_HINT_BLOCKS_MAX,
  TRIE_KEY_BYTES_MAX,
} from '../../base/limits.ts'
import { copy, EMPTY, fromUtf8 } from '../../bytes/bytes.ts'
import { Writer } from '../../bytes/cursor.ts'
import {
  beginMessage,
  endMessage,
  Fields,
  writeBytesField,
  writeStringField,
  writeVarintField,
} from '../../bytes/protobuf.ts'
import { type CacheHint, hintTooLarge, readCacheHint, writeCacheHint } from '../cache-hint.ts'
import { hasTooMany } from './path.ts'

/** Name under which the extension is spoken. */
export const TRIE_HINTS_EXTENSION = 'hypertrie'

const RECURSIVE = 1
const REVERSE = 2
const GREATER = 4
const HIDDEN = 8

/** Somebody looks for one key; visible or hidden is not said. */
export interface TrieGetHint {
  readonly type: 'get'
  readonly head: number
  readonly key: string
}

/** Somebody walks below a prefix. */
export interface TrieIteratorHint {
  readonly type: 'iterator'
  readonly head: number
  readonly key: string
  readonly recursive: boolean
  readonly reverse: boolean
  readonly gt: boolean
  readonly hidden: boolean
  /** Where the walk stands; empty at the beginning. */
  readonly checkpoint: Uint8Array
}

/** Any message of the extension. */
export type TrieHint = CacheHint | TrieGetHint | TrieIteratorHint

/** The bytes of a message. */
export function encodeTrieHint(hint: TrieHint): Uint8Array {
  const writer = new Writer(64)
  const number = hint.type === 'cache' ? 1 : hint.type === 'iterator' ? 2 : 3
  const start = beginMessage(writer, number)
  if (hint.type === 'cache') {
    writeCacheHint(writer, hint)
  } else {
    writeVarintField(writer, 1, hint.head)
    writeStringField(writer, 2, hint.key)
    if (hint.type === 'iterator') writeWalk(writer, hint)
  }
  endMessage(writer, start)
  return writer.take()
}

function writeWalk(writer: Writer, hint: TrieIteratorHint): void {
  const { recursive, reverse, gt, hidden, checkpoint } = hint
  const flags =
    (recursive ? RECURSIVE : 0) |
    (reverse ? REVERSE : 0) |
    (gt ? GREATER : 0) |
    (hidden ? HIDDEN : 0)
  writeVarintField(writer, 3, flags)
  if (checkpoint.length > 0) writeBytesField(writer, 4, checkpoint)
}

/** `undefined` for a message of a kind that this version does not know. Throws `BAD_FRAME`. */
export function decodeTrieHint(message: Uint8Array): TrieHint | undefined {
  if (message.length > EXTENSION_BYTES_MAX) throw hintTooLarge('message', message.length)
  const fields = new Fields(message)
  let hint: TrieHint | undefined
  while (fields.next()) {
    if (fields.number === 1) hint = readCacheHint(fields.message(), TRIE_HINT_BLOCKS_MAX)
    else if (fields.number === 2) hint = readIterator(fields.message())
    else if (fields.number === 3) hint = readGet(fields.message())
  }
  return hint
}

function readGet(fields: Fields): TrieGetHint {
  let head = 0
  let key = ''
  while (fields.next()) {
    if (fields.number === 1) head = fields.varint()
    else if (fields.number === 2) key = readKey(fields)
  }
  return { type: 'get', head, key }
}

function readIterator(fields: Fields): TrieIteratorHint {
  let head = 0
  let key = ''
  let flags = RECURSIVE
  let checkpoint: Uint8Array = EMPTY
  while (fields.next()) {
    if (fields.number === 1) head = fields.varint()
    else if (fields.number === 2) key = readKey(fields)
    else if (fields.number === 3) flags = fields.varint()
    else if (fields.number === 4) checkpoint = readCheckpoint(fields)
  }
  const has = (flag: number): boolean => Math.floor(flags / flag) % 2 === 1
  const walk = {
    recursive: has(RECURSIVE),
    reverse: has(REVERSE),
    gt: has(GREATER),
    hidden: has(HIDDEN),
  }
  return { type: 'iterator', head, key, ...walk, checkpoint }
}

function readKey(fields: Fields): string {
  const bytes = fields.bytes()
  if (bytes.length > TRIE_KEY_BYTES_MAX) throw hintTooLarge('key', bytes.length)
  const key = fromUtf8(bytes)
  if (hasTooMany(key)) throw hintTooLarge('key', bytes.length)
  return key
}

function readCheckpoint(fields: Fields): Uint8Array {
  const bytes = fields.bytes()
  if (bytes.length > TRIE_CHECKPOINT_BYTES_MAX) throw hintTooLarge('checkpoint', bytes.length)
  return copy(bytes)
}

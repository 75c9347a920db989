/**
 * The messages of the log extension `hyperbee`: what a reader looks for, and which blocks that takes.
 *
 *     message  := 1 Cache | 2 Get | 3 Iterator
 *     Cache    := 1 varint start, 2 varint end, 3 packed varint blocks
 *     Get      := 1 varint version, 2 bytes key
 *     Iterator := 1 varint version, 2 gte, 3 gt, 4 lte, 5 lt (bytes), 6 varint limit, 7 bool reverse,
 *                 8 packed varint checkpoint: block, position and place per level, from the root down
 *
 * Owns: the encoding and its limits. A hint saves round trips and proves nothing: blocks that it names come with
 * their own proofs. What is more than an honest peer sends is `BAD_FRAME`; receivers drop such a message.
 * Source: the hyperbee specification, section 8.
 */

import {
  BEE_DEPTH_MAX,
  BEE_HINT_BLOCKS_MAX,
  BEE_KEY_BYTES_MAX,
  EXTENSION_BYTES_MAX,
} from '../base/limits.ts'
import { copy } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import {
  beginMessage,
  endMessage,
  Fields,
  writeBytesField,
  writePackedField,
  writeVarintField,
} from '../bytes/protobuf.ts'
import { type CacheHint, hintTooLarge, readCacheHint, writeCacheHint } from './cache-hint.ts'

/** Name under which the extension is spoken. */
export const HINTS_EXTENSION = 'hyperbee'

/** Somebody looks for one key. */
export interface GetHint {
  readonly type: 'get'
  readonly version: number
  readonly key: Uint8Array
}

/** Somebody walks a range. */
export interface IteratorHint {
  readonly type: 'iterator'
  readonly version: number
  readonly gt: Uint8Array | undefined
  readonly gte: Uint8Array | undefined
  readonly lt: Uint8Array | undefined
  readonly lte: Uint8Array | undefined
  /** 0 is no limit. */
  readonly limit: number
  readonly reverse: boolean
  readonly checkpoint: readonly number[]
}

/** Any message of the extension. */
export type Hint = CacheHint | GetHint | IteratorHint

/** The bytes of a message. */
export function encodeHint(hint: Hint): Uint8Array {
  const writer = new Writer(64)
  const number = hint.type === 'cache' ? 1 : hint.type === 'get' ? 2 : 3
  const start = beginMessage(writer, number)
  if (hint.type === 'cache') {
    writeCacheHint(writer, hint)
  } else if (hint.type === 'get') {
    writeVarintField(writer, 1, hint.version)
    writeBytesField(writer, 2, hint.key)
  } else {
    writeIterator(writer, hint)
  }
  endMessage(writer, start)
  return writer.take()
}

function writeIterator(writer: Writer, hint: IteratorHint): void {
  writeVarintField(writer, 1, hint.version)
  if (hint.gte !== undefined) writeBytesField(writer, 2, hint.gte)
  if (hint.gt !== undefined) writeBytesField(writer, 3, hint.gt)
  if (hint.lte !== undefined) writeBytesField(writer, 4, hint.lte)
  if (hint.lt !== undefined) writeBytesField(writer, 5, hint.lt)
  writeVarintField(writer, 6, hint.limit)
  writeVarintField(writer, 7, hint.reverse ? 1 : 0)
  writePackedField(writer, 8, hint.checkpoint)
}

/** `undefined` for a message of a kind that this version does not know. Throws `BAD_FRAME`. */
export function decodeHint(message: Uint8Array): Hint | undefined {
  if (message.length > EXTENSION_BYTES_MAX) throw hintTooLarge('message', message.length)
  const fields = new Fields(message)
  let hint: Hint | undefined
  while (fields.next()) {
    if (fields.number === 1) hint = readCacheHint(fields.message(), BEE_HINT_BLOCKS_MAX)
    else if (fields.number === 2) hint = readGet(fields.message())
    else if (fields.number === 3) hint = readIterator(fields.message())
  }
  return hint
}

function readGet(fields: Fields): GetHint {
  let version = 0
  let key: Uint8Array = new Uint8Array(0)
  while (fields.next()) {
    if (fields.number === 1) version = fields.varint()
    else if (fields.number === 2) key = readKey(fields)
  }
  return { type: 'get', version, key }
}

function readIterator(fields: Fields): IteratorHint {
  const bounds: Partial<Record<number, Uint8Array>> = {}
  let version = 0
  let limit = 0
  let reverse = false
  const checkpoint: number[] = []
  while (fields.next()) {
    const { number } = fields
    if (number === 1) version = fields.varint()
    else if (number >= 2 && number <= 5) bounds[number] = readKey(fields)
    else if (number === 6) limit = fields.varint()
    else if (number === 7) reverse = fields.bool()
    else if (number === 8) fields.packed(checkpoint, 3 * BEE_DEPTH_MAX)
  }
  const { 2: gte, 3: gt, 4: lte, 5: lt } = bounds
  return { type: 'iterator', version, gt, gte, lt, lte, limit, reverse, checkpoint }
}

function readKey(fields: Fields): Uint8Array {
  const key = fields.bytes()
  if (key.length > BEE_KEY_BYTES_MAX) throw hintTooLarge('key', key.length)
  return copy(key)
}

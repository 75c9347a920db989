/**
 * One block of a bee, decoded and encoded: an operation and the tree nodes that it changed.
 *
 *     block 0  := Header { 1 string protocol = "hyperbee", 2 Metadata { 1 bytes contentFeed, 2 bytes userData } }
 *     block n  := Node   { 1 bytes index, 2 bytes key, 3 bytes value }
 *     index    := { 1 repeated Level { 1 packed key block numbers, 2 packed (block number, level number) pairs } }
 *
 * Owns: the grammar and its limits. A level has at most `BEE_KEYS_PER_NODE_MAX` keys; what is broken is `BAD_CONTENT`
 * with the block's number. Fields that this version does not know are stepped over. What a level must be to be entered
 * says `node.ts`. Source: the hyperbee specification, sections 2 and 10.
 */

import { DatError, isCode } from '../base/errors.ts'
import {
  BEE_KEY_BYTES_MAX,
  BEE_KEYS_PER_NODE_MAX,
  BEE_LEVELS_PER_BLOCK_MAX,
} from '../base/limits.ts'
import { copy, EMPTY } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import {
  beginMessage,
  endMessage,
  Fields,
  writeBytesField,
  writeStringField,
} from '../bytes/protobuf.ts'
import type { BeeHeader } from './types.ts'

const PROTOCOL = 'hyperbee'
/** First bytes of blocks in the successor's format; ours begin with a protobuf tag. */
const NEWER_FORMAT_TYPE_MAX = 1

/** One tree node as it is written: keys by the blocks that hold them, children as flat pairs. */
export interface Level {
  readonly keys: readonly number[]
  /** `[block, level, block, level, …]`: one pair more than keys, or none in a leaf. */
  readonly children: readonly number[]
}

/** A block as objects, for what looks at all of it. What only passes through reads it in place (`node.ts`). */
export class BeeBlock {
  readonly seq: number
  readonly key: Uint8Array
  readonly hasValue: boolean
  readonly #index: Uint8Array
  #levels: Level[] | undefined = undefined

  constructor(seq: number, index: Uint8Array, key: Uint8Array, hasValue: boolean) {
    this.seq = seq
    this.key = key
    this.hasValue = hasValue
    this.#index = index
  }

  /** All tree nodes, unchecked: a batch may leave one that nothing leads to and that makes no sense now. */
  get levels(): readonly Level[] {
    this.#levels ??= decodeLevels(this.#index, this.seq)
    return this.#levels
  }

  /** Do the tree nodes of this block, from `position` down, hold its own key? */
  holdsOwnKey(position: number): boolean {
    return holds(this.levels, position, this.seq, this.levels.length)
  }

  /** Was this operation a put? A delete's own block is not among the keys of its own nodes. */
  get isPut(): boolean {
    return this.hasValue || this.levels.some((level) => level.keys.includes(this.seq))
  }
}

function holds(levels: readonly Level[], position: number, seq: number, steps: number): boolean {
  const level = levels[position]
  // A level that is its own descendant would lead round for ever: no way down is longer than the list.
  if (level === undefined || steps === 0) return false
  if (level.keys.includes(seq)) return true
  for (let i = 0; i < level.children.length; i += 2) {
    if (level.children[i] !== seq) continue
    if (holds(levels, level.children[i + 1] ?? 0, seq, steps - 1)) return true
  }
  return false
}

/** The signed content is none that a bee's author writes. */
export function corrupt(seq: number, why: string, cause?: unknown): DatError {
  return new DatError('BAD_CONTENT', `Block ${seq} of the bee is damaged: ${why}.`, { seq }, cause)
}

// ---- Decoding ------------------------------------------------------------------------------------

/** Where the fields of a block lie in it; used again for each. */
export class BlockFields {
  indexAt = 0
  indexLength = 0
  keyAt = 0
  keyLength = 0
  /** 0: it has none. */
  valueAt = 0
  valueLength = 0
  readonly #fields = new Fields(EMPTY)

  /** Finds them. Throws for a block that no honest writer makes. */
  read(seq: number, block: Uint8Array): void {
    refuseNewerFormat(seq, block)
    this.indexAt = 0
    this.keyAt = 0
    this.valueAt = 0
    this.valueLength = 0
    try {
      this.#read(block)
    } catch (error) {
      throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its encoding is broken', error) : error
    }
    if (this.indexAt === 0 || this.keyAt === 0) throw corrupt(seq, 'it has no index or no key')
    if (this.keyLength > BEE_KEY_BYTES_MAX) throw corrupt(seq, 'its key is too long')
  }

  #read(block: Uint8Array): void {
    const fields = this.#fields
    fields.reset(block)
    while (fields.next()) {
      if (fields.number === 1) {
        this.indexAt = fields.span()
        this.indexLength = fields.length
      } else if (fields.number === 2) {
        this.keyAt = fields.span()
        this.keyLength = fields.length
      } else if (fields.number === 3) {
        this.valueAt = fields.span()
        this.valueLength = fields.length
      }
    }
  }
}

/** The value alone, as a view of the block. */
export function decodeValue(seq: number, block: Uint8Array): Uint8Array | undefined {
  const fields = new Fields(block)
  try {
    let value: Uint8Array | undefined
    while (fields.next()) if (fields.number === 3) value = fields.bytes()
    return value
  } catch (error) {
    throw corrupt(seq, 'its encoding is broken', error)
  }
}

function decodeLevels(index: Uint8Array, seq: number): Level[] {
  try {
    const levels: Level[] = []
    const list = new Fields(index)
    const fields = new Fields(index)
    while (list.next()) {
      if (list.number !== 1) continue
      if (levels.length === BEE_LEVELS_PER_BLOCK_MAX) throw corrupt(seq, 'it has too many nodes')
      levels.push(decodeLevel(list.message(fields)))
    }
    return levels
  } catch (error) {
    throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its index is broken', error) : error
  }
}

/** The lists of one tree node, unchecked but for their lengths. */
export function decodeLevel(fields: Fields): Level {
  const keys: number[] = []
  const children: number[] = []
  while (fields.next()) {
    if (fields.number === 1) fields.packed(keys, BEE_KEYS_PER_NODE_MAX)
    else if (fields.number === 2) fields.packed(children, 2 * (BEE_KEYS_PER_NODE_MAX + 1))
  }
  return { keys, children }
}

/** The header in block 0; throws if this is no bee, or one of a format that is not ours. */
export function decodeHeader(block: Uint8Array): BeeHeader {
  refuseNewerFormat(0, block)
  const header = readHeader(block)
  if (header !== undefined) return header
  throw new DatError(
    'BAD_CONTENT',
    'Block 0 is no header of a bee: this log is something else, or it is encrypted and the ' +
      'encryption key is missing or wrong.',
    { seq: 0 },
  )
}

function readHeader(block: Uint8Array): BeeHeader | undefined {
  let protocol: string | undefined
  let contentFeed: Uint8Array | undefined
  let userData: Uint8Array | undefined
  try {
    const fields = new Fields(block)
    while (fields.next()) {
      if (fields.number === 1) protocol = fields.string()
      if (fields.number !== 2) continue
      const metadata = fields.message()
      while (metadata.next()) {
        if (metadata.number === 1) contentFeed = copy(metadata.bytes())
        else if (metadata.number === 2) userData = copy(metadata.bytes())
      }
    }
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) return undefined
    throw error
  }
  return protocol === PROTOCOL ? { contentFeed, userData } : undefined
}

function refuseNewerFormat(seq: number, block: Uint8Array): void {
  const first = block[0]
  if (first === undefined || first > NEWER_FORMAT_TYPE_MAX) return
  throw new DatError(
    'UNSUPPORTED',
    // A wrong key makes bytes without pattern, and two of 256 begin like this.
    `Block ${seq} is in the format of a newer bee (hyperbee 3), which this version does not read; or it is ` +
      'encrypted and the encryption key is missing or wrong.',
    { seq },
  )
}

// ---- Encoding ------------------------------------------------------------------------------------

/** @param metadata `undefined` writes none; an empty object writes an empty message, as drives do */
export function encodeHeader(metadata: Partial<BeeHeader> | undefined): Uint8Array {
  const writer = new Writer(64)
  writeStringField(writer, 1, PROTOCOL)
  if (metadata !== undefined) {
    const start = beginMessage(writer, 2)
    if (metadata.contentFeed !== undefined) writeBytesField(writer, 1, metadata.contentFeed)
    if (metadata.userData !== undefined) writeBytesField(writer, 2, metadata.userData)
    endMessage(writer, start)
  }
  return writer.take()
}

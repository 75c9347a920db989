/**
 * One block of an append-tree: a name, its value, and for each folder on its way what else lies there.
 *
 *     block := 1 string name, 2 bytes value (absent: deleted), 3 bytes paths
 *     paths := varint flags, then one list for each folder from the root down: varint count, varint …
 *              the first number of a list as it is, each next as the difference to the one before
 *
 * Owns: decoding, and which names are proper. Always true of lists: all numbers but the block's own are of older
 * blocks, so following them ends. Names and lists are decoded apart: a look-up passes all names of a folder, of which
 * each block lists all again. Source: the generation 1 drive specification, section 2.
 */

import { DatError, isCode } from '../../base/errors.ts'
import {
  APPEND_TREE_COMPONENTS_MAX,
  APPEND_TREE_NAME_BYTES_MAX,
  APPEND_TREE_REFERENCES_MAX,
} from '../../base/limits.ts'
import { copy, fromUtf8 } from '../../bytes/bytes.ts'
import { Reader } from '../../bytes/cursor.ts'
import { Fields } from '../../bytes/protobuf.ts'
import type { Cached } from '../decoded.ts'
import type { AppendTreeEntry } from './types.ts'

/** In flags: every list has the block's own number at its end, without having it written. */
const ENDS_WITH_OWN = 1
/** Objects around a block, roughly. */
const BLOCK_BYTES = 200

/** What a block says of itself. */
export interface Named extends Cached {
  readonly components: readonly string[]
  /** `undefined`: deleted. */
  readonly value: Uint8Array | undefined
  /** Is the name one that a file may have? Others are passed over. */
  readonly isProper: boolean
}

/** The older blocks of one folder, ascending, each for another name in it. */
export interface List {
  readonly older: readonly number[]
  /** Is the block itself one of the list? */
  readonly hasOwn: boolean
}

/** Throws `BAD_CONTENT`. */
export function decodeNamed(seq: number, block: Uint8Array): Named {
  return checked(seq, () => {
    let name: Uint8Array | undefined
    let value: Uint8Array | undefined
    const fields = new Fields(block)
    while (fields.next()) {
      if (fields.number === 1) name = fields.bytes()
      else if (fields.number === 2) value = copy(fields.bytes())
    }
    if (name === undefined) throw corrupt(seq, 'it has no name')
    if (name.length > APPEND_TREE_NAME_BYTES_MAX) throw corrupt(seq, 'its name is too long')
    const components = split(fromUtf8(name))
    if (components.length > APPEND_TREE_COMPONENTS_MAX) {
      throw corrupt(seq, 'its name has too many components')
    }
    const cost = BLOCK_BYTES + 3 * name.length + (value?.length ?? 0)
    return { seq, cost, components, value, isProper: components.every(isProperComponent) }
  })
}

/**
 * What a block says of the folder of the first `depth` components of its name; `undefined` if nothing. Lists of other depths
 * are stepped over: each block of a folder lists all the others, and a walk asks each of them for what is below itself.
 *
 * @throws DatError BAD_CONTENT
 */
export function decodeList(seq: number, block: Uint8Array, depth: number): List | undefined {
  return checked(seq, () => {
    let paths: Uint8Array | undefined
    const fields = new Fields(block)
    while (fields.next()) if (fields.number === 3) paths = fields.bytes()
    if (paths === undefined) return undefined
    const reader = new Reader(paths)
    const endsWithOwn = reader.varint() % 2 === ENDS_WITH_OWN
    let references = 0
    for (let at = 0; reader.left > 0; at++) {
      if (at > APPEND_TREE_COMPONENTS_MAX) throw corrupt(seq, 'it has too many lists')
      const count = reader.varint()
      references += count
      if (references > APPEND_TREE_REFERENCES_MAX) throw corrupt(seq, 'its lists are too long')
      if (at === depth) return readList(seq, reader, count, endsWithOwn)
      skipVarints(reader, count)
    }
    return undefined
  })
}

/** Steps over numbers without making them: the last byte of each is below 0x80. */
function skipVarints(reader: Reader, count: number): void {
  const { bytes, at: from, end } = reader
  let at = from
  let left = count
  for (; left > 0 && at < end; at++) if ((bytes[at] ?? 0) < 0x80) left--
  // Where they are not all there, one byte too many is asked for.
  reader.skip(at - from + (left > 0 ? 1 : 0))
}

function readList(seq: number, reader: Reader, count: number, endsWithOwn: boolean): List {
  const older: number[] = []
  let hasOwn = endsWithOwn
  let last = 0
  for (let i = 0; i < count; i++) {
    const block = last + reader.varint()
    if (block === seq && i === count - 1) {
      hasOwn = true
    } else {
      if (block <= last || block >= seq) throw corrupt(seq, `it refers to block ${block}`)
      older.push(block)
    }
    last = block
  }
  return { older, hasOwn }
}

/** The components of a name, however many slashes are around it. */
export function split(name: string): readonly string[] {
  const components = name.split('/')
  if (components[0] === '') components.shift()
  if (components.at(-1) === '') components.pop()
  return components
}

function isProperComponent(component: string): boolean {
  return component !== '' && component !== '.' && component !== '..' && !component.includes('\0')
}

/** Are the first `count` components of both the same? */
export function share(a: readonly string[], b: readonly string[], count: number): boolean {
  return a.length >= count && b.length >= count && common(a, b, count) === count
}

/** Number of leading components that are the same, `countMax` at most. */
export function common(
  a: readonly string[],
  b: readonly string[],
  countMax: number = Math.min(a.length, b.length),
): number {
  let count = 0
  while (count < countMax && a[count] === b[count]) count++
  return count
}

/** What readers get: bytes of their own. */
export function entryOf({ seq, components, value }: Named): AppendTreeEntry {
  const name = `/${components.join('/')}`
  if (value === undefined) return { type: 'del', seq, name, value }
  return { type: 'put', seq, name, value: copy(value) }
}

function checked<T>(seq: number, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its encoding is broken', error) : error
  }
}

function corrupt(seq: number, why: string, cause?: unknown): DatError {
  return new DatError('BAD_CONTENT', `Block ${seq} of the tree is damaged: ${why}.`, { seq }, cause)
}

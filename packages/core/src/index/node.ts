/**
 * One tree node at a time, read where its block lies in memory.
 *
 * Owns: the way from an encoded block to the numbers of a node, without an object for either. A node that is entered has at
 * most `BEE_KEYS_PER_NODE_MAX` keys, no child or one more than keys, and names only blocks from 1 up to its own: whatever
 * an author signs, every walk goes down in a bounded number of steps. Everything else is `BAD_CONTENT` with the
 * block's number. Lists as every writer makes them are read here; anything else that the grammar allows, by `block.ts`.
 */

import { isCode } from '../base/errors.ts'
import { BEE_KEYS_PER_NODE_MAX, BEE_LEVELS_PER_BLOCK_MAX } from '../base/limits.ts'
import { Fields } from '../bytes/protobuf.ts'
import { corrupt, decodeLevel, type Level } from './block.ts'
import type { Packed } from './packed.ts'

/** Tags of the fields 1 and 2, as bytes of a length. */
const FIELD_1 = 0x0a
const FIELD_2 = 0x12
/** From this node on of a block, a list of where they begin is made: else passing those before each would add up. */
const SCANNED_NODES = 16
/** No number of ours is as large. */
const SCALE_MAX = 2 ** 53

/** The node that was read last. */
export class NodeReader {
  /** Blocks of the keys; the first `keyCount` are meant. */
  readonly keys: Float64Array = new Float64Array(BEE_KEYS_PER_NODE_MAX)
  keyCount = 0
  /** Pairs of block and position, `childCount` pairs: one more than keys, or none in a leaf. */
  readonly children: Float64Array = new Float64Array(2 * (BEE_KEYS_PER_NODE_MAX + 1))
  childCount = 0
  /** Where `#span` found the node. */
  #at = 0
  #end = 0

  /** Reads node `position` of the record that `packed` looks at, which is block `seq`. */
  read(packed: Packed, seq: number, position: number): void {
    const { bytes } = packed
    this.#find(packed, seq, position)
    if (!this.#readUsual(bytes, this.#at, this.#end)) this.#readAny(bytes, seq)
    this.#check(seq)
  }

  /** Does the node name the block among its keys? */
  hasKey(seq: number): boolean {
    for (let i = 0; i < this.keyCount; i++) if (this.keys[i] === seq) return true
    return false
  }

  /** The node as an object of its own. */
  level(): Level {
    return {
      keys: Array.from(this.keys.subarray(0, this.keyCount)),
      children: Array.from(this.children.subarray(0, 2 * this.childCount)),
    }
  }

  // ---- Where it is ----

  #find(packed: Packed, seq: number, position: number): void {
    const { bytes, indexAt, indexLength } = packed
    if (position < SCANNED_NODES) {
      let at = indexAt
      const end = at + indexLength
      for (let left = position; at + 2 <= end && bytes[at] === FIELD_1; left--) {
        const length = bytes[at + 1] ?? 0
        // Longer ones, with a length of several bytes, are rare.
        if (length >= 0x80) break
        at += 2
        if (left === 0 && at + length <= end) {
          this.#at = at
          this.#end = at + length
          return
        }
        at += length
      }
    }
    let list = packed.directory(seq)
    if (list === undefined) {
      list = directory(bytes, indexAt, indexAt + indexLength, seq)
      packed.keepDirectory(seq, list)
    }
    const at = list[2 * position]
    const end = list[2 * position + 1]
    if (at === undefined || end === undefined) {
      throw corrupt(seq, `it has no tree node ${position}`)
    }
    this.#at = indexAt + at
    this.#end = indexAt + end
  }

  // ---- What it says ----

  /** The two lists in their packed form, each at most once. False: it is written in another way. */
  #readUsual(bytes: Uint8Array, from: number, end: number): boolean {
    this.keyCount = 0
    this.childCount = 0
    let at = from
    if (at < end && bytes[at] === FIELD_1) {
      const stop = at + 2 + (bytes[at + 1] ?? 0)
      if (stop - at >= 0x82 || stop > end) return false
      this.keyCount = readList(bytes, at + 2, stop, this.keys)
      if (this.keyCount === -1) return false
      at = stop
    }
    if (at < end && bytes[at] === FIELD_2) {
      const stop = at + 2 + (bytes[at + 1] ?? 0)
      if (stop - at >= 0x82 || stop > end) return false
      const count = readList(bytes, at + 2, stop, this.children)
      if (count === -1 || count % 2 === 1) return false
      this.childCount = count / 2
      at = stop
    }
    return at === end
  }

  #readAny(bytes: Uint8Array, seq: number): void {
    const { keys, children } = decodeNode(bytes, this.#at, this.#end, seq)
    if (children.length % 2 === 1) throw corrupt(seq, 'a child of a tree node has no position')
    this.keys.set(keys)
    this.keyCount = keys.length
    this.children.set(children)
    this.childCount = children.length / 2
  }

  #check(seq: number): void {
    const { keys, keyCount, children, childCount } = this
    if (childCount > 0 && childCount !== keyCount + 1) {
      throw corrupt(seq, `a tree node has ${keyCount} keys and ${childCount} children`)
    }
    for (let i = 0; i < keyCount; i++) checkReference(keys[i] ?? 0, seq)
    for (let i = 0; i < childCount; i++) checkReference(children[2 * i] ?? 0, seq)
  }
}

/** Reads `at .. stop` as varints; how many they were, or -1 if something is unusual about them. */
function readList(bytes: Uint8Array, from: number, stop: number, into: Float64Array): number {
  let count = 0
  let value = 0
  let scale = 1
  for (let at = from; at < stop; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * scale
    if (byte >= 0x80) {
      scale *= 0x80
      if (scale >= SCALE_MAX) return -1
    } else {
      if (count === into.length) return -1
      into[count++] = value
      value = 0
      scale = 1
    }
  }
  return scale === 1 ? count : -1
}

function checkReference(block: number, seq: number): void {
  if (block < 1 || block > seq) throw corrupt(seq, `a tree node refers to block ${block}`)
}

/** Where each node of an index begins and ends, from the index's beginning. */
function directory(bytes: Uint8Array, at: number, end: number, seq: number): Float64Array {
  const spans: number[] = []
  const list = new Fields(bytes, at, end)
  try {
    while (list.next()) {
      if (list.number !== 1) continue
      if (spans.length === 2 * BEE_LEVELS_PER_BLOCK_MAX) throw corrupt(seq, 'it has too many nodes')
      const from = list.span() - at
      spans.push(from, from + list.length)
    }
  } catch (error) {
    throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its index is broken', error) : error
  }
  return Float64Array.from(spans)
}

function decodeNode(bytes: Uint8Array, at: number, end: number, seq: number): Level {
  try {
    return decodeLevel(new Fields(bytes, at, end))
  } catch (error) {
    throw isCode(error, 'BAD_FRAME') ? corrupt(seq, 'its index is broken', error) : error
  }
}

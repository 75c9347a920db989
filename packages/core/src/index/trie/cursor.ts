/**
 * A walk over the entries at and below a prefix, in the order of hypertrie's iterator.
 *
 * Owns: the stack. `next` is synchronous and gives the block of the next entry, `ABSENT` at the end, or `MISSING`;
 * after `MISSING` and a fetch the same call goes on where it stopped. At each position the ways of all digits are laid
 * on the stack, the one to be taken first on top; where nodes collide the smaller key comes first.
 * Source: the hypertrie specification, section 8.
 */

import { DatError } from '../../base/errors.ts'
import { TRIE_CHECKPOINT_BYTES_MAX } from '../../base/limits.ts'
import { Reader, Writer } from '../../bytes/cursor.ts'
import { DIGITS, EMPTY_BUCKET } from './buckets.ts'
import { ABSENT, find, MISSING, wantedDigits } from './find.ts'
import { type TrieNode, twice } from './node.ts'
import { areDistinct, follow, type Lookup } from './nodes.ts'
import { COMPONENT_DIGITS, END, type Hash, isTerminator, Path } from './path.ts'
import type { TrieRange } from './types.ts'

/** Digits as they are laid on the stack. */
const FORWARD: readonly number[] = [3, 2, 1, 0, END]
const BACKWARD: readonly number[] = [END, 0, 1, 2, 3]

/** A way that is not gone yet: on from position `i` of a node. */
interface Way {
  readonly i: number
  readonly seq: number
  /** `undefined`: not looked at yet; it is what `slot` of `from` leads to. */
  node: TrieNode | undefined
  readonly from: TrieNode | undefined
  readonly slot: number
}

export class Cursor {
  readonly #lookup: Lookup
  readonly #version: number
  readonly #prefix: Path
  readonly #range: TrieRange
  /** Position of the first digit behind the prefix, and the one at which an entry is given. */
  readonly #start: number
  readonly #end: number
  readonly #stack: Way[] = []
  #begun = false
  /** Nodes that were laid on the stack and not taken from it. */
  #laid = 0

  /** @param prefix as `normalized` gives it */
  constructor(lookup: Lookup, version: number, prefix: string, range: TrieRange, hash?: Hash) {
    this.#lookup = lookup
    this.#version = version
    this.#prefix = new Path(prefix, range.hidden ?? false, hash)
    this.#range = range
    this.#start = wantedDigits(this.#prefix, true)
    this.#end =
      range.recursive === false ? this.#start + COMPONENT_DIGITS : Number.POSITIVE_INFINITY
  }

  /** Nodes that were named to be visited so far. */
  get laid(): number {
    return this.#laid
  }

  next(): number {
    if (!this.#begun && !this.#begin()) return MISSING
    for (;;) {
      const top = this.#stack.at(-1)
      if (top === undefined) return ABSENT
      const node = this.#resolve(top)
      if (node === undefined) return MISSING
      if (node.isVoid) {
        this.#stack.pop()
        continue
      }
      const end = Math.min(node.path.length, this.#end)
      const i = this.#range.random === undefined ? this.#skipOver(node, top.i, end) : top.i
      if (i >= end) {
        this.#stack.pop()
        return node.seq
      }
      if (!this.#expand(node, i)) return MISSING
    }
  }

  /** Blocks that are needed next. */
  ahead(into: number[], countMax: number): void {
    for (let at = this.#stack.length - 1; at >= 0 && into.length < countMax; at--) {
      const way = this.#stack[at]
      if (way !== undefined && way.node === undefined) into.push(way.seq)
    }
  }

  #begin(): boolean {
    const seq = find(this.#lookup, this.#version, this.#prefix, this.#start)
    if (seq === MISSING) return false
    this.#begun = true
    if (seq !== ABSENT) this.#lay(this.#start, seq)
    return true
  }

  #lay(i: number, seq: number): void {
    this.#stack.push({ i, seq, node: undefined, from: undefined, slot: 0 })
  }

  #resolve(way: Way): TrieNode | undefined {
    if (way.node === undefined) {
      way.node =
        way.from === undefined
          ? this.#lookup.get(way.seq)
          : follow(this.#lookup, way.from, way.i - 1, way.slot)
    }
    return way.node
  }

  /** Positions at which there is nothing but the node's own way. */
  #skipOver(node: TrieNode, from: number, end: number): number {
    let i = from
    while (i < end && !node.buckets.has(i) && !this.#isLeftOut(node.path.digit(i), i)) i++
    return i
  }

  #isLeftOut(digit: number, i: number): boolean {
    return digit === END && this.#range.gt === true && i === this.#start
  }

  /** Lays the ways that go on from position `i` in place of the one on top. False: a block is missing. */
  #expand(node: TrieNode, i: number): boolean {
    const bucket = node.buckets.get(i) ?? EMPTY_BUCKET
    const own = node.path.digit(i)
    const ways: Way[] = []
    for (const digit of this.#order()) {
      if (this.#isLeftOut(digit, i)) continue
      const group: Way[] = []
      if (own === digit) group.push({ i: i + 1, seq: node.seq, node, from: undefined, slot: 0 })
      for (let slot = digit; slot < bucket.length; slot += DIGITS) {
        const seq = bucket[slot]
        if (seq) group.push({ i: i + 1, seq, node: undefined, from: node, slot })
      }
      if (group.length > 1 && !this.#sort(group, node, i)) return false
      for (const way of group) ways.push(way)
    }
    this.#stack.pop()
    for (const way of ways) this.#stack.push(way)
    this.#laid += ways.length
    return true
  }

  #order(): readonly number[] {
    const { random, reverse } = this.#range
    if (random !== undefined) return shuffled(random)
    return reverse === true ? BACKWARD : FORWARD
  }

  /** Those that collide: the greatest key at the bottom. False: a block is missing. */
  #sort(group: Way[], node: TrieNode, i: number): boolean {
    const nodes: TrieNode[] = []
    for (const way of group) {
      const resolved = this.#resolve(way)
      if (resolved === undefined) return false
      nodes.push(resolved)
    }
    if (!isTerminator(i) || !areDistinct(nodes, i)) throw twice(node)
    group.sort((a, b) => order(b.node?.path.key ?? '', a.node?.path.key ?? ''))
    return true
  }

  // ---- Checkpoints ----

  /** What is left of the walk: position and block of each way, from the bottom up. Empty before the first step. */
  checkpoint(): Uint8Array {
    const writer = new Writer(256)
    for (const { i, seq } of this.#stack) {
      writer.varint(i)
      writer.varint(seq)
    }
    return writer.take()
  }

  /** Goes on where somebody else's walk stands. Throws `BAD_FRAME` for what is no checkpoint. */
  resume(checkpoint: Uint8Array): void {
    if (checkpoint.length > TRIE_CHECKPOINT_BYTES_MAX) {
      throw new DatError('BAD_FRAME', 'A checkpoint is too long.', { bytes: checkpoint.length })
    }
    const reader = new Reader(checkpoint)
    while (reader.left > 0) {
      const i = reader.varint()
      const seq = reader.varint()
      if (seq > 0 && seq < this.#version) this.#lay(i, seq)
    }
    this.#begun = true
  }
}

/** As JavaScript sorts texts: hypertrie compares keys with `<`. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The digits in an order that is drawn. */
function shuffled(random: () => number): number[] {
  const digits = [0, 1, 2, 3, END]
  for (let i = 0; i < digits.length - 1; i++) {
    const n = i + Math.floor(random() * (digits.length - i))
    const digit = digits[i] ?? 0
    digits[i] = digits[n] ?? 0
    digits[n] = digit
  }
  return digits
}

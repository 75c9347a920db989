/**
 * What is not the same block in two versions of a trie, without a look at what they share.
 *
 * Owns: the walk over both at once, in the order of hypertrie's diff. Each step of the stack is a place that both, or one
 * of them, still have to go on from; where the same block is on both sides all below it is equal. `next` gives `FOUND`
 * with `left` and `right` set, `ABSENT` at the end, or `MISSING`; after that and a fetch the same call goes on.
 * Where nodes collide, nodes of one name are compared with one another; hypertrie mixes them up.
 * Source: the hypertrie specification, section 9.
 */

import { type Bucket, DIGITS, EMPTY_BUCKET } from './buckets.ts'
import { ABSENT, find, MISSING, wantedDigits } from './find.ts'
import { type TrieNode, twice } from './node.ts'
import { areDistinct, follow, type Lookup } from './nodes.ts'
import { type Hash, isTerminator, Path } from './path.ts'
import type { TrieDiffRange } from './types.ts'

/** `left` and `right` differ. */
export const FOUND = 1

/** One side of a place. */
interface Side {
  readonly seq: number
  /** `undefined`: not looked at yet; it is what `slot` of `from` leads to. */
  node: TrieNode | undefined
  readonly from: TrieNode | undefined
  readonly slot: number
}

interface Place {
  readonly i: number
  readonly left: Side | undefined
  readonly right: Side | undefined
}

/** A walk over two versions at once. */
export class Difference {
  /** What was found; `undefined` where there is nothing. */
  left: TrieNode | undefined = undefined
  right: TrieNode | undefined = undefined
  readonly #lookup: Lookup
  readonly #prefix: Path
  readonly #versions: readonly [number, number]
  readonly #range: TrieDiffRange
  readonly #stack: Place[] = []
  #begun = false

  /** @param prefix as `normalized` gives it */
  constructor(
    lookup: Lookup,
    leftVersion: number,
    rightVersion: number,
    prefix: string,
    range: TrieDiffRange,
    hash?: Hash,
  ) {
    this.#lookup = lookup
    this.#prefix = new Path(prefix, range.hidden ?? false, hash)
    this.#versions = [leftVersion, rightVersion]
    this.#range = range
  }

  next(): typeof FOUND | typeof ABSENT | typeof MISSING {
    if (!this.#begun && !this.#begin()) return MISSING
    for (;;) {
      const place = this.#stack.at(-1)
      if (place === undefined) return ABSENT
      if (place.left?.seq === place.right?.seq) {
        this.#stack.pop()
        continue
      }
      if (!this.#resolve(place.left, place.i) || !this.#resolve(place.right, place.i)) {
        return MISSING
      }
      const result = this.#step(place)
      if (result !== ABSENT) return result
    }
  }

  /** Blocks that are needed next. */
  ahead(into: number[], countMax: number): void {
    for (let at = this.#stack.length - 1; at >= 0 && into.length < countMax; at--) {
      const place = this.#stack[at]
      for (const side of [place?.left, place?.right]) {
        if (side !== undefined && side.node === undefined) into.push(side.seq)
      }
    }
  }

  #begin(): boolean {
    const digits = wantedDigits(this.#prefix, true)
    const [leftVersion, rightVersion] = this.#versions
    const left = find(this.#lookup, leftVersion, this.#prefix, digits)
    if (left === MISSING) return false
    const right = find(this.#lookup, rightVersion, this.#prefix, digits)
    if (right === MISSING) return false
    this.#begun = true
    this.#stack.push({ i: digits, left: topSide(left), right: topSide(right) })
    return true
  }

  #resolve(side: Side | undefined, i: number): boolean {
    if (side === undefined || side.node !== undefined) return true
    side.node =
      side.from === undefined
        ? this.#lookup.get(side.seq)
        : follow(this.#lookup, side.from, i - 1, side.slot)
    return side.node !== undefined
  }

  /** Goes on from a place whose sides are resolved. `ABSENT`: nothing was found yet. */
  #step(place: Place): typeof FOUND | typeof ABSENT | typeof MISSING {
    const left = nodeOf(place.left)
    const right = nodeOf(place.right)
    if (this.#isSkipped(left, right)) {
      this.#stack.pop()
      return ABSENT
    }
    const i = fork(place.i, left, right)
    const isLeftDone = left !== undefined && i >= left.path.length
    const isRightDone = right !== undefined && i >= right.path.length
    if (isLeftDone || isRightDone) {
      this.#stack.pop()
      this.left = left
      this.right = right
      return FOUND
    }
    const places: Place[] = []
    for (let digit = 0; digit < DIGITS; digit++) {
      if (!this.#expand(i, digit, left, right, places)) return MISSING
    }
    this.#stack.pop()
    for (const place of places) this.#stack.push(place)
    return ABSENT
  }

  #isSkipped(left: object | undefined, right: object | undefined): boolean {
    const { skipLeftNull = false, skipRightNull = false } = this.#range
    if (left === undefined) return right === undefined || skipLeftNull
    return right === undefined && skipRightNull
  }

  /** The ways that both go on in one digit, paired. False: a block is missing. */
  #expand(
    i: number,
    digit: number,
    left: TrieNode | undefined,
    right: TrieNode | undefined,
    places: Place[],
  ): boolean {
    const lefts = waysOf(left, i, digit, bucketOf(right, i), ownSeq(right, i, digit))
    const rights = waysOf(right, i, digit, bucketOf(left, i), ownSeq(left, i, digit))
    if (lefts.length === 0 && rights.length === 0) return true
    // Where names may differ under one hash, only those of one name are the same place.
    if (isTerminator(i) && lefts.length + rights.length > 1) {
      return this.#pair(i, lefts, rights, places)
    }
    const [left0] = lefts
    const [right0] = rights
    if (!this.#isSkipped(left0, right0)) places.push({ i: i + 1, left: left0, right: right0 })
    return true
  }

  #pair(i: number, lefts: readonly Side[], rights: readonly Side[], places: Place[]): boolean {
    for (const sides of [lefts, rights]) {
      const nodes: TrieNode[] = []
      for (const side of sides) {
        if (!this.#resolve(side, i + 1)) return false
        if (side.node !== undefined) nodes.push(side.node)
      }
      const [first] = nodes
      if (first !== undefined && !areDistinct(nodes, i)) throw twice(first)
    }
    const unpaired = new Set(rights)
    for (const left of lefts) {
      let same: Side | undefined
      for (const right of unpaired) if (haveOneName(left, right, i)) same = right
      if (same !== undefined) unpaired.delete(same)
      if (!this.#isSkipped(left, same)) places.push({ i: i + 1, left, right: same })
    }
    for (const right of unpaired) {
      if (!this.#isSkipped(undefined, right)) places.push({ i: i + 1, left: undefined, right })
    }
    return true
  }
}

/** The next position at which there is more than one way on, or an end. */
function fork(from: number, left: TrieNode | undefined, right: TrieNode | undefined): number {
  const { length } = (left ?? right)?.path ?? { length: 0 }
  let i = from
  for (; i < length; i++) {
    if (left?.buckets.has(i) || right?.buckets.has(i)) return i
    if (left === undefined || right === undefined) continue
    if (isTerminator(i) || left.path.digit(i) !== right.path.digit(i)) return i
  }
  return i
}

function topSide(seq: number): Side | undefined {
  return seq === ABSENT ? undefined : { seq, node: undefined, from: undefined, slot: 0 }
}

function nodeOf(side: Side | undefined): TrieNode | undefined {
  return side?.node?.isVoid === true ? undefined : side?.node
}

function bucketOf(node: TrieNode | undefined, i: number): Bucket {
  return node?.buckets.get(i) ?? EMPTY_BUCKET
}

/** The node itself if it goes on in that digit, else 0. */
function ownSeq(node: TrieNode | undefined, i: number, digit: number): number {
  return node !== undefined && node.path.digit(i) === digit ? node.seq : 0
}

/** Where a node goes on in one digit and the other side does not have the very same block. */
function waysOf(
  node: TrieNode | undefined,
  i: number,
  digit: number,
  otherBucket: Bucket,
  otherOwn: number,
): Side[] {
  const ways: Side[] = []
  if (node === undefined) return ways
  const isShared = (seq: number): boolean => seq === otherOwn || isIn(otherBucket, digit, seq)
  if (node.path.digit(i) === digit && !isShared(node.seq)) {
    ways.push({ seq: node.seq, node, from: undefined, slot: 0 })
  }
  const bucket = bucketOf(node, i)
  for (let slot = digit; bucket[slot]; slot += DIGITS) {
    const seq = bucket[slot] ?? 0
    if (!isShared(seq)) ways.push({ seq, node: undefined, from: node, slot })
  }
  return ways
}

function isIn(bucket: Bucket, digit: number, seq: number): boolean {
  for (let slot = digit; slot < bucket.length; slot += DIGITS) if (bucket[slot] === seq) return true
  return false
}

function haveOneName(left: Side, right: Side, i: number): boolean {
  if (left.node === undefined || right.node === undefined) return false
  return !left.node.path.collides(right.node.path, i)
}

/**
 * Two versions of one bee side by side, without looking into what they share.
 *
 * Owns: the walk. Each side is a list of what is still to come, in order: whole subtrees that were not opened,
 * and keys. `next` compares the two foremost: equal subtrees (same block, same position) fall away unopened,
 * otherwise the taller one is opened, until keys face keys. It is synchronous like a cursor, with the same
 * bounds on what an author can make it do. A key written again is a difference, even with an equal value.
 * Source: the hyperbee specification, section 6.4.
 */

import { BEE_DEPTH_MAX } from '../base/limits.ts'
import { compare } from '../bytes/bytes.ts'
import { corrupt, type Level } from './block.ts'
import type { Blocks } from './blocks.ts'
import { ABSENT, MISSING, search } from './find.ts'
import type { BeeRange } from './types.ts'

/** A subtree (`height` ≥ 1, named by block and position) or a key (`height` 0, named by its block). */
interface Item {
  readonly height: number
  readonly block: number
  readonly position: number
}

/** What is still to come on one side; the last item is the foremost. */
class Side {
  readonly #blocks: Blocks
  readonly #version: number
  /** Bounds below and above which subtrees are dropped unopened; both may still let one key through. */
  readonly #low: Uint8Array | undefined
  readonly #high: Uint8Array | undefined
  readonly items: Item[] = []
  #entered = 0
  #last: Uint8Array | undefined = undefined

  constructor(blocks: Blocks, version: number, range: BeeRange) {
    this.#blocks = blocks
    this.#version = version
    this.#low = range.gt ?? range.gte
    this.#high = range.lt ?? range.lte
  }

  /** Finds the height of the tree by its leftmost path; false if a block is missing. */
  begin(): boolean {
    if (this.#version <= 1) return true
    let seq = this.#version - 1
    let position = 0
    for (let height = 1; height <= BEE_DEPTH_MAX; height++) {
      const level = this.#blocks.level(seq, position)
      if (level === undefined) return false
      if (level.children.length === 0) {
        this.items.push({ height, block: this.#version - 1, position: 0 })
        return true
      }
      seq = level.children[0] ?? 0
      position = level.children[1] ?? 0
    }
    throw corrupt(seq, 'the tree is too deep')
  }

  get front(): Item | undefined {
    return this.items.at(-1)
  }

  /** Replaces the foremost subtree by what is in it and in bounds; false if a block is missing. */
  open(item: Item): boolean {
    const level = this.#blocks.level(item.block, item.position)
    if (level === undefined) return false
    const { keys } = level
    if (level.children.length > 0 && item.height === 1) {
      throw corrupt(item.block, 'its leaves are not on one depth')
    }
    const first = this.#low === undefined ? 0 : search(this.#blocks, keys, keys.length, this.#low)
    const end = 2 * level.keys.length
    const last =
      this.#high === undefined ? end : search(this.#blocks, keys, keys.length, this.#high)
    if (first === MISSING || last === MISSING) return false
    this.#entered++
    if (this.#entered > this.#version) throw corrupt(item.block, 'the tree goes round in circles')
    this.items.pop()
    for (let place = last; place >= first; place--) {
      if (place % 2 === 1) this.items.push(keyItem(level, place))
      else if (level.children.length > 0) this.items.push(childItem(level, place, item.height))
    }
    return true
  }

  /** The foremost item, a key, as bytes; `undefined` if its block is missing. */
  key(item: Item): Uint8Array | undefined {
    return this.#blocks.key(item.block)
  }

  /** Passes the foremost key. */
  pass(key: Uint8Array): void {
    const seq = this.items.pop()?.block ?? 0
    if (this.#last !== undefined && compare(key, this.#last) <= 0) {
      throw corrupt(seq, 'its key is out of order')
    }
    this.#last = key
  }
}

function keyItem(level: Level, place: number): Item {
  return { height: 0, block: level.keys[(place - 1) / 2] ?? 0, position: 0 }
}

function childItem(level: Level, place: number, height: number): Item {
  const block = level.children[place] ?? 0
  return { height: height - 1, block, position: level.children[place + 1] ?? 0 }
}

export class Difference {
  /** After `next` was true: blocks of the key on either side, or `ABSENT`. */
  left: number = ABSENT
  right: number = ABSENT
  readonly #left: Side
  readonly #right: Side
  readonly #range: BeeRange
  #begun = false

  constructor(blocks: Blocks, leftVersion: number, rightVersion: number, range: BeeRange) {
    this.#left = new Side(blocks, leftVersion, range)
    this.#right = new Side(blocks, rightVersion, range)
    this.#range = range
  }

  /** Goes to the next difference: 1 if there is one, `ABSENT` at the end, `MISSING`: fetch, and again. */
  next(): 1 | typeof ABSENT | typeof MISSING {
    if (!this.#begun) {
      this.#left.items.length = 0
      this.#right.items.length = 0
      if (!this.#left.begin() || !this.#right.begin()) return MISSING
      this.#begun = true
    }
    for (;;) {
      const left = this.#left.front
      const right = this.#right.front
      if (left === undefined && right === undefined) return ABSENT
      if (left !== undefined && right !== undefined && isSame(left, right)) {
        this.#left.items.pop()
        this.#right.items.pop()
        continue
      }
      const leftHeight = left?.height ?? 0
      const rightHeight = right?.height ?? 0
      if (leftHeight > 0 || rightHeight > 0) {
        if (!this.#openTaller(left, leftHeight, right, rightHeight)) return MISSING
        continue
      }
      const found = this.#compare(left, right)
      if (found !== 0) return found
    }
  }

  /** Blocks that the walk will want soon. */
  ahead(into: number[], countMax: number): void {
    for (const side of [this.#left, this.#right]) {
      for (let i = side.items.length - 1; i >= 0 && into.length < countMax; i--) {
        const item = side.items[i]
        if (item !== undefined) into.push(item.block)
      }
    }
  }

  #openTaller(
    left: Item | undefined,
    leftHeight: number,
    right: Item | undefined,
    rightHeight: number,
  ): boolean {
    if (left !== undefined && leftHeight >= rightHeight) return this.#left.open(left)
    return right === undefined || this.#right.open(right)
  }

  /** Keys face each other, or one key the end. 0: no difference here, go on. */
  #compare(left: Item | undefined, right: Item | undefined): 0 | 1 | typeof MISSING {
    const leftKey = left && this.#left.key(left)
    const rightKey = right && this.#right.key(right)
    if (left !== undefined && leftKey === undefined) return MISSING
    if (right !== undefined && rightKey === undefined) return MISSING
    const order = compareKeys(leftKey, rightKey)
    const key = order <= 0 ? leftKey : rightKey
    this.left = order <= 0 && left !== undefined ? left.block : ABSENT
    this.right = order >= 0 && right !== undefined ? right.block : ABSENT
    if (order <= 0 && leftKey !== undefined) this.#left.pass(leftKey)
    if (order >= 0 && rightKey !== undefined) this.#right.pass(rightKey)
    if (key !== undefined && isAbove(key, this.#range)) {
      this.#left.items.length = 0
      this.#right.items.length = 0
      return 0
    }
    return key !== undefined && !isBelow(key, this.#range) ? 1 : 0
  }
}

function isSame(a: Item, b: Item): boolean {
  return a.block === b.block && a.position === b.position && a.height > 0 === b.height > 0
}

/** Order in which two foremost keys come; the end comes last. */
function compareKeys(left: Uint8Array | undefined, right: Uint8Array | undefined): number {
  if (left === undefined) return 1
  return right === undefined ? -1 : compare(left, right)
}

function isBelow(key: Uint8Array, range: BeeRange): boolean {
  if (range.gt !== undefined) return compare(key, range.gt) <= 0
  return range.gte !== undefined && compare(key, range.gte) < 0
}

function isAbove(key: Uint8Array, range: BeeRange): boolean {
  if (range.lt !== undefined) return compare(key, range.lt) >= 0
  return range.lte !== undefined && compare(key, range.lte) > 0
}

/**
 * A walk over the keys of one version, in order, from bound to bound.
 *
 * Owns: the stack of tree nodes. `next` is synchronous and gives the block of the next key, `ABSENT` at the end,
 * or `MISSING`; after `MISSING` and a fetch the same call goes on where it stopped. These statements hold
 * whatever an author signs: keys come in strict order, the way down is at most `BEE_DEPTH_MAX` long, and no
 * more nodes are entered than the version has blocks, which no honest tree exceeds. Else `BAD_CONTENT`.
 *
 * A place in a node is one number: `2 * i` is child `i`, `2 * i + 1` is key `i`.
 */

import { BEE_DEPTH_MAX } from '../base/limits.ts'
import { compare } from '../bytes/bytes.ts'
import { corrupt, type Level } from './block.ts'
import type { Blocks } from './blocks.ts'
import { ABSENT, MISSING, search } from './find.ts'
import type { BeeRange } from './types.ts'

export class Cursor {
  readonly #blocks: Blocks
  readonly #version: number
  /** +1 forward, -1 backward. */
  readonly #step: 1 | -1
  /** Bound at which the walk begins, and whether a key that is equal belongs to it. */
  readonly #from: Uint8Array | undefined
  readonly #fromIncluded: boolean
  readonly #to: Uint8Array | undefined
  readonly #toIncluded: boolean
  readonly #levels: Level[] = []
  readonly #places: number[] = []
  /** Node to be entered next; block 0 is none. */
  #childBlock: number
  #childPosition = 0
  /** Still on the way down to the first key. */
  #seeking: boolean
  #entered = 0
  #last: Uint8Array | undefined = undefined

  constructor(blocks: Blocks, version: number, range: BeeRange) {
    const forward = range.reverse !== true
    const low = range.gt ?? range.gte
    const high = range.lt ?? range.lte
    this.#blocks = blocks
    this.#version = version
    this.#step = forward ? 1 : -1
    this.#from = forward ? low : high
    this.#to = forward ? high : low
    this.#fromIncluded = forward ? range.gt === undefined : range.lt === undefined
    this.#toIncluded = forward ? range.lt === undefined : range.gt === undefined
    this.#childBlock = version > 1 ? version - 1 : 0
    this.#seeking = this.#from !== undefined
  }

  next(): number {
    for (;;) {
      if (this.#childBlock !== 0 && !this.#enter()) return MISSING
      const top = this.#levels.length - 1
      const level = this.#levels[top]
      if (level === undefined) return ABSENT
      const place = this.#places[top] ?? 0
      if (place < 0 || place > 2 * level.keys.length) {
        this.#levels.pop()
        this.#places.pop()
      } else if (place % 2 === 1) {
        return this.#emit(level, top, place)
      } else {
        this.#places[top] = place + this.#step
        this.#childBlock = level.children[place] ?? 0
        this.#childPosition = level.children[place + 1] ?? 0
      }
    }
  }

  /** Blocks that the walk will want soon, nearest first: worth asking for together. */
  ahead(into: number[], countMax: number): void {
    for (let top = this.#levels.length - 1; top >= 0; top--) {
      const level = this.#levels[top]
      const end = level === undefined ? -1 : 2 * level.keys.length
      for (let at = this.#places[top] ?? 0; at >= 0 && at <= end; at += this.#step) {
        if (into.length >= countMax) return
        const block = at % 2 === 1 ? level?.keys[(at - 1) / 2] : level?.children[at]
        if (block !== undefined) into.push(block)
      }
    }
  }

  /** Puts the next node on the stack; false if a block is missing. */
  #enter(): boolean {
    const seq = this.#childBlock
    const level = this.#blocks.level(seq, this.#childPosition)
    if (level === undefined) return false
    const place = this.#seeking ? this.#begin(level) : this.#firstPlace(level)
    if (place === MISSING) return false
    if (this.#levels.length === BEE_DEPTH_MAX) throw corrupt(seq, 'the tree is too deep')
    this.#entered++
    if (this.#entered > this.#version) throw corrupt(seq, 'the tree goes round in circles')
    // Places below a key that was found, or below a leaf, are where the walk begins: nothing is sought there.
    if (place % 2 === 1 || level.children.length === 0) this.#seeking = false
    this.#levels.push(level)
    this.#places.push(place)
    this.#childBlock = 0
    return true
  }

  #firstPlace(level: Level): number {
    return this.#step === 1 ? 0 : 2 * level.keys.length
  }

  /** Place in `level` from which the bound is met or passed; or `MISSING`. */
  #begin(level: Level): number {
    if (this.#from === undefined) return this.#firstPlace(level)
    const place = search(this.#blocks, level.keys, level.keys.length, this.#from)
    if (place === MISSING || place % 2 === 0 || this.#fromIncluded) return place
    return place + this.#step
  }

  #emit(level: Level, top: number, place: number): number {
    const i = (place - 1) / 2
    const seq = level.keys[i] ?? ABSENT
    const key = this.#blocks.key(seq)
    if (key === undefined) return MISSING
    if (this.#last !== undefined && compare(key, this.#last) * this.#step <= 0) {
      throw corrupt(seq, 'its key is out of order')
    }
    this.#last = key
    if (this.#to !== undefined) {
      const order = compare(key, this.#to) * this.#step
      if (order > 0 || (order === 0 && !this.#toIncluded)) {
        this.#levels.length = 0
        return ABSENT
      }
    }
    this.#places[top] = place + this.#step
    return seq
  }
}

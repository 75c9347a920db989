/**
 * The index of one log: its pages as a tree, and every question about blocks and nodes that they answer.
 *
 * Owns: finding the page for a block or a node, and keeping what the pages above say about what is held equal to
 * what the pages below hold. Memory follows what is asked for: a page is read when something in it is. Dropping
 * whole ranges is `page-drop.ts`; what may be asked together and taken back is the slot's matter.
 *
 * A walk starts at the highest page. The page of level 0 that was used last is kept at hand, because neighbours are
 * asked for in turn.
 */

import type { Facts } from '../../base/errors.ts'
import { fillBits, popcount } from '../../bytes/words.ts'
import type { Page, PageOwner } from './page.ts'
import type { MissingPage, PageCache } from './page-cache.ts'
import { FANOUT, LEAF_BLOCKS } from './page-layout.ts'

/** Pages of level 0 below one page of level `n`. */
const LEAVES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((level) => FANOUT ** level)
export const LEVEL_ONE_BLOCKS: number = LEAF_BLOCKS * FANOUT

/** Pages of level 0 below one page of `level`. */
export function leavesBelow(level: number): number {
  return LEAVES[level] ?? 0
}

/** One per log. Questions read pages where they must; only methods with `make` or `set` change any. */
export class PageTree implements PageOwner {
  readonly log: number
  readonly signed: boolean
  readonly cache: PageCache
  root: Page | undefined
  /** Where it is stored; 0: nowhere. */
  rootRef = 0
  /** Its level. */
  height = 0
  readonly #owner: { describe(): Facts }
  #lastLeaf: Page | undefined
  /** Offset in the bytes of the page that `findNode` returned. */
  nodeAt = 0

  /** @param owner - names the log in errors */
  constructor(log: number, signed: boolean, cache: PageCache, owner: { describe(): Facts }) {
    this.log = log
    this.signed = signed
    this.cache = cache
    this.#owner = owner
  }

  describe(): Facts {
    return this.#owner.describe()
  }

  // ---- Finding pages ----

  /** The page of level 0 that serves block `index`. */
  leaf(index: number, make: boolean): Page | undefined {
    const number = Math.floor(index / LEAF_BLOCKS)
    const last = this.#lastLeaf
    if (last !== undefined && last.number === number) {
      last.used = true
      return last
    }
    const page = this.page(0, number, make)
    if (page !== undefined) this.#lastLeaf = page
    return page
  }

  page(level: number, number: number, make: boolean): Page | undefined {
    this.cache.trim()
    let page = this.#reach(level, number, make)
    while (page !== undefined && page.level > level) {
      const below = page.level - 1
      page = this.child(page, Math.floor(number / leavesBelow(below - level)) % FANOUT, make)
    }
    return page
  }

  /** The highest page, after making the tree high enough for page `number` of `level`. */
  #reach(level: number, number: number, make: boolean): Page | undefined {
    let root = this.topPage()
    if (root === undefined) {
      if (!make) return undefined
      this.height = level
      while (number >= leavesBelow(this.height - level)) this.height++
      return this.cache.make(this, this.height, 0, 0, undefined)
    }
    while (this.height < level || number >= leavesBelow(this.height - level)) {
      if (!make) return undefined
      root = this.#raise(root)
    }
    root.used = true
    return root
  }

  /** The highest page, from memory or from the disk. */
  topPage(): Page | undefined {
    if (this.root !== undefined) return this.root
    if (this.rootRef === 0) return undefined
    return this.cache.load(this, this.height, 0, this.rootRef, undefined)
  }

  /** Puts a page above the highest one. */
  #raise(old: Page): Page {
    const root = this.cache.make(this, old.level + 1, 0, 0, undefined)
    this.height = root.level
    this.rootRef = 0
    root.setEntry(0, old.ref)
    root.children[0] = old
    root.loaded = 1
    old.parent = root
    this.cache.markDirty(root)
    if (old.level === 0) {
      for (let i = 0; i < old.room; i++) if (old.entry(i) !== 0) this.#setBit(root, 0, i, true)
    } else {
      root.setHeldBelow(0, heldIn(old))
    }
    return root
  }

  child(page: Page, i: number, make: boolean): Page | undefined {
    const loaded = page.children[i]
    if (loaded !== undefined) {
      loaded.used = true
      return loaded
    }
    const number = page.number * FANOUT + i
    const ref = i < page.room ? page.entry(i) : 0
    if (ref !== 0) return this.cache.load(this, page.level - 1, number, ref, page)
    if (!make) return undefined
    this.grow(page, i, 0)
    return this.cache.make(this, page.level - 1, number, 0, page)
  }

  /** Where page `number` of `level` is stored, as far as the pages above know. */
  refOf(level: number, number: number): number {
    if (level > this.height || number >= leavesBelow(this.height - level)) return 0
    if (level === this.height) return this.root?.ref ?? this.rootRef
    const parent = this.page(level + 1, Math.floor(number / FANOUT), false)
    const i = number % FANOUT
    return parent === undefined || i >= parent.room ? 0 : parent.entry(i)
  }

  /** The first page on the way to block `index` that is stored and not in memory. */
  missingPage(index: number): MissingPage | undefined {
    const number = Math.floor(index / LEAF_BLOCKS)
    if (number >= leavesBelow(this.height)) return undefined
    const { root } = this
    if (root === undefined) {
      return this.rootRef === 0
        ? undefined
        : { level: this.height, number: 0, ref: this.rootRef, parent: undefined }
    }
    let page = root
    while (page.level > 0) {
      const i = Math.floor(number / leavesBelow(page.level - 1)) % FANOUT
      const child = page.children[i]
      if (child === undefined) {
        const ref = i < page.room ? page.entry(i) : 0
        if (ref === 0) return undefined
        return { level: page.level - 1, number: page.number * FANOUT + i, ref, parent: page }
      }
      page = child
    }
    return undefined
  }

  /** Makes room in a page that is about to change. */
  grow(page: Page, i: number, slot: number): void {
    const bytes = page.grow(i, slot)
    if (bytes > 0) this.cache.grew(page, bytes)
  }

  /** The cache tells that a page left memory. */
  left(page: Page): void {
    if (this.root === page) this.root = undefined
    if (this.#lastLeaf === page) this.#lastLeaf = undefined
  }

  /** After pages were taken out of the tree. */
  forgetLastLeaf(): void {
    this.#lastLeaf = undefined
  }

  // ---- Blocks ----

  /** Address of the block's bytes; 0 if it is not held. */
  position(index: number): number {
    const leaf = this.leaf(index, false)
    const i = index % LEAF_BLOCKS
    return leaf === undefined || i >= leaf.room ? 0 : leaf.entry(i)
  }

  /** Sets the position of a block; returns the old one. The leaf's node slot is the caller's matter. */
  setPosition(index: number, position: number): number {
    const leaf = this.leaf(index, true)
    if (leaf === undefined) return 0
    const i = index % LEAF_BLOCKS
    this.grow(leaf, i, 2 * i)
    const old = leaf.entry(i)
    leaf.setEntry(i, position)
    leaf.setVerified(i, false)
    this.cache.markDirty(leaf)
    if ((old === 0) !== (position === 0)) this.#setHeld(leaf, i, position !== 0)
    return old
  }

  has(index: number): boolean {
    // The page at hand knows as well as the one above.
    const isAtHand = this.#lastLeaf?.number === Math.floor(index / LEAF_BLOCKS)
    if (isAtHand || this.height === 0) return this.position(index) !== 0
    const page = this.page(1, Math.floor(index / LEVEL_ONE_BLOCKS), false)
    if (page === undefined) return false
    const bit = index % LEVEL_ONE_BLOCKS
    return (((page.bits[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1
  }

  // ---- What is held, in the pages above ----

  #setHeld(leaf: Page, i: number, held: boolean): void {
    const above = leaf.parent
    if (above === undefined) return
    this.#setBit(above, leaf.number % FANOUT, i, held)
    this.addHeld(above, held ? 1 : -1)
  }

  #setBit(page: Page, child: number, i: number, held: boolean): void {
    const at = child * 2 + (i >>> 5)
    const bit = 1 << (i & 31)
    const old = page.bits[at] ?? 0
    page.bits[at] = held ? old | bit : old & ~bit
  }

  /** Blocks `from .. to` of a page of level 0 are no longer held; `count` of them were. */
  clearHeld(leaf: Page, from: number, to: number, count: number): void {
    const above = leaf.parent
    if (above === undefined || count === 0) return
    const bit = (leaf.number % FANOUT) * LEAF_BLOCKS
    fillBits(above.bits, bit + from, bit + to, false)
    this.addHeld(above, -count)
  }

  /** Adds `change` to the counts of what is held below `page`, in all pages above it. */
  addHeld(page: Page, change: number): void {
    let below = page
    for (let at = page.parent; at !== undefined; at = at.parent) {
      const i = below.number % FANOUT
      at.setHeldBelow(i, at.heldBelow(i) + change)
      below = at
    }
  }

  // ---- Nodes ----

  /** The page of a node if the node is there; its bytes then begin at `nodeAt`. */
  findNode(index: number): Page | undefined {
    const page = this.#nodePage(index, false)
    if (page === undefined) return undefined
    const slot = this.nodeAt
    if (!page.hasSlot(slot)) return undefined
    this.nodeAt = page.nodeAt(slot)
    return page.hasNode(this.nodeAt) ? page : undefined
  }

  /** The page of a node, with room for it; its bytes begin at `nodeAt`. The caller marks it dirty. */
  makeNode(index: number): Page | undefined {
    const page = this.#nodePage(index, true)
    if (page === undefined) return undefined
    const slot = this.nodeAt
    this.grow(page, 0, slot)
    this.nodeAt = page.nodeAt(slot)
    return page
  }

  /** Leaves the slot in `nodeAt`. */
  #nodePage(index: number, make: boolean): Page | undefined {
    let level = 0
    let i = index
    while ((i & 127) === 127) {
      i = (i - 127) / 128
      level++
    }
    const page =
      level === 0
        ? this.leaf(Math.floor(i / 2), make)
        : this.page(level, Math.floor(i / FANOUT), make)
    this.nodeAt = i & 127
    return page
  }
}

/** Held blocks of a page above level 0. */
export function heldIn(page: Page): number {
  let held = 0
  if (page.level === 1) for (const word of page.bits) held += popcount(word)
  else for (let i = 0; i < page.room; i++) held += page.heldBelow(i)
  return held
}

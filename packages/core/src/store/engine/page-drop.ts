/**
 * Taking whole ranges out of a log's index, so that it can be undone until the commit.
 *
 * Owns: truncating, clearing and dropping a `PageTree`. Every page that changes is imaged before, from the highest
 * down; a subtree that goes as a whole is cut off at its parent and visited only to count what it frees. `undo` puts
 * the images back; `finish` lets the pages go that were cut off. Exactly one of them is called, later changes first.
 */

import { DatError } from '../../base/errors.ts'
import { copy } from '../../bytes/bytes.ts'
import { popcount } from '../../bytes/words.ts'
import { endBlock } from '../../tree/flat.ts'
import type { Page } from './page.ts'
import { FANOUT, LEAF_BLOCKS } from './page-layout.ts'
import { leavesBelow, type PageTree } from './page-tree.ts'

/** Who is told what is no longer needed. */
export interface DropSink {
  /** A block's bytes begin at `position`. */
  block(position: number, size: number): void
  /** A stored page of `bytes` bytes. */
  page(ref: number, bytes: number): void
}

interface Image {
  readonly page: Page
  readonly bytes: Uint8Array
  readonly roomClass: number
  readonly children: readonly (Page | undefined)[]
}

interface OldRoot {
  readonly root: Page | undefined
  readonly ref: number
  readonly height: number
}

export class PageDrop {
  /** What was dropped. */
  blocks = 0
  bytes = 0
  readonly #tree: PageTree
  readonly #sink: DropSink
  readonly #images: Image[] = []
  readonly #cutOff: Page[] = []
  #oldRoot: OldRoot | undefined

  constructor(tree: PageTree, sink: DropSink) {
    this.#tree = tree
    this.#sink = sink
  }

  /** Drops blocks at or above `length`, the nodes that cover any of them, and signatures of greater lengths. */
  truncate(length: number): void {
    if (length === 0) {
      this.all()
      return
    }
    const root = this.#tree.topPage()
    if (root !== undefined) this.#truncatePage(root, length)
  }

  /** Drops blocks `start .. end`; nodes stay. */
  clear(start: number, end: number): void {
    const root = this.#tree.topPage()
    if (root !== undefined && start < end) this.#clearPage(root, start, end)
  }

  /** Drops everything. */
  all(): void {
    const tree = this.#tree
    this.#oldRoot = { root: tree.root, ref: tree.rootRef, height: tree.height }
    const root = this.#peek(tree.root, tree.height, 0, tree.rootRef)
    if (root !== undefined) this.#freeSubtree(root)
    if (tree.root !== undefined) this.#cutOff.push(tree.root)
    tree.root = undefined
    tree.rootRef = 0
    tree.height = 0
    tree.forgetLastLeaf()
  }

  undo(): void {
    const tree = this.#tree
    for (let image = this.#images.pop(); image !== undefined; image = this.#images.pop()) {
      this.#putBack(image)
    }
    const old = this.#oldRoot
    if (old !== undefined) {
      if (tree.root !== undefined && tree.root !== old.root) tree.cache.forget(tree.root)
      tree.root = old.root?.evicted ? undefined : old.root
      tree.rootRef = old.ref
      tree.height = old.height
    }
    tree.forgetLastLeaf()
  }

  finish(): void {
    for (const page of this.#cutOff) this.#tree.cache.forget(page)
  }

  // ---- Truncating ----

  #truncatePage(page: Page, length: number): void {
    this.#image(page)
    if (page.level === 0) {
      const base = page.number * LEAF_BLOCKS
      const from = Math.max(0, length - base)
      this.#dropBlocks(page, from, page.room)
      for (let i = from; page.tree.signed && i < page.room; i++) page.setSignature(i, undefined)
    } else {
      const blocks = leavesBelow(page.level - 1) * LEAF_BLOCKS
      for (let i = 0; i < page.room; i++) {
        const base = (page.number * FANOUT + i) * blocks
        if (base >= length) this.#dropChild(page, i)
        else if (base + blocks > length) {
          const child = this.#tree.child(page, i, false)
          if (child !== undefined) this.#truncatePage(child, length)
        }
      }
    }
    for (let slot = 0; page.hasSlot(slot); slot++) {
      const node = nodeIndex(page.level, page.number * FANOUT + slot)
      if (endBlock(node) > length) page.clearNode(page.nodeAt(slot))
    }
  }

  // ---- Clearing ----

  #clearPage(page: Page, start: number, end: number): void {
    this.#image(page)
    if (page.level === 0) {
      const base = page.number * LEAF_BLOCKS
      this.#dropBlocks(page, Math.max(0, start - base), Math.min(page.room, end - base))
      return
    }
    const blocks = leavesBelow(page.level - 1) * LEAF_BLOCKS
    const base = page.number * FANOUT * blocks
    const last = Math.min(page.room, Math.ceil((end - base) / blocks))
    for (let i = Math.max(0, Math.floor((start - base) / blocks)); i < last; i++) {
      if (heldBelow(page, i) === 0) continue
      const child = this.#tree.child(page, i, false)
      if (child !== undefined) this.#clearPage(child, start, end)
    }
  }

  /** Drops blocks `from .. to` of a page of level 0. */
  #dropBlocks(page: Page, from: number, to: number): void {
    const seen = this.blocks
    for (let i = from; i < to; i++) {
      const position = page.entry(i)
      if (position === 0) continue
      this.#dropped(position, page.nodeSize(page.nodeAt(2 * i)))
      page.setEntry(i, 0)
      page.setVerified(i, false)
    }
    this.#tree.clearHeld(page, from, to, this.blocks - seen)
  }

  #dropped(position: number, size: number): void {
    this.blocks++
    this.bytes += size
    this.#sink.block(position, size)
  }

  // ---- Cutting off subtrees ----

  #dropChild(page: Page, i: number): void {
    const child = page.children[i]
    if (child === undefined && page.entry(i) === 0) return
    const held = heldBelow(page, i)
    const seen = this.blocks
    const top = this.#peek(child, page.level - 1, page.number * FANOUT + i, page.entry(i))
    if (top !== undefined) this.#freeSubtree(top)
    // Where a page below is damaged, its blocks are counted all the same.
    this.blocks = seen + held
    page.setEntry(i, 0)
    if (page.level === 1) page.bits.fill(0, 2 * i, 2 * i + 2)
    else page.setHeldBelow(i, 0)
    this.#tree.addHeld(page, -held)
    if (child === undefined) return
    page.children[i] = undefined
    page.loaded--
    this.#cutOff.push(child)
    this.#tree.forgetLastLeaf()
  }

  #freeSubtree(page: Page): void {
    if (page.ref !== 0) this.#sink.page(page.ref, page.storedBytes)
    for (let i = 0; i < page.room; i++) {
      const entry = page.entry(i)
      if (page.level === 0) {
        if (entry !== 0) this.#dropped(entry, page.nodeSize(page.nodeAt(2 * i)))
        continue
      }
      const child = this.#peek(page.children[i], page.level - 1, page.number * FANOUT + i, entry)
      if (child !== undefined) this.#freeSubtree(child)
    }
  }

  /** A page of a subtree that goes: from memory, or read and not kept. Damage there harms nobody any more. */
  #peek(loaded: Page | undefined, level: number, number: number, ref: number): Page | undefined {
    if (loaded !== undefined || ref === 0) return loaded
    try {
      return this.#tree.cache.read(this.#tree, level, number, ref, undefined)
    } catch (error) {
      if (error instanceof DatError && error.code === 'CORRUPT_STORE') return undefined
      throw error
    }
  }

  // ---- Undoing ----

  #image(page: Page): void {
    // Dirty pages stay in memory: this one is in our hands while others are looked for.
    this.#tree.cache.markDirty(page)
    this.#images.push({
      page,
      bytes: copy(page.bytes),
      roomClass: page.roomClass,
      children: [...page.children],
    })
  }

  #putBack({ page, bytes, roomClass, children }: Image): void {
    const { cache } = this.#tree
    cache.grew(page, bytes.length - page.bytes.length)
    page.restore(bytes, roomClass)
    // Pages made since then have nothing in them any more.
    for (const child of page.children) {
      if (child !== undefined && !children.includes(child)) cache.forget(child)
    }
    page.children = children.map((child) => (child?.evicted ? undefined : child))
    page.loaded = page.children.filter((child) => child !== undefined).length
  }
}

function heldBelow(page: Page, i: number): number {
  if (page.level > 1) return page.heldBelow(i)
  return popcount(page.bits[2 * i] ?? 0) + popcount(page.bits[2 * i + 1] ?? 0)
}

/** In-order index of the node that stands at `i` among those of a level. */
function nodeIndex(level: number, i: number): number {
  let index = i
  for (let l = 0; l < level; l++) index = index * 128 + 127
  return index
}

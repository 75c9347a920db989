/**
 * The index pages in memory, of all logs of a store together.
 *
 * Owns: loading, the byte budget and who leaves. A page stays while it is dirty or while a page below it is in
 * memory; of the others those leave first that were not used since the last look (a clock, so that a use costs one
 * assignment). Pages leave only in `trim`, which is called before a walk and never in the middle of one.
 */

import { DatError } from '../../base/errors.ts'
import type { Crc32 } from '../crc32.ts'
import type { ColdGuard } from './cold-guard.ts'
import { Page, type PageOwner } from './page.ts'
import { FANOUT, pageBytes } from './page-layout.ts'
import type { SegmentLog } from './segments.ts'

/** A ref keeps the class of the page's room in its low bits. */
const CLASSES = 4

/** A ref to a page that is stored at `address`. */
export function makeRef(address: number, roomClass: number): number {
  return address * CLASSES + roomClass
}

/** Where the page is stored. */
export function refAddress(ref: number): number {
  return Math.floor(ref / CLASSES)
}

/** The class of its room. */
export function refClass(ref: number): number {
  return ref % CLASSES
}

/** All pages that are in memory, and the way to those that are not. */
export class PageCache {
  readonly pages: SegmentLog
  readonly crc32: Crc32
  readonly guard: ColdGuard
  readonly #bytesMax: number
  #bytes = 0
  #dirtyBytes = 0
  #trimAt: number
  readonly #all = new Set<Page>()

  constructor(pages: SegmentLog, crc32: Crc32, guard: ColdGuard, bytesMax: number) {
    this.pages = pages
    this.crc32 = crc32
    this.guard = guard
    this.#bytesMax = bytesMax
    this.#trimAt = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  /** Reads a page and puts it in its place. Throws like `read`. */
  load(
    tree: PageOwner,
    level: number,
    number: number,
    ref: number,
    parent: Page | undefined,
  ): Page {
    const page = this.read(tree, level, number, ref, parent)
    page.evicted = false
    this.#attach(page)
    return page
  }

  /** Reads a page without keeping it. Throws `CORRUPT_STORE` if it is not what its place says. */
  read(
    tree: PageOwner,
    level: number,
    number: number,
    ref: number,
    parent: Page | undefined,
  ): Page {
    const roomClass = refClass(ref)
    const bytes = new Uint8Array(pageBytes(level, roomClass, tree.signed))
    const began = this.guard.now()
    const read = this.pages.read(bytes, 0, bytes.length, refAddress(ref))
    this.guard.ended(began)
    const page = new Page(tree, level, number, roomClass, bytes, parent)
    if (read < bytes.length || !page.isSealed(tree.log, this.crc32)) {
      throw new DatError('CORRUPT_STORE', 'A page of the index is damaged.', {
        ...tree.describe(),
        level,
        page: number,
        file: this.pages.at(refAddress(ref))?.name ?? '',
      })
    }
    page.ref = ref
    page.storedBytes = bytes.length
    page.evicted = true
    return page
  }

  /** Makes an empty page in its place. */
  make(
    tree: PageOwner,
    level: number,
    number: number,
    roomClass: number,
    parent: Page | undefined,
  ): Page {
    const bytes = new Uint8Array(pageBytes(level, roomClass, tree.signed))
    const page = new Page(tree, level, number, roomClass, bytes, parent)
    this.#attach(page)
    this.markDirty(page)
    return page
  }

  #attach(page: Page): void {
    this.#all.add(page)
    this.#bytes += page.bytes.length
    const { parent } = page
    if (parent === undefined) page.tree.root = page
    else {
      parent.children[page.number % FANOUT] = page
      parent.loaded++
    }
  }

  /** Marks the page and all above it as different from what is stored. */
  markDirty(page: Page): void {
    for (let at: Page | undefined = page; at !== undefined && !at.dirty; at = at.parent) {
      at.dirty = true
      this.#dirtyBytes += at.bytes.length
    }
  }

  markClean(page: Page): void {
    if (!page.dirty) return
    page.dirty = false
    this.#dirtyBytes -= page.bytes.length
  }

  /** Call when a page's `bytes` were replaced by ones that are longer by `bytes`. */
  grew(page: Page, bytes: number): void {
    this.#bytes += bytes
    if (page.dirty) this.#dirtyBytes += bytes
  }

  /** Drops a page that no longer belongs to its log, and what is loaded below it. */
  forget(page: Page): void {
    for (const child of page.children) if (child !== undefined) this.forget(child)
    if (page.evicted) return
    this.markClean(page)
    this.#leave(page)
  }

  /** Makes room if there is too much in memory. */
  trim(): void {
    if (this.#bytes <= this.#trimAt) return
    const goal = this.#bytesMax - this.#bytesMax / 8
    let looks = 2 * this.#all.size
    for (const page of this.#all) {
      if (this.#bytes <= goal || looks-- === 0) break
      if (page.dirty || page.loaded > 0 || page.used) {
        page.used = false
        // To the end of the line; the loop meets it again.
        this.#all.delete(page)
        this.#all.add(page)
      } else {
        this.#leave(page)
      }
    }
    // When most of it is pinned, looking again at once would find nothing.
    this.#trimAt = Math.max(this.#bytesMax, this.#bytes + this.#bytesMax / 16)
  }

  #leave(page: Page): void {
    this.#all.delete(page)
    this.#bytes -= page.bytes.length
    page.evicted = true
    page.tree.left(page)
    const { parent } = page
    const at = page.number % FANOUT
    if (parent?.children[at] !== page) return
    parent.children[at] = undefined
    parent.loaded--
  }
}

/**
 * The index pages in memory, of all logs of a store together.
 *
 * Owns: loading, the byte budget and who leaves. A page stays while it is dirty or while a page below it is in
 * memory; of the others those leave first that were not used since the last look (a clock, so that a use costs one
 * assignment). Pages leave only in `trim`, which is called before a walk and never in the middle of one.
 */

import { DatError } from '../../base/errors.ts'
import type { Crc32 } from '../crc32.ts'
import { type ColdGuard, DISK_READ_MS } from './cold-guard.ts'
import { Page, type PageOwner } from './page.ts'
import { FANOUT, pageBytes, refAddress, refClass } from './page-layout.ts'
import { PageMemory } from './page-memory.ts'
import { type PageRun, runAround, storedBytes } from './page-run.ts'
import type { SegmentLog } from './segments.ts'

/** A page that is not in memory, and where it belongs. */
export interface MissingPage {
  readonly level: number
  readonly number: number
  readonly ref: number
  readonly parent: Page | undefined
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
  readonly #memory = new PageMemory()
  /** Did the last page come from the disk? Then it is read with those beside it. */
  #fromDisk = false

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
    const isRun = level === 0 && parent !== undefined && (this.#fromDisk || this.guard.isCold)
    const found = isRun ? this.#loadRun(parent, number % FANOUT) : undefined
    if (found !== undefined) return found
    const page = this.read(tree, level, number, ref, parent)
    page.evicted = false
    this.#attach(page)
    return page
  }

  /** Reads child `i` and those beside it, and puts them in their places. Undefined if that one can't be had so. */
  #loadRun(above: Page, i: number): Page | undefined {
    const run = runAround(above, i)
    if (run.count === 1) return undefined
    const bytes = new Uint8Array(run.bytes)
    const began = this.guard.now()
    const read = this.pages.read(bytes, 0, run.bytes, run.from)
    this.#fromDisk = this.guard.ended(began) > DISK_READ_MS
    this.#place(above, run, bytes, read)
    const page = above.children[i]
    if (page !== undefined) page.used = true
    return page
  }

  /** Puts the pages of a run that are still missing, and whole, in their places. Those that nobody asked for leave first. */
  #place(above: Page, run: PageRun, bytes: Uint8Array, read: number): void {
    const { tree } = above
    let at = 0
    for (let i = run.first; i < run.first + run.count; i++) {
      const ref = above.entry(i)
      const length = storedBytes(above, i)
      // While the bytes were read in the thread pool a checkpoint may have written it elsewhere.
      if (length === 0 || refAddress(ref) !== run.from + at || at + length > read) return
      if (above.children[i] === undefined) {
        const own = this.#memory.take(length)
        own.set(bytes.subarray(at, at + length))
        const page = new Page(tree, 0, above.number * FANOUT + i, refClass(ref), own, above)
        if (page.isSealed(tree.log, this.crc32)) {
          page.ref = ref
          page.storedBytes = length
          page.used = false
          this.#attach(page)
        }
      }
      at += length
    }
  }

  /**
   * Reads a page in the thread pool, with those beside it.
   *
   * @param missing what is missing now, on the way to what was asked for: somebody else may have been faster
   */
  async warm(tree: PageOwner, missing: () => MissingPage | undefined): Promise<void> {
    const page = missing()
    if (page === undefined) return
    const { level, number, ref, parent } = page
    const run =
      level === 0 && parent !== undefined
        ? runAround(parent, number % FANOUT)
        : {
            first: 0,
            count: 0,
            from: refAddress(ref),
            bytes: pageBytes(level, refClass(ref), tree.signed),
          }
    const bytes = new Uint8Array(run.bytes)
    const began = this.guard.now()
    const read = await this.pages.readLater(bytes, run.bytes, run.from)
    this.guard.endedLater(began)
    const still = missing()
    if (still === undefined || still.ref !== ref) return
    if (still.parent !== undefined && run.count > 0) this.#place(still.parent, run, bytes, read)
    // The highest pages, and one that is damaged: the system has it in memory now, and its error is told by `read`.
    if (missing()?.ref === ref) this.load(tree, level, number, ref, still.parent)
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
    const bytes = this.#memory.take(pageBytes(level, roomClass, tree.signed))
    const began = this.guard.now()
    const read = this.pages.read(bytes, 0, bytes.length, refAddress(ref))
    this.#fromDisk = this.guard.ended(began) > DISK_READ_MS
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
    this.#memory.trimming()
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
        this.#memory.leave(page.bytes)
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

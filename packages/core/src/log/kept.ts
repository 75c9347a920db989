/**
 * What open views keep of a history that leaves.
 *
 * Owns: for each view, up to which block its history is still the log's, and copies of blocks that were held here
 * when they were dropped or replaced. Copies are in memory, and at most `VIEW_BYTES_MAX` for each view:
 * what does not fit is gone for it. A log without views pays one look at an empty set.
 */

import { isCode } from '../base/errors.ts'
import { VIEW_BYTES_MAX } from '../base/limits.ts'
import type { Head, Slot } from '../store/store.ts'

/** What one view keeps. */
export class Kept {
  readonly fork: number
  readonly #blocks = new Map<number, Uint8Array>()
  #bytes = 0
  /** Blocks below are the log's own still. Falls only. */
  intactLength: number

  constructor(fork: number, length: number) {
    this.fork = fork
    this.intactLength = length
  }

  /** Stored bytes of a block that left. Not a copy. */
  get(index: number): Uint8Array | undefined {
    return this.#blocks.get(index)
  }

  /** Copies what is held of `start .. end`, as far as there is room. */
  take(slot: Slot, start: number, end: number): void {
    for (let i = slot.nextHeld(start, end); i < end; i = slot.nextHeld(i + 1, end)) {
      // Kept when it was dropped before, and fetched again since.
      if (this.#blocks.has(i)) continue
      const size = slot.findNode(2 * i) ? slot.nodeSize : VIEW_BYTES_MAX
      if (this.#bytes + size > VIEW_BYTES_MAX) return
      const block = readWhole(slot, i)
      if (block === undefined) continue
      this.#bytes += size
      this.#blocks.set(i, block)
    }
  }

  forget(): void {
    this.#blocks.clear()
    this.#bytes = 0
  }
}

/** The views of one log that are open. */
export class Views {
  /** Made with the first view: few of many logs have one. */
  #open: Set<Kept> | undefined

  add(kept: Kept): void {
    this.#open ??= new Set()
    this.#open.add(kept)
  }

  remove(kept: Kept): void {
    this.#open?.delete(kept)
    kept.forget()
  }

  /** To be called before blocks `start .. end` are dropped here; their history goes on. */
  dropping(slot: Slot, start: number, end: number): void {
    for (const kept of this.#open ?? []) kept.take(slot, start, Math.min(end, kept.intactLength))
  }

  /** To be called before everything from `length` on is replaced. */
  replacing(slot: Slot, length: number): void {
    for (const kept of this.#open ?? []) {
      kept.take(slot, length, kept.intactLength)
      kept.intactLength = Math.min(kept.intactLength, length)
    }
  }

  /** What was staged was taken back, and `head` is the head again. */
  lost(head: Head): void {
    for (const kept of this.#open ?? []) {
      // Where such a history began is not known any more.
      const shared = kept.fork > head.fork ? 0 : head.length
      kept.intactLength = Math.min(kept.intactLength, shared)
    }
  }

  /** The way back to how views are now, for changes that are taken back before anybody saw them. */
  mark(): () => void {
    const before = [...(this.#open ?? [])].map((kept) => [kept, kept.intactLength] as const)
    return () => {
      for (const [kept, intactLength] of before) kept.intactLength = intactLength
    }
  }
}

/** A damaged block is nothing that a view could keep, and no reason not to drop it. */
function readWhole(slot: Slot, index: number): Uint8Array | undefined {
  try {
    return slot.read(index)
  } catch (error) {
    if (isCode(error, 'CORRUPT_STORE')) return undefined
    throw error
  }
}

/**
 * How to take back what was staged since the last commit.
 *
 * Owns: the journal. Putting a block, a new node or a head is the common case and costs four numbers; everything else is
 * a function. `rewind` runs the journal backwards, `clear` forgets it when the commit stands.
 */

import { invariant } from '../../base/errors.ts'
import { EMPTY_HEAD } from '../checks.ts'
import type { Head } from '../store.ts'

/** Whoever notes blocks and nodes here. */
export interface UndoTarget {
  /** Puts the block back to `position` (0: it was not held); it has `size` bytes. */
  undoBlock(index: number, position: number, size: number): void
  /** Removes a node that was not there before. */
  undoNode(index: number): void
  /** Puts back an older head, which stands before `address`. */
  setHead(head: Head, address: number): void
}

const BLOCK = 0
const NODE = 1
const HEAD = 2
const OTHER = 3

/** Numbers per entry: kind and target, index, position, size; of a head its address is the position. */
const ROW = 4
const KINDS = 4
/** Room for so many entries at first; what a commit of 10,000 appended blocks takes is kept from commit to commit. */
const FIRST_ENTRIES = 64
const KEPT_ENTRIES = 32_768
/** The same for what is no number. */
const KEPT_OBJECTS = 1_024

export class Undo {
  // The lists are longer than what counts: one that is emptied loses its memory, and each commit would ask for it anew.
  #length = 0
  #rows = new Float64Array(ROW * FIRST_ENTRIES)
  /** Whom the entries are about, once for those that follow each other. */
  readonly #targets: UndoTarget[] = []
  #targetsLength = 0
  #target: UndoTarget | undefined
  readonly #others: (() => void)[] = []
  #othersLength = 0
  readonly #heads: Head[] = []
  #headsLength = 0

  get length(): number {
    return this.#length
  }

  block(target: UndoTarget, index: number, position: number, size: number): void {
    this.#add(BLOCK, target, index, position, size)
  }

  node(target: UndoTarget, index: number): void {
    this.#add(NODE, target, index, 0, 0)
  }

  head(target: UndoTarget, head: Head, address: number): void {
    this.#add(HEAD, target, 0, address, 0)
    this.#heads[this.#headsLength++] = head
  }

  other(undo: () => void): void {
    this.#add(OTHER, NOBODY, 0, 0, 0)
    this.#others[this.#othersLength++] = undo
  }

  #add(kind: number, target: UndoTarget, index: number, position: number, size: number): void {
    if (target !== this.#target) {
      this.#target = target
      this.#targets[this.#targetsLength++] = target
    }
    const at = this.#length++ * ROW
    if (at === this.#rows.length) this.#grow()
    const rows = this.#rows
    rows[at] = kind + KINDS * (this.#targetsLength - 1)
    rows[at + 1] = index
    rows[at + 2] = position
    rows[at + 3] = size
  }

  #grow(): void {
    const rows = new Float64Array(2 * this.#rows.length)
    rows.set(this.#rows)
    this.#rows = rows
  }

  rewind(length: number): void {
    while (this.#length > length) {
      const at = --this.#length * ROW
      const kind = (this.#rows[at] ?? 0) % KINDS
      const target = this.#targetAt(at)
      const index = this.#rows[at + 1] ?? 0
      const position = this.#rows[at + 2] ?? 0
      const size = this.#rows[at + 3] ?? 0
      if (kind === BLOCK) target.undoBlock(index, position, size)
      else if (kind === NODE) target.undoNode(index)
      else if (kind === HEAD) {
        target.setHead(this.#heads[--this.#headsLength] ?? EMPTY_HEAD, position)
      } else this.#others[--this.#othersLength]?.()
    }
    if (length === 0) this.clear()
  }

  #targetAt(at: number): UndoTarget {
    return this.#targets[Math.floor((this.#rows[at] ?? 0) / KINDS)] ?? NOBODY
  }

  /** Forgets all entries. What a small commit noted is held until the next one writes over it. */
  clear(): void {
    this.#length = 0
    this.#target = undefined
    this.#targetsLength = 0
    this.#othersLength = 0
    this.#headsLength = 0
    if (this.#rows.length > ROW * KEPT_ENTRIES) this.#rows = new Float64Array(ROW * FIRST_ENTRIES)
    const { length } = this.#targets
    if (Math.max(length, this.#others.length, this.#heads.length) <= KEPT_OBJECTS) return
    this.#targets.length = 0
    this.#others.length = 0
    this.#heads.length = 0
  }
}

const NOBODY: UndoTarget = {
  undoBlock: () => invariant(false, 'The undo journal is out of step.'),
  undoNode: () => invariant(false, 'The undo journal is out of step.'),
  setHead: () => invariant(false, 'The undo journal is out of step.'),
}

/**
 * How to take back what was staged since the last commit.
 *
 * Owns: the journal. Putting a block or a new node is the common case and costs four numbers; everything else is
 * a function. `rewind` runs the journal backwards, `clear` forgets it when the commit stands.
 */

import { invariant } from '../../base/errors.ts'

/** Whoever notes blocks and nodes here. */
export interface UndoTarget {
  /** Puts the block back to `position` (0: it was not held); it has `size` bytes. */
  undoBlock(index: number, position: number, size: number): void
  /** Removes a node that was not there before. */
  undoNode(index: number): void
}

const BLOCK = 0
const NODE = 1
const OTHER = 2

/** Numbers per entry: kind, index, position, size. */
const ROW = 4

export class Undo {
  readonly #rows: number[] = []
  readonly #targets: UndoTarget[] = []
  readonly #others: (() => void)[] = []

  get length(): number {
    return this.#targets.length
  }

  block(target: UndoTarget, index: number, position: number, size: number): void {
    this.#targets.push(target)
    this.#rows.push(BLOCK, index, position, size)
  }

  node(target: UndoTarget, index: number): void {
    this.#targets.push(target)
    this.#rows.push(NODE, index, 0, 0)
  }

  other(undo: () => void): void {
    this.#targets.push(NOBODY)
    this.#rows.push(OTHER, 0, 0, 0)
    this.#others.push(undo)
  }

  rewind(length: number): void {
    while (this.#targets.length > length) {
      const target = this.#targets.pop() ?? NOBODY
      const at = this.#rows.length - ROW
      const kind = this.#rows[at]
      const index = this.#rows[at + 1] ?? 0
      const position = this.#rows[at + 2] ?? 0
      const size = this.#rows[at + 3] ?? 0
      this.#rows.length = at
      if (kind === BLOCK) target.undoBlock(index, position, size)
      else if (kind === NODE) target.undoNode(index)
      else this.#others.pop()?.()
    }
  }

  clear(): void {
    this.#rows.length = 0
    this.#targets.length = 0
    this.#others.length = 0
  }
}

const NOBODY: UndoTarget = {
  undoBlock: () => invariant(false, 'The undo journal is out of step.'),
  undoNode: () => invariant(false, 'The undo journal is out of step.'),
}

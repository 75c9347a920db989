/**
 * What the changes since the last commit no longer need, noted until the commit stands.
 *
 * Owns: the list. Until then nothing may be given back, because the commit can fail or be taken back; `apply` moves
 * it into the counters of the segments. Neighbours in one segment are joined, so that dropping a log of a million
 * blocks notes a few rows. Rows from before a `mark` are not joined with later ones.
 */

import { PUNCH_BYTES_MIN } from '../../base/limits.ts'
import type { DropSink, PageDrop } from './page-drop.ts'
import { refAddress } from './page-layout.ts'
import type { SegmentLog } from './segments.ts'

export class Frees implements DropSink {
  readonly #data: SegmentLog
  readonly #pages: SegmentLog
  // Rows of three: an address in the segment, bytes, items.
  readonly #dataRows: number[] = []
  readonly #pageRows: number[] = []
  /** Rows of two: address and size of blocks that are worth a hole. */
  readonly #holes: number[] = []
  readonly #drops: PageDrop[] = []
  /** Bytes that commits have dropped since this was last set to 0. */
  droppedBytes = 0
  #barrier = 0

  constructor(data: SegmentLog, pages: SegmentLog) {
    this.#data = data
    this.#pages = pages
  }

  block(position: number, size: number): void {
    const rows = this.#dataRows
    const last = rows.length - 3
    // The byte before it, because a block of no bytes may stand at the very end of a segment.
    const segment = this.#data.at(position - 1)
    if (last >= this.#barrier && segment !== undefined) {
      const address = rows[last] ?? 0
      if (address >= segment.start && address < segment.end) {
        rows[last + 1] = (rows[last + 1] ?? 0) + size
        rows[last + 2] = (rows[last + 2] ?? 0) + 1
        if (size >= PUNCH_BYTES_MIN) this.#holes.push(position, size)
        return
      }
    }
    rows.push(position - 1, size, 1)
    if (size >= PUNCH_BYTES_MIN) this.#holes.push(position, size)
  }

  page(ref: number, bytes: number): void {
    this.#pageRows.push(refAddress(ref), bytes, 1)
  }

  dropped(drop: PageDrop): void {
    this.#drops.push(drop)
  }

  /** Writes the lengths of the lists to `out` from `at` on, for `rewind`. */
  mark(out: number[], at: number): number[] {
    this.#barrier = this.#dataRows.length
    out[at] = this.#dataRows.length
    out[at + 1] = this.#pageRows.length
    out[at + 2] = this.#holes.length
    out[at + 3] = this.#drops.length
    return out
  }

  rewind(data: number, pages: number, holes: number, drops: number): void {
    cut(this.#dataRows, data)
    cut(this.#pageRows, pages)
    cut(this.#holes, holes)
    cut(this.#drops, drops)
    this.#barrier = data
  }

  /** The commit stands. Adds the blocks that are worth a hole to `holes`. */
  apply(holes: number[]): void {
    this.droppedBytes += applyRows(this.#dataRows, this.#data)
    this.droppedBytes += applyRows(this.#pageRows, this.#pages)
    for (const number of this.#holes) holes.push(number)
    for (const drop of this.#drops) drop.finish()
    this.rewind(0, 0, 0, 0)
  }
}

/** Setting a length costs a call into the engine, also where it is the same: most commits free nothing. */
function cut(list: unknown[], length: number): void {
  if (list.length !== length) list.length = length
}

/** Returns the bytes that are no longer live. */
function applyRows(rows: readonly number[], log: SegmentLog): number {
  let dropped = 0
  for (let i = 0; i < rows.length; i += 3) {
    const bytes = rows[i + 1] ?? 0
    log.addLive(rows[i] ?? 0, -bytes, -(rows[i + 2] ?? 0))
    dropped += bytes
  }
  return dropped
}

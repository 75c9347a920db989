/**
 * Giving space back: holes where large blocks were cleared, and deletion of segments in which nothing lives.
 *
 * Owns: when that is safe. What a checkpoint no longer needs goes when the next one is on the disk too, so that the
 * index can lose its last frame without loss. Nothing behind the last checkpoint is touched: a recovery reads it.
 * Segments in which little lives are emptied by `rewrite.ts` first.
 */

import type { Checkpointer } from './checkpoint.ts'
import { type FileKind, KIND_DATA, KIND_PAGES } from './format.ts'
import type { Segment, SegmentLog } from './segments.ts'

interface Holes {
  /** Number of the first checkpoint that knows these blocks as dropped. */
  readonly known: number
  /** Rows of two: address, size. */
  readonly rows: readonly number[]
}

/** Blocks that wait for their hole, at most; the space of others comes back when their segment is rewritten. */
const HOLES_MAX = 100_000

export class Reclaimer {
  readonly #data: SegmentLog
  readonly #pages: SegmentLog
  readonly #checkpointer: Checkpointer
  #holes: Holes[] = []
  #holeCount = 0
  #canPunch = true

  constructor(data: SegmentLog, pages: SegmentLog, checkpointer: Checkpointer) {
    this.#data = data
    this.#pages = pages
    this.#checkpointer = checkpointer
  }

  /** Blocks of the last commit that are worth a hole. */
  add(rows: readonly number[]): void {
    if (!this.#canPunch || this.#holeCount > HOLES_MAX) return
    this.#holes.push({ known: this.#checkpointer.next, rows })
    this.#holeCount += rows.length / 2
  }

  /** Would another checkpoint let something go? */
  get isWaiting(): boolean {
    return (
      this.#holes.length > 0 ||
      [this.#data, this.#pages].some((log) => log.segments.some((s) => s.emptySince > 0))
    )
  }

  /** After a checkpoint: lets go what that made superfluous. */
  release(): void {
    const { durable } = this.#checkpointer
    const due = this.#holes.filter(({ known }) => known < durable)
    this.#holes = this.#holes.filter(({ known }) => known >= durable)
    for (const { rows } of due) {
      this.#holeCount -= rows.length / 2
      this.#punch(rows)
    }
    this.#dropEmpty(this.#data, KIND_DATA, durable)
    this.#dropEmpty(this.#pages, KIND_PAGES, durable)
  }

  #punch(rows: readonly number[]): void {
    for (let i = 0; i < rows.length && this.#canPunch; i += 2) {
      this.#canPunch = this.#data.punch(rows[i] ?? 0, rows[i + 1] ?? 0)
    }
  }

  #dropEmpty(log: SegmentLog, kind: FileKind, durable: number): void {
    const isDue = ({ emptySince }: Segment): boolean => emptySince > 0 && emptySince < durable
    for (const segment of log.segments.filter(isDue)) {
      log.drop(segment)
      this.#checkpointer.dropped(kind, segment.start)
    }
  }
}

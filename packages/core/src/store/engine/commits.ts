/**
 * From staged to written: marks, rewinding, and the one place where the data log grows.
 *
 * Owns: the order of a commit. The stations:
 *
 * 1. Records are sealed, each with the checksum of the one before, and written: one call each, mostly one in all.
 * 2. If that fails, the file is cut back and everything staged is taken back, in memory too.
 * 3. If it stands, the counters of the segments learn what became live and what is no longer needed.
 */

import { DatError, invariant } from '../../base/errors.ts'
import type { Crc32 } from '../crc32.ts'
import type { Frees } from './frees.ts'
import { sealRecord } from './record.ts'
import type { SegmentLog } from './segments.ts'
import type { Staging } from './staging.ts'
import type { Syncer } from './syncer.ts'
import type { Undo } from './undo.ts'

/** The parts of the store that a commit touches. */
export interface CommitParts {
  readonly data: SegmentLog
  readonly staging: Staging
  readonly undo: Undo
  readonly frees: Frees
  readonly syncer: Syncer
  readonly crc32: Crc32
  /** Blocks of a commit that stands and that are worth a hole: rows of address and size. */
  readonly holes: (rows: readonly number[]) => void
}

/** Numbers that staging, frees and the undo journal note for one mark: 6, 4 and 1. */
const MARK_NUMBERS = 11

export class Commits {
  /** Checksum of the last record. */
  lastCrc: number
  readonly #parts: CommitParts
  readonly #marks: number[] = []
  #markCount = 0

  constructor(parts: CommitParts, lastCrc: number) {
    this.#parts = parts
    this.lastCrc = lastCrc
    parts.staging.begin(parts.data.end)
  }

  /** Is nothing staged? */
  get isEmpty(): boolean {
    return this.#parts.staging.isEmpty && this.#parts.undo.length === 0
  }

  mark(): number {
    const { staging, frees, undo } = this.#parts
    const at = this.#markCount * MARK_NUMBERS
    staging.mark(this.#marks, at)
    frees.mark(this.#marks, at + 6)
    this.#marks[at + 10] = undo.length
    return this.#markCount++
  }

  rewind(mark: number): void {
    const { staging, frees, undo } = this.#parts
    const at = mark * MARK_NUMBERS
    invariant(mark >= 0 && mark < this.#markCount, 'There is no such mark to rewind to.', { mark })
    const n = (i: number): number => this.#marks[at + i] ?? 0
    undo.rewind(n(10))
    frees.rewind(n(6), n(7), n(8), n(9))
    staging.rewind(n(0), n(1), n(2), n(3), n(4), n(5))
    // The mark itself stays good, as the contract says; later ones are gone.
    this.#markCount = mark + 1
  }

  /** Writes what is staged. Throws `STORE_FULL` or `IO`; then nothing is staged any more. */
  write(): void {
    const { staging, data, frees } = this.#parts
    staging.giveUp()
    if (staging.isEmpty) {
      this.#start()
      return
    }
    const start = data.end
    const crc = this.lastCrc
    try {
      this.#writeRecords()
    } catch (error) {
      this.lastCrc = crc
      this.#takeBack(start, error)
    }
    for (const { address, liveBytes, liveItems } of staging.records) {
      if (liveItems > 0) data.addLive(address, liveBytes, liveItems)
    }
    const holes: number[] = []
    frees.apply(holes)
    if (holes.length > 0) this.#parts.holes(holes)
    this.#start()
    this.#parts.syncer.wrote(data.end)
  }

  #writeRecords(): void {
    const { staging, data, syncer, crc32 } = this.#parts
    const { records } = staging
    for (let i = 0; i < records.length; i++) {
      const record = records[i]
      if (record === undefined) continue
      const bytes = record.writer.view()
      const continued = i < records.length - 1
      this.lastCrc = sealRecord(
        bytes,
        this.lastCrc,
        continued,
        record.address,
        syncer.synced,
        crc32,
      )
      const address = data.append(bytes)
      if (address !== record.address) {
        throw new DatError('INVARIANT', 'A record is not where it was to be.', { address })
      }
    }
  }

  /** Throws. */
  #takeBack(start: number, cause: unknown): never {
    const { data, staging, undo, frees } = this.#parts
    undo.rewind(0)
    frees.rewind(0, 0, 0, 0)
    try {
      data.shrink(start)
    } catch (error) {
      // What the next opening would find behind the end is unknown: that is worse than a full disk.
      throw new DatError('IO', 'A failed write could not be taken back.', { address: start }, error)
    } finally {
      staging.begin(start)
      this.#markCount = 0
    }
    throw cause
  }

  #start(): void {
    const { staging, data, undo } = this.#parts
    undo.clear()
    staging.begin(data.end)
    this.#markCount = 0
  }
}

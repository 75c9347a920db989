/**
 * Pieces of the data log that are read again and again, kept in memory.
 *
 * Owns: which pieces are kept. A piece is aligned and read as a whole, which costs as much as ten single reads saved, so one
 * is kept only after it was touched that often, and how many times that is follows from what it brought: where pieces leave
 * before they have served enough reads (a log much larger than the memory here, read without pattern), it takes more
 * touches; where they serve many, fewer. So the worst case costs a tenth more than having none of this. Where bytes come
 * from the disk a piece takes two to four times as long as a block, so it takes a quarter of the touches.
 *
 * Always true: what stands in a piece are bytes below the end of the log, which never change.
 */

import {
  READ_WINDOW_BYTES,
  READ_WINDOW_TOUCHES_MAX,
  READ_WINDOW_TOUCHES_MIN,
  READ_WINDOWS_MAX,
} from '../../base/limits.ts'

/** Pieces whose touches are counted at a time; two that meet in one row take it from each other. */
const COUNTED = 4_096
/** A piece that has served fewer reads than this was not worth its reading; one that has served many more was read late. */
const WORTH_READS = 32
const LATE_READS = 128
/** So much fewer touches are needed where the bytes come from the disk. */
const DISK_PART = 4

/** One piece in memory. */
export interface ReadWindow {
  /** Address of its first byte. */
  readonly from: number
  /** Bytes to be read. */
  readonly length: number
  readonly bytes: Uint8Array
  /** Behind the last byte that was there when it was read. */
  end: number
  reads: number
  /** Reads it had served when it was to leave last, and was let stay. */
  spared: number
}

export class ReadWindows {
  /** The first is the next to leave, unless it was read since it was the first before. */
  readonly #windows = new Map<number, ReadWindow>()
  readonly #pieces = new Float64Array(COUNTED)
  readonly #touches = new Uint8Array(COUNTED)
  #needed = READ_WINDOW_TOUCHES_MIN
  /** The one that served the last read. */
  #last: ReadWindow | undefined

  /** The window that holds all of `address .. end`. */
  find(address: number, end: number): ReadWindow | undefined {
    const last = this.#last
    if (last !== undefined && address >= last.from && end <= last.end) {
      last.reads++
      return last
    }
    const window = this.#windows.get(Math.floor(address / READ_WINDOW_BYTES))
    if (window === undefined || address < window.from || end > window.end) return undefined
    this.#last = window
    window.reads++
    return window
  }

  /** Would a window serve that read? */
  has(address: number, end: number): boolean {
    const window = this.#windows.get(Math.floor(address / READ_WINDOW_BYTES))
    return window !== undefined && address >= window.from && end <= window.end
  }

  /** Notes a read that no window served. Is the piece around it worth keeping now? */
  touch(address: number, end: number, fromDisk: boolean): boolean {
    const piece = Math.floor(address / READ_WINDOW_BYTES)
    if (end > (piece + 1) * READ_WINDOW_BYTES) return false
    const row = piece % COUNTED
    const isNew = this.#pieces[row] !== piece + 1
    this.#pieces[row] = piece + 1
    const touches = isNew ? 1 : (this.#touches[row] ?? 0) + 1
    this.#touches[row] = Math.min(touches, READ_WINDOW_TOUCHES_MAX)
    return touches >= (fromDisk ? this.#needed / DISK_PART : this.#needed)
  }

  /**
   * A window to read the piece around `address` into, as far as it lies in the file that begins at `fileStart`; its
   * `end` is set by who has read.
   */
  make(address: number, fileStart: number): ReadWindow {
    const piece = Math.floor(address / READ_WINDOW_BYTES)
    const from = Math.max(piece * READ_WINDOW_BYTES, fileStart)
    const length = (piece + 1) * READ_WINDOW_BYTES - from
    const bytes = this.#room(piece) ?? new Uint8Array(READ_WINDOW_BYTES)
    const window: ReadWindow = { from, length, bytes, end: from, reads: 1, spared: 1 }
    this.#windows.set(piece, window)
    this.#touches[piece % COUNTED] = 0
    return window
  }

  /** The memory of the window that leaves, if there are too many or the piece has an older one. */
  #room(piece: number): Uint8Array | undefined {
    const older = this.#windows.get(piece)
    if (older !== undefined) {
      this.#windows.delete(piece)
      if (this.#last === older) this.#last = undefined
      return older.bytes
    }
    return this.#windows.size < READ_WINDOWS_MAX ? undefined : this.#leave()
  }

  /** At most one pass over all: whoever is spared has nothing to be spared for in the next. */
  #leave(): Uint8Array | undefined {
    for (const [piece, window] of this.#windows) {
      this.#windows.delete(piece)
      if (window.reads > window.spared) {
        window.spared = window.reads
        this.#windows.set(piece, window)
        continue
      }
      if (this.#last === window) this.#last = undefined
      this.#learn(window.reads)
      return window.bytes
    }
    return undefined
  }

  #learn(reads: number): void {
    if (reads >= WORTH_READS && reads < LATE_READS) return
    const needed = reads < WORTH_READS ? this.#needed * 2 : this.#needed / 2
    this.#needed = Math.max(READ_WINDOW_TOUCHES_MIN, Math.min(needed, READ_WINDOW_TOUCHES_MAX))
  }
}

/**
 * Counting a download: files, blocks and bytes, wanted and here.
 *
 * Owns: the counters. These statements hold:
 *
 * - Files that share a run of blocks share its transfer; blocks that are here already count from the start.
 * - Bytes of a run that is half here are counted in blocks of the usual size, and exact with its last block.
 * - A run counts as whole only when the log says that every block of it is held.
 */

import type { LogReader } from '../index/source.ts'
import type { BlobRange } from './blob-reader.ts'
import type { TransferProgress } from './types.ts'

const USUAL_BLOCK_BYTES = 65_536

/** A file that waits for so many runs. */
export interface FileTally {
  runsLeft: number
  closed: boolean
}

interface Run {
  readonly log: LogReader
  readonly start: number
  readonly end: number
  readonly bytes: number
  readonly files: FileTally[]
  blocksHeld: number
  bytesHeld: number
}

export class Tally {
  readonly #onChange: () => void
  readonly #known = new Map<string, Run>()
  /** Runs that are not whole, by their first block. */
  #open: Run[] = []
  #isSorted = true
  #files = 0
  #filesDone = 0
  #blocks = 0
  #blocksDone = 0
  #bytes = 0
  #bytesDone = 0

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get progress(): TransferProgress {
    return {
      files: this.#files,
      filesDone: this.#filesDone,
      blocks: this.#blocks,
      blocksDone: this.#blocksDone,
      bytes: this.#bytes,
      bytesDone: this.#bytesDone,
    }
  }

  addFile(): FileTally {
    this.#files++
    return { runsLeft: 0, closed: false }
  }

  /** All its runs were told. */
  closeFile(file: FileTally): void {
    file.closed = true
    if (file.runsLeft === 0) this.#filesDone++
    this.#onChange()
  }

  /** One run of a file. Must it be fetched, that is: is it neither here nor wanted already? */
  want(log: LogReader, range: BlobRange, file: FileTally): boolean {
    const { start, end, bytes } = range
    const name = `${start}-${end}`
    const known = this.#known.get(name)
    if (known !== undefined) {
      if (known.blocksHeld < end - start) this.#wait(known, file)
      return false
    }
    const run: Run = { log, start, end, bytes, files: [], blocksHeld: 0, bytesHeld: 0 }
    this.#known.set(name, run)
    this.#blocks += end - start
    this.#bytes += bytes
    this.#recount(run)
    if (run.blocksHeld === end - start) return false
    this.#wait(run, file)
    this.#open.push(run)
    this.#isSorted = false
    return true
  }

  /** Blocks `start .. end` arrived. */
  held(start: number, end: number): void {
    if (!this.#isSorted) this.#open.sort((a, b) => a.start - b.start)
    this.#isSorted = true
    let isWhole = false
    for (let i = this.#firstEndingBehind(start); i < this.#open.length; i++) {
      const run = this.#open[i]
      if (run === undefined || run.start >= end) break
      const more = Math.min(end, run.end) - Math.max(start, run.start)
      const blocks = run.end - run.start
      // A block may have been counted before its event came; so the last step is taken on the log's word.
      if (run.blocksHeld + more >= blocks) this.#recount(run)
      else this.#advance(run, run.blocksHeld + more)
      isWhole ||= run.blocksHeld === blocks
    }
    if (isWhole) this.#open = this.#open.filter((run) => run.blocksHeld < run.end - run.start)
    this.#onChange()
  }

  /** Everything was fetched: counts once more what events may have missed. */
  settle(): void {
    for (const run of this.#open) this.#recount(run)
    this.#onChange()
  }

  #wait(run: Run, file: FileTally): void {
    run.files.push(file)
    file.runsLeft++
  }

  #recount(run: Run): void {
    const { log, start, end } = run
    let blocks = end - start
    if (!log.has(start, end)) {
      blocks = 0
      for (let i = start; i < end; i++) if (log.has(i)) blocks++
    }
    this.#advance(run, blocks)
  }

  #advance(run: Run, blocks: number): void {
    const isWhole = blocks === run.end - run.start
    const bytes = isWhole ? run.bytes : Math.min(run.bytes, blocks * USUAL_BLOCK_BYTES)
    this.#blocksDone += blocks - run.blocksHeld
    this.#bytesDone += bytes - run.bytesHeld
    run.blocksHeld = blocks
    run.bytesHeld = bytes
    if (!isWhole) return
    for (const file of run.files.splice(0)) {
      file.runsLeft--
      if (file.runsLeft === 0 && file.closed) this.#filesDone++
    }
  }

  /** Position of the first open run that ends behind block `start`; runs of one drive do not overlap. */
  #firstEndingBehind(start: number): number {
    let low = 0
    let high = this.#open.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#open[middle]?.end ?? 0) > start) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * Fetching many files, with counters that tell how far it is.
 *
 * Owns: one job. It takes entries as they are listed, asks for their blocks in few ranges, and counts what is
 * held (`tally.ts`). `done` resolves when everything listed is here, and rejects with what made that
 * impossible; the job itself stops and leaves no request behind, however it ends.
 */

import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DatError } from '../base/errors.ts'
import { hex } from '../bytes/bytes.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { Tally } from './tally.ts'
import type { DriveDownload, DriveEntry, TransferProgress } from './types.ts'

/** Entries that are collected before their blocks are asked for. */
const ENTRIES_PER_REQUEST = 256

interface Range {
  start: number
  end: number
}

/** What is fetched from one log: a drive with drives in it has several. */
interface Part {
  readonly blobs: Blobs
  readonly tally: Tally
  readonly stopListening: () => void
}

/** A download under way. */
export class DownloadJob implements DriveDownload {
  listed = false
  readonly #content: (entry: DriveEntry) => Promise<Blobs>
  readonly #clock: Clock
  readonly #parts = new Map<string, Part>()
  /** Files without bytes are of no log. */
  #empty = 0
  readonly #downloads: Download[] = []
  readonly #listeners = new Set<() => void>()
  #isTelling = false
  #isOver = false
  readonly #finished: Promise<void>
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  /** @param content gives the blobs that hold an entry's bytes; not called for files without */
  constructor(content: (entry: DriveEntry) => Promise<Blobs>, clock: Clock) {
    this.#content = content
    this.#clock = clock
    this.#finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever awaits `done` hears of a failure; nobody has to.
    this.#finished.catch(() => undefined)
  }

  get progress(): TransferProgress {
    const sum = {
      files: this.#empty,
      filesDone: this.#empty,
      blocks: 0,
      blocksDone: 0,
      bytes: 0,
      bytesDone: 0,
    }
    for (const { tally } of this.#parts.values()) {
      const { files, filesDone, blocks, blocksDone, bytes, bytesDone } = tally.progress
      sum.files += files
      sum.filesDone += filesDone
      sum.blocks += blocks
      sum.blocksDone += blocksDone
      sum.bytes += bytes
      sum.bytesDone += bytesDone
    }
    return sum
  }

  done(options: WaitOptions = {}): Promise<void> {
    return within(this.#finished, this.#clock, options)
  }

  onProgress(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  cancel(): void {
    this.#end(() => this.#reject(new DatError('ABORTED', 'The download was cancelled.')))
  }

  /** Never rejects: `done` does. */
  async run(list: AsyncIterable<DriveEntry>): Promise<void> {
    try {
      const waiting: DriveEntry[] = []
      for await (const entry of list) {
        if (this.#isOver) return
        waiting.push(entry)
        if (waiting.length === ENTRIES_PER_REQUEST) await this.#add(waiting.splice(0))
      }
      await this.#add(waiting)
      this.listed = true
      await Promise.all(this.#downloads.map((download) => download.done({ timeoutMs: 0 })))
      for (const { tally } of this.#parts.values()) tally.settle()
      this.#end(this.#resolve)
    } catch (error) {
      this.#end(() => this.#reject(error))
    }
  }

  #end(settle: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const download of this.#downloads) download.cancel()
    for (const { stopListening } of this.#parts.values()) stopListening()
    this.#changed()
    settle()
  }

  async #add(entries: readonly DriveEntry[]): Promise<void> {
    const wanted = new Map<Blobs, Range[]>()
    for (const entry of entries) {
      const { blob, invalid } = entry
      if (invalid !== undefined || blob === undefined) continue
      if (blob.byteLength === 0) {
        this.#empty++
        this.#changed()
        continue
      }
      const { blobs, tally } = this.#part(await this.#content(entry))
      const file = tally.addFile()
      for (const run of await blobs.ranges(blob, { timeoutMs: 0 })) {
        if (!tally.want(blobs.log, run, file)) continue
        const ranges = wanted.get(blobs) ?? []
        wanted.set(blobs, ranges)
        ranges.push({ start: run.start, end: run.end })
      }
      tally.closeFile(file)
    }
    if (this.#isOver) return
    for (const [blobs, ranges] of wanted) {
      for (const range of joined(ranges)) this.#downloads.push(blobs.log.download(range))
    }
  }

  /** By key, as one log may be behind several objects. */
  #part(blobs: Blobs): Part {
    const name = hex(blobs.log.key)
    const known = this.#parts.get(name)
    if (known !== undefined) return known
    const tally = new Tally(() => this.#changed())
    const stopListening = blobs.log.on('held', ({ start, length }) =>
      tally.held(start, start + length),
    )
    // A job that is over while a log was opened must not go on listening.
    if (this.#isOver) stopListening()
    const part = { blobs, tally, stopListening }
    this.#parts.set(name, part)
    return part
  }

  /** Tells listeners in the next turn, once however much changed in this one. */
  #changed(): void {
    if (this.#isTelling || this.#listeners.size === 0) return
    this.#isTelling = true
    this.#clock.soon(() => {
      this.#isTelling = false
      for (const listener of this.#listeners) listener()
    })
  }
}

/** Longest log of rows that is fetched as a whole, with its history: some 20 MB. */
const WHOLE_LOG_ROWS_MAX = 65_536

/** A log of rows, as far as it matters to whoever fetches it. */
export interface RowsLog {
  download(range: { start: number; end: number }): { cancel(): void }
}

/** All rows of a drive of usual size are fetched in one go: far fewer round trips than node by node. */
export async function* withRows(
  log: RowsLog,
  length: number,
  list: AsyncIterable<DriveEntry>,
): AsyncGenerator<DriveEntry, void, undefined> {
  const rows = length <= WHOLE_LOG_ROWS_MAX ? log.download({ start: 0, end: length }) : undefined
  try {
    yield* list
  } finally {
    rows?.cancel()
  }
}

/** Lets a job run; the signal cancels it. */
export function startDownload(
  job: DownloadJob,
  list: AsyncIterable<DriveEntry>,
  signal: AbortSignal | undefined,
): DriveDownload {
  void job.run(list)
  const cancel = (): void => job.cancel()
  const forget = (): void => signal?.removeEventListener('abort', cancel)
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()
  job.done().then(forget, forget)
  return job
}

/** The same blocks in as few ranges as possible. */
function joined(ranges: Range[]): Range[] {
  const list: Range[] = []
  for (const range of ranges.sort((a, b) => a.start - b.start)) {
    const last = list.at(-1)
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else list.push({ ...range })
  }
  return list
}

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

export class DownloadJob implements DriveDownload {
  listed = false
  readonly #content: () => Promise<Blobs>
  readonly #clock: Clock
  readonly #tally = new Tally(() => this.#changed())
  readonly #downloads: Download[] = []
  readonly #listeners = new Set<() => void>()
  #isTelling = false
  #isOver = false
  #stopListening: (() => void) | undefined = undefined
  readonly #finished: Promise<void>
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  /** @param content gives the drive's blobs; not called if nothing is listed */
  constructor(content: () => Promise<Blobs>, clock: Clock) {
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
    return this.#tally.progress
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
      this.#tally.settle()
      this.#end(this.#resolve)
    } catch (error) {
      this.#end(() => this.#reject(error))
    }
  }

  #end(settle: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const download of this.#downloads) download.cancel()
    this.#stopListening?.()
    this.#changed()
    settle()
  }

  async #add(entries: readonly DriveEntry[]): Promise<void> {
    const wanted: Range[] = []
    let blobs: Blobs | undefined
    for (const { blob, invalid } of entries) {
      if (invalid !== undefined || blob === undefined) continue
      const file = this.#tally.addFile()
      if (blob.byteLength > 0) {
        blobs ??= await this.#listen()
        for (const run of await blobs.ranges(blob, { timeoutMs: 0 })) {
          if (this.#tally.want(blobs.log, run, file))
            wanted.push({ start: run.start, end: run.end })
        }
      }
      this.#tally.closeFile(file)
    }
    if (this.#isOver || blobs === undefined) return
    for (const range of joined(wanted)) this.#downloads.push(blobs.log.download(range))
  }

  async #listen(): Promise<Blobs> {
    const blobs = await this.#content()
    if (this.#stopListening === undefined && !this.#isOver) {
      this.#stopListening = blobs.log.on('held', ({ start, length }) =>
        this.#tally.held(start, start + length),
      )
    }
    return blobs
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

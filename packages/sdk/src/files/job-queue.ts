/**
 * Files that wait to be written out: found by one side, done by the other.
 *
 * Owns: a bounded queue. The finder runs ahead, so that the whole amount of work is known early, and waits when it is
 * `JOBS_MAX` files ahead.
 */

import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import type { LedgerRow } from './ledger-row.ts'

/** One file to be written out. */
export interface Job {
  readonly entry: DriveEntry
  readonly row: LedgerRow | undefined
  /**
   * `write` what is surely missing or outdated · `doubt` compare by content first · `overwrite` what is the user's
   * has to make way.
   */
  readonly todo: 'write' | 'doubt' | 'overwrite'
  /** Set for a link: what is to be written. */
  readonly linkText: string | undefined
}

/** Jobs that wait, at most. */
const JOBS_MAX = 100_000

/** The way from the finder of jobs to the one who does them. */
export class JobQueue {
  #jobs: Job[] = []
  #at = 0
  #ended = false
  #wakeFinder: (() => void) | undefined
  #wakeDoer: (() => void) | undefined

  /** Adds a job. Await the result where there is one: the queue is full. */
  push(job: Job): Promise<void> | undefined {
    this.#jobs.push(job)
    this.#wakeDoer?.()
    if (this.#jobs.length - this.#at < JOBS_MAX) return undefined
    return new Promise((resolve) => {
      this.#wakeFinder = resolve
    })
  }

  /** No more jobs will come. */
  end(): void {
    this.#ended = true
    this.#wakeDoer?.()
    this.#wakeFinder?.()
  }

  /** The next job, if there is one now. */
  shift(): Job | undefined {
    const job = this.#jobs[this.#at]
    if (job === undefined) return undefined
    this.#at++
    if (this.#at >= JOBS_MAX / 2 || this.#at === this.#jobs.length) {
      this.#jobs = this.#jobs.slice(this.#at)
      this.#at = 0
      this.#wakeFinder?.()
    }
    return job
  }

  /** Waits for a job. False: there will be none. */
  async more(): Promise<boolean> {
    while (this.#at === this.#jobs.length) {
      if (this.#ended) return false
      await new Promise<void>((resolve) => {
        this.#wakeDoer = resolve
      })
    }
    return true
  }
}

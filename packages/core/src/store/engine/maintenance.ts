/**
 * When the index is written and space is given back.
 *
 * Owns: the schedule. A checkpoint follows when enough was written, when changed pages take too much memory, when
 * nothing was changed for a while, when somebody asks, and on closing. One runs at a time; after it, what it made
 * superfluous goes, and segments in which little lives are rewritten, which takes further checkpoints.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { type DatError, invariant, isCode } from '../../base/errors.ts'
import { CHANGED_LOGS_MAX, CHECKPOINT_IDLE_MS } from '../../base/limits.ts'
import type { StoreSizes } from '../options.ts'
import type { ReclaimOptions } from '../store.ts'
import type { Checkpointer } from './checkpoint.ts'
import type { Commits } from './commits.ts'
import type { Frees } from './frees.ts'
import type { Gate } from './gate.ts'
import type { LogTable } from './log-table.ts'
import type { PageCache } from './page-cache.ts'
import type { Reclaimer } from './reclaim.ts'
import type { Rewriter } from './rewrite.ts'
import type { SegmentLog } from './segments.ts'

/** The parts of the store that maintenance touches. */
export interface MaintenanceParts {
  readonly clock: Clock
  readonly sizes: StoreSizes
  readonly gate: Gate
  readonly data: SegmentLog
  readonly cache: PageCache
  readonly logs: LogTable
  readonly frees: Frees
  readonly commits: Commits
  readonly checkpointer: Checkpointer
  readonly reclaimer: Reclaimer
  readonly rewriter: Rewriter
  /** Bytes of all files, holes apart. */
  readonly fileBytes: () => number
  /** The store must not be written any more. */
  readonly fail: (cause: unknown) => DatError
}

/** Checkpoints that follow one another to give space back, at most. */
const ROUNDS_MAX = 64
/** Data written before a checkpoint that found no room is tried again. */
const RETRY_BYTES = 1_048_576

export class Maintenance {
  readonly #parts: MaintenanceParts
  #running: Promise<void> | undefined
  #idleTimer: Timer | undefined
  #commits = 0
  /** After a checkpoint failed for want of room, none is tried below this end of the data log. */
  #retryAt = 0
  #isEnding = false

  constructor(parts: MaintenanceParts) {
    this.#parts = parts
  }

  /** After a commit: starts a checkpoint if one is due. Returns what the commit must wait for: mostly nothing. */
  consider(): Promise<void> | undefined {
    this.#commits++
    const { sizes, cache, data, logs, checkpointer } = this.#parts
    const isDue =
      data.end - checkpointer.position >= sizes.checkpointBytes ||
      cache.dirtyBytes >= sizes.dirtyBytes ||
      logs.changed.size >= CHANGED_LOGS_MAX
    if (!isDue) {
      this.#planIdle()
      return undefined
    }
    if (this.#running === undefined && data.end >= this.#retryAt) this.#runSoon()
    // Changed pages can't leave memory before they are written: whoever makes more of them waits.
    const isTooMuch = cache.dirtyBytes >= 2 * sizes.dirtyBytes
    return isTooMuch ? this.#running?.catch(ignore) : undefined
  }

  /** Commits and writes the index; gives back what can be given back. */
  async checkpoint(commit: () => Promise<void>): Promise<void> {
    await this.settled()
    if (!this.#parts.gate.isOpen) return
    // In one turn, so that nobody stages between the two. The commit itself may have started the checkpoint.
    const committed = commit()
    await Promise.all([committed, this.#running ?? this.#run(true)])
  }

  /** Gives back what commits have dropped, and resolves when that has gone as far as it can. */
  async reclaim(options: ReclaimOptions, commit: () => Promise<void>): Promise<number> {
    const { frees, rewriter, fileBytes } = this.#parts
    if (frees.droppedBytes < (options.minBytes ?? 0)) return 0
    frees.droppedBytes = 0
    const before = fileBytes()
    try {
      // Asked for by several at once, the most thorough is done.
      rewriter.isThorough ||= options.thorough ?? false
      await this.checkpoint(commit)
    } finally {
      if (options.thorough === true) rewriter.isThorough = false
    }
    return Math.max(0, before - fileBytes())
  }

  /** Writes the whole index file anew. */
  async renewIndex(): Promise<void> {
    await this.settled()
    this.#parts.checkpointer.mustRewrite = true
    await this.#run(false)
  }

  /** On closing: what runs comes to an end soon. */
  end(): Promise<void> {
    this.#isEnding = true
    return this.settled()
  }

  /** On closing, with nothing staged: the last checkpoint, if there is anything to write. */
  async finish(): Promise<void> {
    await this.settled()
    if (!this.#isNeeded) return
    await this.#run(false).catch((error: unknown) => {
      // Without room for it, the next opening has more to replay, and that is all.
      if (!isCode(error, 'STORE_FULL')) throw error
    })
  }

  /** Resolves when no checkpoint runs. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(ignore)
  }

  stop(): void {
    this.#idleTimer?.cancel()
    this.#idleTimer = undefined
  }

  get #isNeeded(): boolean {
    const { data, logs, checkpointer, reclaimer } = this.#parts
    if (data.end > checkpointer.position || reclaimer.isWaiting) return true
    return logs.changed.size > 0 || logs.usedNow.size > 0
  }

  #planIdle(): void {
    if (this.#idleTimer !== undefined) return
    const seen = this.#commits
    this.#idleTimer = this.#parts.clock.after(CHECKPOINT_IDLE_MS, () => {
      this.#idleTimer = undefined
      if (seen !== this.#commits) this.#planIdle()
      else if (this.#running === undefined && this.#isNeeded) this.#runSoon()
    })
  }

  /** A checkpoint that nobody waits for: a failure that matters closes the gate. */
  #runSoon(): void {
    if (this.#parts.gate.isOpen) this.#run(true).catch(ignore)
  }

  /** Lets others have their turn; false if there is no time to go on. */
  async #pause(): Promise<boolean> {
    const { clock, gate } = this.#parts
    await new Promise<void>((resolve) => clock.soon(resolve))
    return gate.isOpen && !this.#isEnding
  }

  /** @param gives - also rewrites segments, which may take several checkpoints */
  #run(gives: boolean): Promise<void> {
    invariant(this.#running === undefined, 'Two checkpoints at a time.')
    const running = this.#runRounds(gives).finally(() => {
      this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #runRounds(gives: boolean): Promise<void> {
    const { gate, data, commits, checkpointer, reclaimer, rewriter } = this.#parts
    try {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        // Somebody is staging in this very turn: his commit will come back here.
        if (!gate.isOpen || !commits.isEmpty) return
        await checkpointer.run()
        if (!gate.isOpen) return
        await reclaimer.release(() => this.#pause())
        const isWorking = gives && !this.#isEnding && (await rewriter.run(() => this.#pause()))
        if (!isWorking && !reclaimer.isWaiting) return
      }
    } catch (error) {
      if (isCode(error, 'STORE_FULL')) this.#retryAt = data.end + RETRY_BYTES
      else this.#parts.fail(error)
      throw error
    }
  }
}

/** For a promise whose failure has told whom it concerns already. */
function ignore(): void {}

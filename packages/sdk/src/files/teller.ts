/**
 * Counts what happens to a folder, and tells those who listen.
 *
 * Owns: the counters of a pass, the state as a value, and the listeners. Share and clone call it; it never calls
 * them. Nothing here is needed for being right: with no listener an event costs a look at an empty set.
 */

import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import type { FolderEvent, FolderState, Phase, Problem, Report } from './news.ts'
import { PROBLEMS_KEPT_MAX } from './news.ts'
import { NewsQueue } from './news-queue.ts'
import { Rate } from './rate.ts'

/** What the teller reads from store and network when it makes a state. */
export interface Sample {
  readonly have: number
  readonly length: number
  readonly version: number
  readonly bytesDown: number
  readonly bytesUp: number
  /** Public keys, hex, of those who are connected for this drive; empty for each that proves none, as old programs do. */
  readonly peers: readonly string[]
}

/** Between two states, at least. */
const STATE_MS = 100
/** Between two looks at peers and rates. */
const TICK_MS = 500

interface Counters {
  added: number
  changed: number
  removed: number
  renamed: number
  unchanged: number
  hidden: number
  ignored: number
  skipped: number
  conflicts: number
}

export class Teller {
  readonly #clock: Clock
  readonly #sample: () => Sample
  readonly #queues = new Set<NewsQueue<FolderEvent>>()
  readonly #waiting = new Set<() => void>()
  readonly #down: Rate
  readonly #up: Rate
  readonly #work: Rate
  #phase: Phase = 'opening'
  #state: FolderState
  #revision = 0
  #closed = false
  #tick: Timer | undefined
  #soon: Timer | undefined
  #peers: readonly string[] = []

  // Of this pass.
  #startedAt = 0
  #counters = noCounters()
  #problems: Problem[] = []
  #files = { done: 0, total: 0 }
  #bytes = { done: 0, total: 0 }
  #size = 0
  // Since the folder was opened.
  #skipped = 0
  readonly #conflicts = new Set<string>()

  constructor(clock: Clock, sample: () => Sample) {
    this.#clock = clock
    this.#sample = sample
    this.#down = new Rate(clock)
    this.#up = new Rate(clock)
    this.#work = new Rate(clock)
    this.#state = this.#makeState()
    this.#onTick()
  }

  get state(): FolderState {
    if (!this.#closed) this.#state = this.#makeState()
    return this.#state
  }

  get phase(): Phase {
    return this.#phase
  }

  // ---- Those who listen --------------------------------------------------------------------------

  events(signal?: AbortSignal): AsyncIterable<FolderEvent> {
    const queue = new NewsQueue<FolderEvent>(
      (count) => ({ type: 'missed', count }),
      () => this.#queues.delete(queue),
    )
    this.#queues.add(queue)
    if (this.#closed || signal?.aborted === true) queue.end()
    signal?.addEventListener('abort', () => queue.end(), { once: true })
    return queue
  }

  async *states(signal?: AbortSignal): AsyncGenerator<FolderState, void> {
    for (let seen = -1; signal?.aborted !== true; ) {
      if (seen !== this.#revision) {
        seen = this.#revision
        yield this.state
      } else if (this.#closed) return
      else await this.#change(signal)
    }
  }

  emit(event: FolderEvent): void {
    for (const queue of this.#queues) queue.push(event)
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  // ---- What share and clone report ---------------------------------------------------------------

  setPhase(phase: Phase): void {
    if (this.#phase === phase || this.#closed) return
    this.#phase = phase
    this.emit({ type: 'phase', phase })
    this.#publish()
  }

  beginPass(): void {
    this.#startedAt = this.#clock.now()
    this.#counters = noCounters()
    this.#problems = []
    this.#files = { done: 0, total: 0 }
    this.#bytes = { done: 0, total: 0 }
    this.#size = 0
    this.#work.reset()
  }

  /**
   * So many files more have to be settled, and so many bytes moved for it.
   *
   * @param size what the files measure, whether their bytes have to be moved or not
   */
  expect(files: number, bytes: number, size: number = bytes): void {
    this.#files.total += files
    this.#bytes.total += bytes
    this.#size += size
  }

  /** Bytes read or written. */
  moved(bytes: number): void {
    this.#bytes.done += bytes
    if (this.#phase === 'scanning' || this.#phase === 'watching') this.setPhase('transferring')
    this.#touch()
  }

  added(path: string, bytes: number): void {
    this.#settle('added')
    this.emit({ type: 'file-added', path, bytes })
  }

  changed(path: string, bytes: number): void {
    this.#settle('changed')
    this.#conflicts.delete(path)
    this.emit({ type: 'file-changed', path, bytes })
  }

  /** A removed file is no file of the pass: it counts apart. */
  removed(path: string): void {
    this.#counters.removed++
    this.#conflicts.delete(path)
    this.emit({ type: 'file-removed', path })
    this.#touch()
  }

  renamed(path: string, from: string): void {
    this.#settle('renamed')
    this.emit({ type: 'file-renamed', path, from })
  }

  /** The file is as it should be. Called once per file of the pass: no event. */
  unchanged(path: string): void {
    this.#settle('unchanged')
    if (this.#conflicts.size > 0) this.#conflicts.delete(path)
  }

  skipped(path: string, error: DatError): void {
    const problem = { path, code: error.code, message: error.message }
    this.#settle('skipped')
    this.#skipped++
    if (this.#problems.length < PROBLEMS_KEPT_MAX) this.#problems.push(problem)
    this.emit({ type: 'file-skipped', ...problem })
  }

  /** A hidden name was met, or a name that is none of the drive's business. No file of the pass. */
  counted(why: 'hidden' | 'ignored'): void {
    this.#counters[why]++
  }

  conflict(path: string, drive: 'changed' | 'removed' | 'unchanged'): void {
    this.#settle('conflicts')
    this.#conflicts.add(path)
    this.emit({ type: 'conflict', path, drive })
  }

  /** Ends a pass and says what it did. */
  report(): Report {
    const counters = this.#counters
    const { total } = this.#files
    return {
      version: this.#sample().version,
      files: total - counters.skipped,
      bytes: this.#size,
      ...counters,
      problems: this.#problems,
      durationMs: this.#clock.now() - this.#startedAt,
      error: this.#reportError(),
    }
  }

  close(phase: Phase): void {
    if (this.#closed) return
    this.setPhase(phase)
    this.#state = this.#makeState()
    this.#closed = true
    this.#tick?.cancel()
    this.#soon?.cancel()
    for (const queue of this.#queues) queue.end()
    for (const wake of this.#waiting) wake()
  }

  #settle(counter: keyof Counters): void {
    this.#counters[counter]++
    this.#files.done++
    this.#touch()
  }

  #reportError(): DatError | undefined {
    const { conflicts, skipped } = this.#counters
    if (conflicts > 0) {
      return new DatError(
        'LOCAL_CHANGES',
        `${conflicts === 1 ? 'One file was' : `${conflicts} files were`} changed here and kept as they are.`,
        { conflicts, skipped },
      )
    }
    const first = this.#problems[0]
    if (first === undefined) return undefined
    const others = skipped > 1 ? ` ${skipped - 1} more had problems.` : ''
    return new DatError(first.code, first.message + others, { path: first.path, skipped })
  }

  // ---- States ------------------------------------------------------------------------------------

  #touch(): void {
    if (this.#soon !== undefined || this.#closed) return
    this.#soon = this.#clock.after(STATE_MS, () => {
      this.#soon = undefined
      this.#publish()
      if (this.#queues.size > 0) this.emit({ type: 'progress', state: this.state })
    })
  }

  #publish(): void {
    this.#revision++
    for (const wake of this.#waiting) wake()
  }

  #onTick(): void {
    const before = this.#state
    const now = this.#sample()
    this.#down.add(now.bytesDown)
    this.#up.add(now.bytesUp)
    this.#work.add(this.#bytes.done)
    this.#tellPeers(now.peers)
    const state = this.state
    if (state.rateDown !== before.rateDown || state.rateUp !== before.rateUp) this.#touch()
    this.#tick = this.#clock.after(TICK_MS, () => this.#onTick())
  }

  #tellPeers(peers: readonly string[]): void {
    const before = this.#peers
    this.#peers = peers
    for (const peer of surplus(peers, before)) {
      this.emit({ type: 'peer-added', peer, peers: peers.length })
    }
    for (const peer of surplus(before, peers)) {
      this.emit({ type: 'peer-removed', peer, peers: peers.length })
    }
    if (peers.length !== before.length) this.#publish()
  }

  #makeState(): FolderState {
    const sample = this.#sample()
    const left = this.#bytes.total - this.#bytes.done
    const perSecond = this.#work.perSecond
    return Object.freeze({
      phase: this.#phase,
      files: { ...this.#files },
      bytes: { ...this.#bytes },
      have: sample.have,
      length: sample.length,
      version: sample.version,
      peers: sample.peers.length,
      rateDown: this.#down.perSecond,
      rateUp: this.#up.perSecond,
      bytesDown: sample.bytesDown,
      bytesUp: sample.bytesUp,
      etaMs:
        this.#phase === 'transferring' && left > 0 && perSecond > 0
          ? Math.round((left / perSecond) * 1000)
          : undefined,
      skipped: this.#skipped,
      conflicts: this.#conflicts.size,
    })
  }
}

function noCounters(): Counters {
  return {
    added: 0,
    changed: 0,
    removed: 0,
    renamed: 0,
    unchanged: 0,
    hidden: 0,
    ignored: 0,
    skipped: 0,
    conflicts: 0,
  }
}

/** What is in the one list and not, or not so often, in the other. */
function surplus(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other]
  return list.filter((item) => {
    const at = left.indexOf(item)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/**
 * What happened to a log since the last commit, told when it has lasted.
 *
 * Owns: the list of news of one replica, and the joining of commits: all logs of a store that change in one
 * moment share one record. Nothing is emitted for changes that were not committed.
 */

import type { Emitter } from '../base/emitter.ts'
import type { Store } from '../store/store.ts'
import type { ReplicaEvents } from './events.ts'

/** Runs of blocks, `start, end, start, end …`, neighbours joined. */
type Runs = number[]

export class News {
  readonly #held: Runs = []
  readonly #cleared: Runs = []
  #grew = false
  #ancestors = -1
  #manifest = false
  #conflict = false

  get isEmpty(): boolean {
    const runs = this.#held.length + this.#cleared.length
    return runs === 0 && !this.#grew && this.#ancestors === -1 && !this.#manifest && !this.#conflict
  }

  held(start: number, end: number): void {
    addRun(this.#held, start, end)
  }

  cleared(start: number, end: number): void {
    addRun(this.#cleared, start, end)
  }

  grew(): void {
    this.#grew = true
  }

  /** The history above `length` was replaced. */
  truncated(length: number): void {
    this.#ancestors = this.#ancestors === -1 ? length : Math.min(this.#ancestors, length)
  }

  learntManifest(): void {
    this.#manifest = true
  }

  conflict(): void {
    this.#conflict = true
  }

  /** @param byteLengthOf bytes of the first blocks; for the common ancestor after a truncation */
  emit(
    events: Emitter<ReplicaEvents>,
    head: { length: number; byteLength: number; fork: number },
    byteLengthOf: (length: number) => number,
  ): void {
    const { length, byteLength, fork } = head
    if (this.#manifest) events.emit('manifest', {})
    if (this.#ancestors !== -1) {
      const at = this.#ancestors
      events.emit('truncate', { length: at, byteLength: byteLengthOf(at), fork })
    }
    emitRuns(this.#cleared, (run) => events.emit('clear', run))
    emitRuns(this.#held, (run) => events.emit('held', run))
    // A reorganisation is told once, as a truncation, even if the new history is the longer one.
    if (this.#grew && this.#ancestors === -1) events.emit('append', { length, byteLength, fork })
    if (this.#conflict) events.emit('conflict', { length, fork })
  }
}

function addRun(runs: Runs, start: number, end: number): void {
  if (start >= end) return
  const last = runs.length - 1
  if (runs[last] === start) runs[last] = end
  else if (runs[last - 1] === end) runs[last - 1] = start
  else runs.push(start, end)
}

function emitRuns(runs: Runs, emit: (run: { start: number; length: number }) => void): void {
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] ?? 0
    emit({ start, length: (runs[i + 1] ?? 0) - start })
  }
}

// ---- Joining commits -----------------------------------------------------------------------------

interface Joined {
  readonly promise: Promise<void>
  readonly taken: (() => void)[]
}

const joined = new WeakMap<Store, Joined>()

/**
 * Commits a store once the running code has staged all it wants; whoever calls before that shares the record.
 *
 * @param onTaken called right before the commit: what is staged later belongs to the next one
 */
export function commitSoon(store: Store, onTaken: () => void): Promise<void> {
  const waiting = joined.get(store)
  if (waiting !== undefined) {
    waiting.taken.push(onTaken)
    return waiting.promise
  }
  const taken = [onTaken]
  const promise = Promise.resolve().then(() => {
    joined.delete(store)
    for (const take of taken) take()
    return store.commit()
  })
  joined.set(store, { promise, taken })
  return promise
}

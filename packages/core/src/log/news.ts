/**
 * What happened to a log since the last commit, told when it has lasted.
 *
 * Owns: the list of news of one replica, and the joining of commits: all logs of a store that change in one
 * moment share one record. Nothing is emitted for changes that were not committed.
 */

import type { Emitter } from '../base/emitter.ts'
import { COMMITTED, type Slot, type Store } from '../store/store.ts'
import { byteOffset } from '../tree/seek.ts'
import type { ReplicaEvents } from './events.ts'

/** Runs of blocks, `start, end, start, end …`, neighbours joined; made with the first one. */
type Runs = number[] | undefined

/** What happened to one log since its last commit. */
export class News {
  #held: Runs
  #cleared: Runs
  #grew = false
  #ancestors = -1
  #manifest = false
  #conflict = false

  get isEmpty(): boolean {
    if (this.#held !== undefined || this.#cleared !== undefined || this.#grew) return false
    return this.#ancestors === -1 && !this.#manifest && !this.#conflict
  }

  /** The same news, for going back to. */
  clone(): News {
    const copy = new News()
    copy.#held = this.#held && [...this.#held]
    copy.#cleared = this.#cleared && [...this.#cleared]
    copy.#grew = this.#grew
    copy.#ancestors = this.#ancestors
    copy.#manifest = this.#manifest
    copy.#conflict = this.#conflict
    return copy
  }

  held(start: number, end: number): void {
    this.#held = withRun(this.#held, start, end)
  }

  cleared(start: number, end: number): void {
    this.#cleared = withRun(this.#cleared, start, end)
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

  /** Tells it of the log in `slot`, which stands as the commit has left it, or later ones. */
  emit(events: Emitter<ReplicaEvents>, slot: Slot): void {
    const { length, byteLength, fork } = slot.head
    if (this.#manifest) events.emit('manifest', {})
    if (this.#ancestors !== -1) {
      const at = this.#ancestors
      events.emit('truncate', { length: at, byteLength: byteOffset(slot, length, at) ?? 0, fork })
    }
    emitRuns(events, 'clear', this.#cleared)
    emitRuns(events, 'held', this.#held)
    // A reorganisation is told once, as a truncation, even if the new history is the longer one.
    if (this.#grew && this.#ancestors === -1 && events.has('append')) {
      events.emit('append', { length, byteLength, fork })
    }
    if (this.#conflict) events.emit('conflict', { length, fork })
  }
}

/** Adds a run to those that there are; a commit mostly has one. */
function withRun(runs: Runs, start: number, end: number): Runs {
  if (start >= end) return runs
  if (runs === undefined) return [start, end]
  const last = runs.length - 1
  if (runs[last] === start) runs[last] = end
  else if (runs[last - 1] === end) runs[last - 1] = start
  else runs.push(start, end)
  return runs
}

function emitRuns(events: Emitter<ReplicaEvents>, name: 'clear' | 'held', runs: Runs): void {
  if (runs === undefined || !events.has(name)) return
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] ?? 0
    events.emit(name, { start, length: (runs[i + 1] ?? 0) - start })
  }
}

// ---- Joining commits -----------------------------------------------------------------------------

/** A log that changes, as the commits of its store know it. */
export interface Changing {
  /** Number of the commit that it last staged something for. */
  stagedFor: number
  /** Right before its commit: what is staged later belongs to another one. */
  taken(): void
  /** A commit failed and has taken back what was staged: that of all logs. */
  lost(): void
}

const DONE = Promise.resolve()
const joints = new WeakMap<Store, Joint>()

/** The commits of one store: all logs that change in one moment share one. */
export class Joint {
  readonly #store: Store
  /** Of the commit that is to come. */
  #number = 1
  #staged: Changing[] | undefined
  #waiting: Changing[] | undefined
  #done: Promise<void> | undefined
  readonly #run = (): Promise<void> | undefined => this.#commit()

  private constructor(store: Store) {
    this.#store = store
  }

  static of(store: Store): Joint {
    let joint = joints.get(store)
    if (joint === undefined) {
      joint = new Joint(store)
      joints.set(store, joint)
    }
    return joint
  }

  /** Notes that a log has staged changes. */
  note(log: Changing): void {
    if (log.stagedFor === this.#number) return
    log.stagedFor = this.#number
    // Mostly it is one log, and a list of one is made smaller than one that may grow.
    if (this.#staged === undefined) this.#staged = [log]
    else this.#staged.push(log)
  }

  /** Commits once the running code has staged all it wants; whoever calls before that shares the record. */
  soon(log: Changing): Promise<void> {
    if (this.#waiting === undefined) this.#waiting = [log]
    else this.#waiting.push(log)
    this.#done ??= DONE.then(this.#run)
    return this.#done
  }

  /** Returns nothing where nothing must be waited for: a promise in a promise takes three turns of the microtask queue. */
  #commit(): Promise<void> | undefined {
    const staged = this.#staged
    const waiting = this.#waiting
    this.#number++
    this.#staged = undefined
    this.#waiting = undefined
    this.#done = undefined
    if (waiting !== undefined) for (const log of waiting) log.taken()
    const committed = this.#store.commit()
    if (committed === COMMITTED) return undefined
    return committed.catch((error: unknown) => {
      if (staged !== undefined) for (const log of staged) log.lost()
      throw error
    })
  }
}

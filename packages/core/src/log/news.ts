/**
 * What happened to a log since the last commit, told when it has lasted.
 *
 * Owns: the list of news of one replica, and the joining of commits: all logs of a store that change in one
 * moment share one record. Nothing is emitted for changes that were not committed.
 */

import type { Emitter } from '../base/emitter.ts'
import type { Store } from '../store/store.ts'
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
    emitRuns(events, 'clear', this.#cleared)
    emitRuns(events, 'held', this.#held)
    // A reorganisation is told once, as a truncation, even if the new history is the longer one.
    if (this.#grew && this.#ancestors === -1) events.emit('append', { length, byteLength, fork })
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

/** The commits of one store. */
interface Joint {
  /** Called if what they have staged is taken back: a failed commit takes back the changes of all logs. */
  staged: Set<() => void>
  /** The commit that is to come, if somebody waits for it. */
  next: Promise<void> | undefined
  /** Called right before it: what is staged later belongs to another one. */
  taken: (() => void)[]
}

const DONE = Promise.resolve()
const joints = new WeakMap<Store, Joint>()

function jointOf(store: Store): Joint {
  let joint = joints.get(store)
  if (joint === undefined) {
    joint = { staged: new Set(), next: undefined, taken: [] }
    joints.set(store, joint)
  }
  return joint
}

/** Notes that somebody has staged changes, who is told by `onLost` if a commit that fails takes them back. */
export function noteStaged(store: Store, onLost: () => void): void {
  jointOf(store).staged.add(onLost)
}

/**
 * Commits a store once the running code has staged all it wants; whoever calls before that shares the record.
 *
 * @param onTaken called right before the commit: what is staged later belongs to the next one
 */
export function commitSoon(store: Store, onTaken: () => void): Promise<void> {
  const joint = jointOf(store)
  joint.taken.push(onTaken)
  joint.next ??= DONE.then(() => commitNow(store, joint))
  return joint.next
}

async function commitNow(store: Store, joint: Joint): Promise<void> {
  const { taken, staged } = joint
  joint.next = undefined
  joint.taken = []
  for (const take of taken) take()
  joint.staged = new Set()
  try {
    await store.commit()
  } catch (error) {
    for (const lost of staged) lost()
    throw error
  }
}

/**
 * Changes of several logs that last together or not at all.
 *
 *   collected ──▶ all staged, or all taken back ──▶ one record in the store ──▶ told as news, log by log
 *
 * Owns: the group. Nothing is seen by anybody before all of it is; after a crash all of it is there or none. The
 * logs are of one store, since that is what has one record. Heads are signed as usual, one per log.
 */

import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import type { Draft } from './draft.ts'
import type { Log } from './log.ts'
import type { AppendOptions, Replica, TruncateOptions } from './replica.ts'
import { checkDataName } from './state.ts'

/** Takes changes down; they are made, in this order, when the function that got it is done. */
export interface AtomicGroup {
  append(log: Log, blocks: Uint8Array | readonly Uint8Array[], options?: AppendOptions): void
  truncate(log: Log, length: number, options?: TruncateOptions): void
  /** Drops blocks here (default: the one). */
  clear(log: Log, start: number, end?: number): void
  setUserData(log: Log, name: string, value: Uint8Array | undefined): void
  /** Appends what the draft holds, and ends it. `CONFLICT` if its log has moved. */
  commit(draft: Draft, options?: AppendOptions): void
  /** Makes the group fail with `CONFLICT` unless the log is at this length (and fork) at this point of it. */
  expect(log: Log, state: { readonly length: number; readonly fork?: number }): void
}

/** One change, which throws or stages all of itself. */
interface Change {
  readonly replica: Replica
  readonly stage: () => void
  /** Called when the whole group has lasted. */
  readonly onDone?: () => void
}

/**
 * Makes all changes that `fn` takes down, or none. `fn` may wait for what it likes; it sees the logs as they are
 * without its changes. If it throws, nothing was changed.
 *
 * @returns what `fn` returned, as durable as the store is
 * @throws DatError BAD_ARGUMENT if the logs are of several stores; CONFLICT if an `expect` or a draft's base does not
 *   hold; and what any of the changes throws
 */
export async function atomic<T>(fn: (group: AtomicGroup) => T | Promise<T>): Promise<T> {
  const group = new Group()
  let result: T
  try {
    result = await fn(group)
  } finally {
    group.isOver = true
  }
  const { changes } = group
  stageAll(changes)
  await Promise.all([...new Set(changes.map(({ replica }) => replica))].map((r) => r.commit()))
  for (const { onDone } of changes) onDone?.()
  return result
}

function stageAll(changes: readonly Change[]): void {
  const [first] = changes
  if (first === undefined) return
  const { store } = first.replica
  if (changes.some(({ replica }) => replica.store !== store)) {
    throw new DatError('BAD_ARGUMENT', 'Logs of several stores have no common record.')
  }
  const mark = store.mark()
  const ways = [...new Set(changes.map(({ replica }) => replica))].map((replica) => replica.mark())
  try {
    for (const { stage } of changes) stage()
  } catch (error) {
    store.rewind(mark)
    for (const back of ways) back()
    throw error
  }
}

class Group implements AtomicGroup {
  readonly changes: Change[] = []
  isOver = false

  append(log: Log, blocks: Uint8Array | readonly Uint8Array[], options: AppendOptions = {}): void {
    // Taken down now, staged later: the caller may use the memory again.
    const list = (blocks instanceof Uint8Array ? [blocks] : blocks).map(copy)
    if (list.length === 0) return
    this.#take(log, () => log.replica.append(list, options, log.cipher))
  }

  truncate(log: Log, length: number, options: TruncateOptions = {}): void {
    this.#take(log, () => log.replica.truncate(length, options))
  }

  clear(log: Log, start: number, end: number = start + 1): void {
    this.#take(log, () => log.replica.clear(start, end), false)
  }

  setUserData(log: Log, name: string, value: Uint8Array | undefined): void {
    const own = value && copy(value)
    checkDataName(name)
    this.#take(log, () => log.replica.setUserData(name, own), false)
  }

  commit(draft: Draft, options: AppendOptions = {}): void {
    const { log } = draft
    this.#take(
      log,
      () => draft.stageCommit(options),
      true,
      () => draft.committed(),
    )
  }

  expect(log: Log, { length, fork = log.fork }: { length: number; fork?: number }): void {
    this.#take(log, () => checkAt(log, length, fork), false)
  }

  #take(log: Log, stage: () => void, writes = true, onDone?: () => void): void {
    if (this.isOver) throw new DatError('CLOSED', 'This group of changes is made already.')
    const checked = (): void => {
      log.checkOpen()
      if (writes) log.checkMayWrite()
      stage()
    }
    const { replica } = log
    this.changes.push({ replica, stage: checked, ...(onDone && { onDone }) })
  }
}

/** Throws `CONFLICT` unless the log is there. */
export function checkAt(log: Log, length: number, fork: number): void {
  if (log.length === length && log.fork === fork) return
  throw new DatError('CONFLICT', 'The log has moved on.', { length: log.length, fork: log.fork })
}

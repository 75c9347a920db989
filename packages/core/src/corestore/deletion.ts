/**
 * Deleting whole logs, in slices that leave the event loop free, so that a crash between two of them is harmless.
 *
 * Owns: the stations of a deletion. Each is committed before the next begins:
 *
 * 1. The log is marked: from here on nobody gets it, whatever happens, and an interrupted deletion is ended later.
 * 2. Its blocks are dropped. Peers that it is spoken about with are told so, like of any block that is dropped.
 * 3. Its tree is dropped, from the end, so that no page is visited twice.
 * 4. Its record goes, with its name. Of a log of our own that was written a record stays: who makes it again begins a
 *    new fork. Without it, a second history would stand beside the one that peers may still hold, and freeze the log.
 */

import type { Clock } from '../base/clock.ts'
import { DatError, isCode } from '../base/errors.ts'
import { CLEAR_SLICE_BLOCKS } from '../base/limits.ts'
import { mapKey } from '../bytes/bytes.ts'
import { readU64LE, writeU64LE } from '../bytes/integers.ts'
import { clearInSlices } from '../log/clear.ts'
import { draftLogs } from '../log/draft.ts'
import { GENERATIONS } from '../log/generations.ts'
import type { Replica } from '../log/replica.ts'
import { OWN_DATA_PREFIX } from '../log/state.ts'
import type { Slot, Store } from '../store/store.ts'
import type { OpenLog } from './open-log.ts'

/** On a log that is being deleted: its fork and length before, 8 bytes each. */
const DELETING: string = `${OWN_DATA_PREFIX}deleting`
/** On what stays of a log of our own. */
const DELETED: string = `${OWN_DATA_PREFIX}deleted`

/** Dropping the tree of a very long and sparse log takes at most about so many steps. */
const TREE_STEPS_MAX = 1_024

/** What deletions ask of the store that they belong to. */
export interface DeletionHost {
  readonly store: Store
  readonly clock: Clock
  /** The log as it is open in memory. */
  find(discoveryKey: Uint8Array): OpenLog | undefined
  /** Closes it in memory; resolves when it is closed. */
  closeLog(discoveryKey: Uint8Array): Promise<void>
  /** Throws when the store is being closed: the rest is done when it is opened again. */
  checkOpen(): void
  /** A deletion that nobody may be waiting for has failed. */
  failed(key: Uint8Array, error: unknown): void
}

/** The deletions of one store that are under way. */
export class Deletions {
  readonly #host: DeletionHost
  readonly #running = new Map<string, Promise<void>>()

  constructor(host: DeletionHost) {
    this.#host = host
  }

  /** Is none under way? */
  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** The deletion of this log, if there is one: whoever wants the log waits for it. @param id `mapKey` of its discovery key */
  of(id: string): Promise<void> | undefined {
    return this.#running.get(id)
  }

  /** Deletes a stored log. All who ask at the same time wait for the same. */
  delete(log: number): Promise<void> {
    const { store } = this.#host
    const slot = store.slot(log)
    const { key, discoveryKey } = slot.identity
    const id = mapKey(discoveryKey)
    const known = this.#running.get(id)
    if (known !== undefined) return known
    const running = deleteLog(this.#host, slot).finally(() => {
      this.#running.delete(id)
    })
    this.#running.set(id, running)
    running.catch((error: unknown) => {
      if (!isCode(error, 'CLOSED')) this.#host.failed(key, error)
    })
    return running
  }

  /** Goes on with what a crash or the closing of the store cut short. Returns how many those are. */
  resume(): number {
    const { store } = this.#host
    if (!store.writable) return 0
    const logs = store.logsWith(DELETING)
    // Whoever fails has told so.
    for (const log of logs) this.delete(log).catch(() => {})
    return logs.length
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}

/** Is the log deleted, or on its way out? Then it is as if it were not there. */
export function isGone(slot: Slot): boolean {
  return slot.userData(DELETING) !== undefined || slot.userData(DELETED) !== undefined
}

/** Numbers of the logs that are deleted or on their way out. */
export function goneLogs(store: Store): number[] {
  return [...store.logsWith(DELETING), ...store.logsWith(DELETED)]
}

/** Was it deleted, and is only a record left that says so? */
export function isDeleted(slot: Slot): boolean {
  return slot.userData(DELETED) !== undefined
}

async function deleteLog(host: DeletionHost, slot: Slot): Promise<void> {
  const { store } = host
  const { discoveryKey } = slot.identity
  const open = host.find(discoveryKey)
  await open?.closeHandles()
  host.checkOpen()
  if (slot.userData(DELETING) === undefined) {
    slot.stageUserData(DELETING, encodeHead(slot.head.fork, slot.head.length))
    await store.commit()
  }
  if (open !== undefined && !open.replica.closed) await clearOpen(open.replica, host.clock)
  await host.closeLog(discoveryKey)
  host.checkOpen()
  for (const draft of draftLogs(store, slot)) await dropContent(host, store.slot(draft))
  await dropContent(host, slot)
  stageRemoval(store, slot)
  await store.commit()
}

/** What was deleted and is wanted again: our log on a new fork, empty. Throws `CONFLICT` where that can't be. */
export async function revive(store: Store, slot: Slot): Promise<void> {
  if (!GENERATIONS[slot.identity.generation].canFork) {
    throw new DatError(
      'CONFLICT',
      'This log was yours and was deleted. Logs of its generation can not begin anew: make one with another key.',
    )
  }
  slot.stageUserData(DELETED, undefined)
  await store.commit()
}

async function clearOpen(replica: Replica, clock: Clock): Promise<void> {
  try {
    await clearInSlices(replica, 0, replica.length, clock)
  } catch (error) {
    // Closed meanwhile by who closes what is idle: then nobody is there to be told.
    if (!replica.closed) throw error
  }
}

/** Drops blocks and tree of a log that nobody has open. */
export async function dropContent(
  host: Pick<DeletionHost, 'store' | 'clock' | 'checkOpen'>,
  slot: Slot,
): Promise<void> {
  const { store } = host
  const { fork, length } = slot.head
  for (let start = slot.nextHeld(0, length); start < length; ) {
    const end = Math.min(length, start + CLEAR_SLICE_BLOCKS)
    slot.stageClear(start, end)
    await store.commit()
    await turn(host)
    host.checkOpen()
    start = slot.nextHeld(end, length)
  }
  const step = Math.max(CLEAR_SLICE_BLOCKS, Math.ceil(length / TREE_STEPS_MAX))
  for (let left = length; left > 0; ) {
    left = Math.max(0, left - step)
    slot.stageTruncate({ fork, length: left, byteLength: 0, signature: undefined })
    await store.commit()
    await turn(host)
    host.checkOpen()
  }
}

function turn({ clock }: { clock: Clock }): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve))
}

function stageRemoval(store: Store, slot: Slot): void {
  const { fork, length } = decodeHead(slot.userData(DELETING))
  for (const draft of draftLogs(store, slot)) store.remove(draft)
  const isOwn = slot.identity.publicKey !== undefined
  if (!isOwn || (fork === 0 && length === 0)) {
    store.remove(slot.log)
    return
  }
  for (const name of slot.userDataNames()) slot.stageUserData(name, undefined)
  slot.stageUserData(DELETED, encodeHead(fork, length))
  const next = GENERATIONS[slot.identity.generation].canFork ? fork + 1 : fork
  slot.stageTruncate({ fork: next, length: 0, byteLength: 0, signature: undefined })
}

function encodeHead(fork: number, length: number): Uint8Array {
  const bytes = new Uint8Array(16)
  writeU64LE(bytes, 0, fork)
  writeU64LE(bytes, 8, length)
  return bytes
}

function decodeHead(bytes: Uint8Array | undefined): { fork: number; length: number } {
  if (bytes === undefined) return { fork: 0, length: 0 }
  return { fork: readU64LE(bytes, 0), length: readU64LE(bytes, 8) }
}

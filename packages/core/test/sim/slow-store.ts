/**
 * A memory store whose disk takes its time, and is full now and then.
 *
 * Owns: the delay between a commit and its sync, and commits that fail as a full disk makes them fail. It remembers
 * every head that was synced, so that a simulation can tell whether a peer was shown one that was not.
 */

import { DatError } from '../../src/base/errors.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type {
  Alias,
  Durability,
  LogEntry,
  LogIdentity,
  Slot,
  Store,
  StoreStats,
} from '../../src/store/store.ts'
import type { World } from './world.ts'

export class SlowStore implements Store {
  readonly durability: Durability = 'group'
  readonly writable = true
  readonly whyReadOnly: undefined
  readonly cause: undefined
  readonly primaryKey: Uint8Array
  /** Part of the commits that fail. */
  fullness = 0
  readonly #world: World
  readonly #inner: Store
  readonly #syncMs: number
  #syncing: Promise<void> | undefined

  constructor(world: World, syncMs: number) {
    this.#world = world
    this.#syncMs = syncMs
    this.#inner = openMemoryStore({ syncByHand: true, primaryKey: new Uint8Array(32).fill(5) })
    this.primaryKey = this.#inner.primaryKey
  }

  get roomBytes(): number {
    return this.#inner.roomBytes
  }

  setQuota(bytes: number): void {
    this.#inner.setQuota(bytes)
  }

  find(discoveryKey: Uint8Array): number | undefined {
    return this.#inner.find(discoveryKey)
  }

  findAlias(alias: Alias): number | undefined {
    return this.#inner.findAlias(alias)
  }

  slot(log: number): Slot {
    return this.#inner.slot(log)
  }

  create(identity: LogIdentity): Promise<Slot> {
    return this.#inner.create(identity)
  }

  remove(log: number): void {
    this.#inner.remove(log)
  }

  logs(): Iterable<number> {
    return this.#inner.logs()
  }

  entries(): Iterable<LogEntry> {
    return this.#inner.entries()
  }

  logsWith(userDataName: string): number[] {
    return this.#inner.logsWith(userDataName)
  }

  used(log: number, nowMs: number): void {
    this.#inner.used(log, nowMs)
  }

  reclaim(): Promise<number> {
    return this.#inner.reclaim()
  }

  mark(): number {
    return this.#inner.mark()
  }

  rewind(mark: number): void {
    this.#inner.rewind(mark)
  }

  commit(): Promise<void> {
    if (this.#world.chance(this.fullness)) {
      this.#inner.rewind(0)
      return Promise.reject(new DatError('STORE_FULL', 'The simulated disk is full.'))
    }
    const done = this.#inner.commit()
    void this.sync()
    return done
  }

  get writtenAddress(): number {
    return this.#inner.writtenAddress
  }

  get syncedAddress(): number {
    return this.#inner.syncedAddress
  }

  /** Callers of one moment share one sync; what is committed after it began waits for the next. */
  sync(): Promise<void> {
    this.#syncing ??= new Promise((resolve) => {
      this.#world.after(this.#world.random() * this.#syncMs, () => {
        this.#syncing = undefined
        void this.#inner.sync().then(resolve)
      })
    })
    return this.#syncing
  }

  onSynced(listener: () => void): () => void {
    return this.#inner.onSynced(listener)
  }

  checkpoint(): Promise<void> {
    return this.#inner.checkpoint()
  }

  stats(): StoreStats {
    return this.#inner.stats()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/**
 * The store that keeps everything in memory: for tests, browsers and drives that nobody wants to keep.
 *
 * Owns: the simplest thing that fulfils the contract, and so the oracle for the on-disk engine. Every change
 * pushes its inverse on one list; `rewind` runs them backwards, `commit` forgets them. Addresses count
 * the bytes of blocks, so that they grow as they would in a file.
 */

import { DatError, invariant } from '../base/errors.ts'
import { mapKey } from '../bytes/bytes.ts'
import { crypto, KEY_BYTES } from '../crypto/crypto.ts'
import { aliasText, checkPrimaryKey, entryOf, ownIdentity } from './checks.ts'
import { type MemoryHost, MemorySlot } from './memory-slot.ts'
import { Room } from './room.ts'
import {
  type Alias,
  COMMITTED,
  type Durability,
  type LogEntry,
  type LogIdentity,
  type Slot,
  type Store,
  type StoreStats,
} from './store.ts'

/** What a test may want to decide. */
export interface MemoryStoreOptions {
  /** 32 bytes. Default: random. */
  readonly primaryKey?: Uint8Array
  /** Bytes of blocks that are kept at most; see `OpenStoreOptions`. Default: no quota. */
  readonly quotaBytes?: number | undefined
  /** Fills bytes at random. Default: the crypto provider's. */
  readonly random?: (out: Uint8Array) => void
  /** `syncedAddress` moves only when `sync` is called, as between two syncs of a disk. Default false. */
  readonly syncByHand?: boolean
}

/** Last use is kept in hours. */
const HOUR_MS = 3_600_000

/** A new, empty store. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

/** The block that may be put; the next reservation takes its place. */
interface Reservation {
  readonly slot: MemorySlot
  readonly index: number
}

class MemoryStore implements Store, MemoryHost {
  readonly durability: Durability = 'none'
  readonly writable = true
  readonly whyReadOnly: undefined
  readonly cause: undefined
  readonly primaryKey: Uint8Array
  readonly #syncByHand: boolean
  readonly #room: Room
  readonly #slots = new Map<number, MemorySlot>()
  readonly #byDiscoveryKey = new Map<string, number>()
  readonly #byAlias = new Map<string, number>()
  readonly #used = new Map<number, number>()
  readonly #listeners = new Set<() => void>()
  readonly #undo: (() => void)[] = []
  #reserved: Reservation | undefined
  #next = 0
  // Nothing stands on address 0, so that 0 can mean "not held".
  #staged = 1
  #written = 1
  #synced = 1
  #closed = false

  constructor(options: MemoryStoreOptions) {
    checkPrimaryKey(options.primaryKey)
    this.primaryKey = new Uint8Array(KEY_BYTES)
    if (options.primaryKey !== undefined) this.primaryKey.set(options.primaryKey)
    else (options.random ?? crypto().random)(this.primaryKey)
    this.#syncByHand = options.syncByHand ?? false
    this.#room = new Room(options.quotaBytes ?? Number.POSITIVE_INFINITY, 0, {
      usedBytes: () => this.stats().liveBytes,
      freeBytes: () => Number.POSITIVE_INFINITY,
      measuredTo: () => this.#staged,
    })
  }

  get roomBytes(): number {
    return this.#room.left
  }

  setQuota(bytes: number): void {
    this.#room.setQuota(bytes)
  }

  // ---- Logs ----

  find(discoveryKey: Uint8Array): number | undefined {
    return this.#byDiscoveryKey.get(mapKey(discoveryKey))
  }

  findAlias(alias: Alias): number | undefined {
    return this.#byAlias.get(aliasText(alias))
  }

  slot(log: number): Slot {
    const slot = this.#slots.get(log)
    if (slot === undefined) throw new DatError('NOT_FOUND', `The store has no log ${log}.`, { log })
    return slot
  }

  async create(given: LogIdentity): Promise<Slot> {
    this.#checkOpen()
    const identity = ownIdentity(given)
    if (this.find(identity.discoveryKey) !== undefined) {
      throw new DatError('CONFLICT', 'The store has this log already.')
    }
    if (identity.alias !== undefined && this.findAlias(identity.alias) !== undefined) {
      throw new DatError('CONFLICT', 'The store has a log of this name already.')
    }
    const slot = new MemorySlot(this, this.#next++, identity)
    this.#register(slot)
    this.changed(0, () => this.#forget(slot))
    await this.commit()
    await this.sync()
    return slot
  }

  remove(log: number): void {
    this.#checkOpen()
    const slot = this.#slots.get(log)
    if (slot === undefined) return
    this.#forget(slot)
    this.changed(0, () => this.#register(slot))
  }

  logs(): Iterable<number> {
    return [...this.#slots.keys()].sort((a, b) => a - b)
  }

  *entries(): Iterable<LogEntry> {
    for (const log of this.logs()) {
      const slot = this.#slots.get(log)
      if (slot !== undefined) yield entryOf(slot, this.#used.get(log) ?? 0)
    }
  }

  logsWith(userDataName: string): number[] {
    return [...this.logs()].filter((log) => this.slot(log).userData(userDataName) !== undefined)
  }

  used(log: number, nowMs: number): void {
    this.#used.set(log, nowMs - (nowMs % HOUR_MS))
  }

  // ---- Changes ----

  mark(): number {
    this.#reserved = undefined
    return this.#undo.length
  }

  rewind(mark: number): void {
    this.#reserved = undefined
    while (this.#undo.length > mark) this.#undo.pop()?.()
  }

  commit(): Promise<void> {
    if (this.#closed) return Promise.reject(closed())
    this.#undo.length = 0
    this.#reserved = undefined
    this.#written = this.#staged
    if (!this.#syncByHand) this.#syncNow()
    return COMMITTED
  }

  get writtenAddress(): number {
    return this.#written
  }

  get syncedAddress(): number {
    return this.#synced
  }

  sync(): Promise<void> {
    this.#syncNow()
    return DONE
  }

  onSynced(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  checkpoint(): Promise<void> {
    return DONE
  }

  /** Memory that nobody refers to is given back by the runtime. */
  reclaim(): Promise<number> {
    return this.commit().then(() => 0)
  }

  stats(): StoreStats {
    let liveBytes = 0
    for (const slot of this.#slots.values()) liveBytes += slot.blockBytes
    return { logs: this.#slots.size, liveBytes, fileBytes: 0 }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.commit()
    this.#syncNow()
    this.#closed = true
    this.#listeners.clear()
  }

  // ---- For the slots ----

  /** Notes a change of `bytes` new bytes and how to take it back; returns the address behind it. */
  changed(bytes: number, undo: () => void): number {
    this.#checkOpen()
    this.#undo.push(undo)
    this.#staged += bytes + 1
    return this.#staged
  }

  reserve(slot: MemorySlot, index: number, size: number): void {
    this.#checkOpen()
    this.#room.check(this.#staged, size)
    this.#reserved = { slot, index }
  }

  takeReservation(slot: MemorySlot, index: number): void {
    const { slot: owner, index: reserved } = this.#reserved ?? {}
    this.#reserved = undefined
    invariant(
      owner === slot && reserved === index,
      'A block was put that is not the reserved one.',
      {
        index,
      },
    )
  }

  #register(slot: MemorySlot): void {
    const { discoveryKey, alias } = slot.identity
    this.#slots.set(slot.log, slot)
    this.#byDiscoveryKey.set(mapKey(discoveryKey), slot.log)
    if (alias !== undefined) this.#byAlias.set(aliasText(alias), slot.log)
  }

  #forget(slot: MemorySlot): void {
    const { discoveryKey, alias } = slot.identity
    invariant(this.#slots.delete(slot.log), 'A log was removed twice.', { log: slot.log })
    this.#byDiscoveryKey.delete(mapKey(discoveryKey))
    if (alias !== undefined) this.#byAlias.delete(aliasText(alias))
  }

  #syncNow(): void {
    if (this.#synced === this.#written) return
    this.#synced = this.#written
    for (const listener of [...this.#listeners]) listener()
  }

  #checkOpen(): void {
    if (this.#closed) throw closed()
  }
}

const DONE = Promise.resolve()

function closed(): DatError {
  return new DatError('CLOSED', 'The store is closed.')
}

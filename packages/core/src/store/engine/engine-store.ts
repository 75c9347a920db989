/**
 * The on-disk store: the parts joined, and the contract `Store` in their terms.
 *
 * Owns: what a failure means for the whole store, and the order of closing. Everything else is one of the parts:
 * `commits.ts` writes, `syncer.ts` syncs, `maintenance.ts` says when `checkpoint.ts` writes the index and when
 * `reclaim.ts` and `rewrite.ts` give space back, `log-table.ts` knows the logs.
 */

import type { Clock } from '../../base/clock.ts'
import { DatError, isCode } from '../../base/errors.ts'
import { Line } from '../../base/line.ts'
import { TurnPace } from '../../base/pace.ts'
import { ownIdentity } from '../checks.ts'
import type { Crc32 } from '../crc32.ts'
import type { StoreSizes } from '../options.ts'
import {
  type Alias,
  COMMITTED,
  type Durability,
  type LogEntry,
  type LogIdentity,
  type ReclaimOptions,
  type Slot,
  type Store,
  type StoreStats,
} from '../store.ts'
import { Checkpointer } from './checkpoint.ts'
import { Commits } from './commits.ts'
import type { FileTable } from './files.ts'
import { closed, type Gate } from './gate.ts'
import { ITEM_CREATED, ITEM_REMOVED, writeIdentity } from './items.ts'
import type { KeyFile } from './key-file.ts'
import type { Loaded } from './load.ts'
import { Maintenance } from './maintenance.ts'
import { Reclaimer } from './reclaim.ts'
import { Rewriter } from './rewrite.ts'
import type { EngineSlot } from './slot.ts'
import { Syncer } from './syncer.ts'

/** Whether logs that were made in one moment are written. */
class Created {
  readonly written: Promise<void>
  /** One of them is ours, so that they must be on the disk. */
  isOwn = false
  settle: (done: Promise<void>) => void = () => {}

  constructor() {
    this.written = new Promise((resolve) => {
      this.settle = resolve
    })
  }
}

/** What opening has found out, beside the content. */
export interface EngineOptions {
  readonly files: FileTable
  readonly keys: KeyFile
  readonly gate: Gate
  readonly clock: Clock
  readonly crc32: Crc32
  readonly durability: Durability
  readonly sizes: StoreSizes
  /** `Disk.identity` now. */
  readonly identity: string
  /** Whether the lock is ours to release. */
  readonly isLocked: boolean
}

/** Longer than the fixed part of an identity, alias and numbers included. */
const IDENTITY_BYTES = 256
/** Last use is kept in hours. */
const HOUR_MS = 3_600_000
/** Part of a segment's size that makes it worth ending the last one early. */
const ROLL_PART = 16

export class EngineStore implements Store {
  readonly durability: Durability
  readonly #options: EngineOptions
  readonly #loaded: Loaded
  readonly #commits: Commits
  readonly #syncer: Syncer
  readonly #maintenance: Maintenance
  /** Who commits again and again would keep syncs, timers and sockets waiting: awaiting runs microtasks only. */
  readonly #pace: TurnPace
  /** Whoever has made a log goes on with it: five hundred in one moment are more than one turn of the event loop. */
  readonly #line: Line
  #closing: Promise<void> | undefined
  /** Logs that are made and not written yet; whatever commit comes next tells those who made them. */
  #created: Created | undefined

  constructor(options: EngineOptions, loaded: Loaded) {
    this.#options = options
    this.#loaded = loaded
    this.durability = options.durability
    const { data, pages, staging, undo, frees, cache, logs, index, replayed } = loaded
    const { clock, crc32, durability, sizes, gate, identity } = options
    const syncs = durability !== 'none'
    this.#pace = new TurnPace(clock)
    this.#line = new Line(clock)
    this.#syncer = new Syncer(
      {
        clock,
        durability,
        flush: () => data.sync(),
        end: () => data.end,
        failed: (cause) => this.#fail(cause),
        reached: (address) => this.#noteSynced(address),
      },
      replayed.end,
      replayed.end,
    )
    const syncer = this.#syncer
    const holes = (rows: readonly number[]): void => reclaimer.add(rows)
    this.#commits = new Commits({ data, staging, undo, frees, syncer, crc32, holes }, replayed.crc)
    const commits = this.#commits
    const checkpointer = new Checkpointer(
      { clock, crc32, data, pages, cache, logs, commits, syncer, index, identity, syncs },
      loaded.position,
    )
    const reclaimer = new Reclaimer(data, pages, checkpointer, clock)
    const rewriter = new Rewriter({
      ...{ clock, data, pages, logs, staging, commits },
      rollBytes: sizes.segmentBytes / ROLL_PART,
      position: () => checkpointer.position,
    })
    this.#maintenance = new Maintenance({
      ...{ clock, sizes, gate, data, cache, logs, frees, commits, checkpointer },
      ...{ reclaimer, rewriter },
      fileBytes: () => this.stats().fileBytes,
      fail: (cause) => this.#fail(cause),
    })
  }

  get writable(): boolean {
    return this.#options.gate.isOpen
  }

  get whyReadOnly(): string | undefined {
    return this.#options.gate.why
  }

  get roomBytes(): number {
    return this.#loaded.room.left
  }

  setQuota(bytes: number): void {
    this.#loaded.room.setQuota(bytes)
  }

  get cause(): unknown {
    return this.#options.gate.cause
  }

  get primaryKey(): Uint8Array {
    return this.#options.keys.primaryKey
  }

  // ---- Logs ----

  find(discoveryKey: Uint8Array): number | undefined {
    return this.#loaded.logs.find(discoveryKey)
  }

  findAlias(alias: Alias): number | undefined {
    return this.#loaded.logs.findAlias(alias)
  }

  slot(log: number): Slot {
    return this.#loaded.logs.slot(log)
  }

  logs(): Iterable<number> {
    return this.#loaded.logs.numbers()
  }

  entries(): Iterable<LogEntry> {
    return this.#loaded.logs.entries()
  }

  logsWith(userDataName: string): number[] {
    return this.#loaded.logs.withUserData(userDataName)
  }

  used(log: number, nowMs: number): void {
    if (this.writable) this.#loaded.logs.used(log, Math.floor(nowMs / HOUR_MS))
  }

  async create(given: LogIdentity): Promise<Slot> {
    this.#options.gate.check()
    const { keys } = this.#options
    const identity = ownIdentity(given)
    const { publicKey, secretKey } = identity
    this.#checkNew(identity)
    if (publicKey !== undefined && secretKey !== undefined) {
      await keys.add(publicKey, secretKey)
      // Somebody may have been faster.
      this.#options.gate.check()
      this.#checkNew(identity)
    }
    const slot = this.#stageCreated(identity)
    await this.#commitCreated(publicKey !== undefined)
    return this.#line.run(() => slot)
  }

  /** Those that are made in one moment share one record and one write, and one sync where one of them is ours. */
  #commitCreated(isOwn: boolean): Promise<void> {
    if (this.#created === undefined) {
      this.#created = new Created()
      // Whoever made a log is told what became of it by the commit itself.
      const commit = (): Promise<void> => (this.#created === undefined ? COMMITTED : this.commit())
      COMMITTED.then(commit).catch(() => {})
    }
    this.#created.isOwn ||= isOwn
    return this.#created.written
  }

  #checkNew(identity: LogIdentity): void {
    if (this.find(identity.discoveryKey) !== undefined) {
      throw new DatError('CONFLICT', 'The store has this log already.')
    }
    if (identity.alias !== undefined && this.findAlias(identity.alias) !== undefined) {
      throw new DatError('CONFLICT', 'The store has a log of this name already.')
    }
  }

  #stageCreated(identity: LogIdentity): EngineSlot {
    const { logs, undo, staging } = this.#loaded
    const slot = logs.add(logs.next, identity)
    undo.other(() => logs.remove(slot))
    const { manifest, alias } = identity
    const bytes = IDENTITY_BYTES + (manifest?.length ?? 0) + 4 * (alias?.name.length ?? 0)
    writeIdentity(staging.item(slot, ITEM_CREATED, bytes), identity)
    return slot
  }

  remove(log: number): void {
    this.#options.gate.check()
    const { logs, undo, staging } = this.#loaded
    const slot = logs.slotIf(log)
    if (slot === undefined) return
    slot.state.applyDropAll()
    logs.remove(slot)
    undo.other(() => logs.restore(slot))
    staging.item(slot, ITEM_REMOVED, 0)
  }

  // ---- Changes ----

  mark(): number {
    return this.#commits.mark()
  }

  rewind(mark: number): void {
    this.#commits.rewind(mark)
  }

  commit(): Promise<void> {
    const created = this.#created
    if (created === undefined) return this.#commit()
    this.#created = undefined
    const done = this.#commit()
    // What is ours must not be made a second time after a power cut; what is others' can be fetched again.
    const isKept = (): Promise<void> => this.#syncer.force(this.#syncer.written)
    created.settle(created.isOwn ? done.then(isKept) : done)
    return done
  }

  #commit(): Promise<void> {
    const { gate } = this.#options
    if (gate.isClosed) return Promise.reject(closed())
    // Nothing can have been staged; who only reads may close his logs in the usual way.
    if (gate.why !== undefined && this.#commits.isEmpty) return COMMITTED
    try {
      gate.check()
      this.#commits.write()
    } catch (error) {
      if (!isCode(error, 'STORE_FULL')) this.#fail(error)
      return Promise.reject(error)
    }
    const acknowledged = this.durability === 'strict' ? this.#syncer.sync() : this.#paced()
    const room = this.#maintenance.consider()
    return room === undefined ? acknowledged : room.then(() => acknowledged)
  }

  #paced(): Promise<void> {
    return this.#pace.isOver ? this.#pace.turn() : COMMITTED
  }

  get writtenAddress(): number {
    return this.#syncer.written
  }

  get syncedAddress(): number {
    // A sync may cover more than commits: records that only say how far things were synced.
    return Math.min(this.#syncer.synced, this.#syncer.written)
  }

  sync(): Promise<void> {
    return this.#options.gate.isClosed ? Promise.reject(closed()) : this.#syncer.sync()
  }

  onSynced(listener: () => void): () => void {
    return this.#syncer.onSynced(listener)
  }

  stats(): StoreStats {
    const { data, pages, index, logs } = this.#loaded
    return {
      logs: logs.size,
      liveBytes: data.liveBytes + pages.liveBytes + index.images.liveBytes,
      fileBytes: data.fileBytes + pages.fileBytes + index.fileBytes,
    }
  }

  async checkpoint(): Promise<void> {
    if (this.#options.gate.isClosed) throw closed()
    await this.#maintenance.checkpoint(() => this.commit())
  }

  async reclaim(options: ReclaimOptions = {}): Promise<number> {
    this.#options.gate.check()
    return this.#maintenance.reclaim(options, () => this.commit())
  }

  /** Called by whoever opened the store, when the index must be written anew. */
  renewIndex(): Promise<void> {
    return this.#maintenance.renewIndex()
  }

  // ---- Ends ----

  /** The store is not written any more, because what is on the disk is no longer known. */
  #fail(cause: unknown): DatError {
    const { gate } = this.#options
    if (gate.why === undefined) {
      const what = cause instanceof Error ? ` (${cause.message.replace(/\.$/, '')})` : ''
      gate.why = `a write or a sync failed${what}, and what is on the disk is unknown until it is opened again`
      gate.cause = cause
    }
    if (cause instanceof DatError) return cause
    return new DatError('IO', 'The store could not be written.', {}, cause)
  }

  #noteSynced(address: number): void {
    if (!this.writable) return
    try {
      this.#loaded.mark.write(address)
    } catch (error) {
      this.#fail(error)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { gate, files, isLocked } = this.#options
    try {
      await this.#maintenance.end()
      if (this.writable) {
        await this.commit()
        await this.#maintenance.finish()
        await this.#syncer.sync()
      }
    } finally {
      gate.isClosed = true
      this.#maintenance.stop()
      this.#syncer.stop()
      files.end()
      if (isLocked) files.disk.unlock()
    }
  }
}

/**
 * The on-disk store: the parts joined, and the contract `Store` in their terms.
 *
 * Owns: when a checkpoint runs, what a failure means for the whole store, and the order of closing. Everything else
 * is one of the parts: `commits.ts` writes, `syncer.ts` syncs, `checkpoint.ts` writes the index, `reclaim.ts` and
 * `rewrite.ts` give space back, `log-table.ts` knows the logs.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { DatError, invariant, isCode } from '../../base/errors.ts'
import { CHECKPOINT_IDLE_MS } from '../../base/limits.ts'
import { ownIdentity } from '../checks.ts'
import type { Crc32 } from '../crc32.ts'
import type { StoreSizes } from '../options.ts'
import type { Alias, Durability, LogIdentity, Slot, Store, StoreStats } from '../store.ts'
import { Checkpointer } from './checkpoint.ts'
import { Commits } from './commits.ts'
import type { FileTable } from './files.ts'
import { closed, type Gate } from './gate.ts'
import { ITEM_CREATED, ITEM_REMOVED, writeIdentity } from './items.ts'
import type { KeyFile } from './key-file.ts'
import type { Loaded } from './load.ts'
import { Reclaimer } from './reclaim.ts'
import { Rewriter } from './rewrite.ts'
import type { EngineSlot } from './slot.ts'
import { Syncer } from './syncer.ts'

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
/** Checkpoints that follow one another to give space back, at most. */
const ROUNDS_MAX = 64
/** Part of a segment's size that makes it worth ending the last one early. */
const ROLL_PART = 16
/** Data written before a checkpoint that found no room is tried again. */
const RETRY_BYTES = 1_048_576

export class EngineStore implements Store {
  readonly durability: Durability
  readonly #options: EngineOptions
  readonly #loaded: Loaded
  readonly #commits: Commits
  readonly #syncer: Syncer
  readonly #checkpointer: Checkpointer
  readonly #reclaimer: Reclaimer
  readonly #rewriter: Rewriter
  /** The checkpoint that runs, and those that wait for the next. */
  #running: Promise<void> | undefined
  #idleTimer: Timer | undefined
  #commitCount = 0
  /** After a checkpoint failed for want of room, none is tried below this end of the data log. */
  #retryAt = 0
  #closing: Promise<void> | undefined

  constructor(options: EngineOptions, loaded: Loaded) {
    this.#options = options
    this.#loaded = loaded
    this.durability = options.durability
    const { data, pages, staging, undo, frees, cache, logs, index, replayed } = loaded
    const { clock, crc32, durability, sizes, gate, identity } = options
    const syncs = durability !== 'none'
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
    this.#commits = new Commits(
      { data, staging, undo, frees, syncer, crc32, holes: (rows) => this.#reclaimer.add(rows) },
      replayed.crc,
    )
    const commits = this.#commits
    this.#checkpointer = new Checkpointer(
      { clock, crc32, data, pages, cache, logs, commits, syncer, index, identity, syncs },
      loaded.position,
    )
    this.#reclaimer = new Reclaimer(data, pages, this.#checkpointer)
    this.#rewriter = new Rewriter({
      ...{ data, pages, logs, staging, commits },
      rollBytes: sizes.segmentBytes / ROLL_PART,
      position: () => this.#checkpointer.position,
      pause: async () => {
        await new Promise<void>((resolve) => clock.soon(resolve))
        return gate.isOpen
      },
    })
  }

  get writable(): boolean {
    return this.#options.gate.isOpen
  }

  get whyReadOnly(): string | undefined {
    return this.#options.gate.why
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
    await this.commit()
    // What is ours must not be made a second time after a power cut; what is others' can be fetched again.
    if (publicKey !== undefined) await this.#syncer.force(this.#syncer.written)
    return slot
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
    const { gate } = this.#options
    if (gate.isClosed) return Promise.reject(closed())
    // Nothing can have been staged; who only reads may close his logs in the usual way.
    if (gate.why !== undefined && this.#commits.isEmpty) return DONE
    try {
      gate.check()
      this.#commits.write()
    } catch (error) {
      if (!isCode(error, 'STORE_FULL')) this.#fail(error)
      return Promise.reject(error)
    }
    this.#commitCount++
    const acknowledged = this.durability === 'strict' ? this.#syncer.sync() : DONE
    const room = this.#considerCheckpoint()
    return room === undefined ? acknowledged : room.then(() => acknowledged)
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

  // ---- Checkpoints ----

  async checkpoint(): Promise<void> {
    if (this.#options.gate.isClosed) throw closed()
    while (this.#running !== undefined) await this.#running.catch(ignore)
    if (!this.writable) return
    // In one turn, so that nobody stages between the two. The commit itself may have started the checkpoint.
    const committed = this.commit()
    await Promise.all([committed, this.#running ?? this.#run(true)])
  }

  /** Starts a checkpoint if one is due. Returns what a commit must wait for: mostly nothing. */
  #considerCheckpoint(): Promise<void> | undefined {
    const { sizes } = this.#options
    const { cache, data } = this.#loaded
    const behind = data.end - this.#checkpointer.position
    if (behind < sizes.checkpointBytes && cache.dirtyBytes < sizes.dirtyBytes) {
      this.#planIdle()
      return undefined
    }
    if (this.#running === undefined && data.end >= this.#retryAt) this.#runSoon()
    // Changed pages can't leave memory before they are written: whoever makes more of them waits.
    const isTooMuch = cache.dirtyBytes >= 2 * sizes.dirtyBytes
    return isTooMuch ? this.#running?.catch(ignore) : undefined
  }

  #planIdle(): void {
    if (this.#idleTimer !== undefined) return
    const { clock } = this.#options
    const seen = this.#commitCount
    this.#idleTimer = clock.after(CHECKPOINT_IDLE_MS, () => {
      this.#idleTimer = undefined
      if (seen !== this.#commitCount) this.#planIdle()
      else if (this.#running === undefined && this.#needsCheckpoint) this.#runSoon()
    })
  }

  /** A checkpoint that nobody waits for: a failure that matters closes the gate. */
  #runSoon(): void {
    if (this.writable) this.#run(true).catch(ignore)
  }

  /** @param gives - also gives space back, which may take several checkpoints */
  #run(gives: boolean): Promise<void> {
    invariant(this.#running === undefined, 'Two checkpoints at a time.')
    const running = this.#runRounds(gives).finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #runRounds(gives: boolean): Promise<void> {
    try {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        // Somebody is staging in this very turn: his commit will come back here.
        if (!this.writable || !this.#commits.isEmpty) return
        await this.#checkpointer.run()
        if (!this.writable) return
        this.#reclaimer.release()
        const isWorking = gives && (await this.#rewriter.run())
        if (!isWorking && !this.#reclaimer.isWaiting) return
      }
    } catch (error) {
      if (isCode(error, 'STORE_FULL')) this.#retryAt = this.#loaded.data.end + RETRY_BYTES
      else this.#fail(error)
      throw error
    }
  }

  /** Called by whoever opened the store, when the index must be written anew. */
  async renewIndex(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(ignore)
    this.#checkpointer.mustRewrite = true
    await this.#run(false)
  }

  // ---- Ends ----

  /** The store is not written any more, because what is on the disk is no longer known. */
  #fail(cause: unknown): DatError {
    const { gate } = this.#options
    gate.why ??=
      'a write or a sync failed, and what is on the disk is unknown until it is opened again'
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
      await this.#running?.catch(ignore)
      if (this.writable) {
        await this.commit()
        await this.#running?.catch(ignore)
        if (this.#needsCheckpoint) await this.#run(false).catch(unlessFull)
        await this.#syncer.sync()
      }
    } finally {
      gate.isClosed = true
      this.#idleTimer?.cancel()
      this.#syncer.stop()
      files.closeAll()
      if (isLocked) files.disk.unlock()
    }
  }

  get #needsCheckpoint(): boolean {
    const { data, logs } = this.#loaded
    return (
      data.end > this.#checkpointer.position || logs.changed.size > 0 || this.#reclaimer.isWaiting
    )
  }
}

const DONE = Promise.resolve()

/** Without room for a checkpoint, the next opening has more to replay, and that is all. */
function unlessFull(error: unknown): void {
  if (!isCode(error, 'STORE_FULL')) throw error
}

/** For a promise whose failure has told whom it concerns already. */
function ignore(): void {}

/**
 * When the data log is synced, and who waits for it.
 *
 * Owns: `written` and `synced`. One sync runs at a time; it covers what was written when it began, and those who asked
 * meanwhile share the next one. In mode `group` a sync follows a write within `GROUP_SYNC_MS` or
 * `GROUP_SYNC_BYTES`. A sync that failed is never tried again: what is on the disk is then unknown. Ten thousand logs
 * may wait for one sync: they are told of it in slices.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import type { DatError } from '../../base/errors.ts'
import { GROUP_SYNC_BYTES, GROUP_SYNC_MS, SLICE_ITEMS } from '../../base/limits.ts'
import { TurnPace } from '../../base/pace.ts'
import type { Durability } from '../store.ts'

/** What a syncer needs of its store. */
export interface SyncHost {
  readonly clock: Clock
  readonly durability: Durability
  /** Syncs all files of the data log. */
  flush(): Promise<void>
  /** Where the data log ends, behind what was committed. */
  end(): number
  /** A sync failed; returns the error for those who wait. */
  failed(cause: unknown): DatError
  /** Everything below `address` is on the disk. */
  reached(address: number): void
}

interface Waiter {
  readonly address: number
  readonly resolve: () => void
  readonly reject: (error: DatError) => void
}

export class Syncer {
  /** Address behind everything committed. */
  written: number
  /** Everything below is on the disk. */
  synced: number
  readonly #host: SyncHost
  readonly #listeners = new Set<() => void>()
  #waiters: Waiter[] = []
  /** Who is to be told of the newest sync, and was not yet. */
  readonly #untold = new Set<() => void>()
  #isTelling = false
  readonly #pace: TurnPace
  #timer: Timer | undefined
  #isRunning = false
  #error: DatError | undefined

  constructor(host: SyncHost, written: number, synced: number) {
    this.#host = host
    this.#pace = TurnPace.on(host.clock)
    this.written = written
    this.synced = synced
  }

  onSynced(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      this.#untold.delete(listener)
    }
  }

  /** A commit was handed to the system; the log now ends at `address`. */
  wrote(address: number): void {
    this.written = address
    if (this.#host.durability === 'none') this.#reached(address)
    else this.#plan()
  }

  /** Resolves when everything committed so far is synced; at once in mode `none`. */
  sync(): Promise<void> {
    return this.#host.durability === 'none' ? DONE : this.force(this.written)
  }

  /** Resolves when everything below `address` is synced, in every mode. */
  force(address: number): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    // In mode `none`, `synced` says nothing about the disk.
    if (this.synced >= address && this.#host.durability !== 'none') return DONE
    return new Promise((resolve, reject) => {
      this.#waiters.push({ address, resolve, reject })
      this.#start()
    })
  }

  /** No more timers; what runs, runs to its end. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const listener of this.#listeners) this.#untold.delete(listener)
    this.#listeners.clear()
  }

  #plan(): void {
    if (this.#isRunning) return
    if (this.#waiters.length > 0 || this.written - this.synced >= GROUP_SYNC_BYTES) this.#start()
    else if (this.synced < this.written) {
      this.#timer ??= this.#host.clock.after(GROUP_SYNC_MS, () => this.#start())
    }
  }

  #start(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isRunning || this.#error !== undefined) return
    this.#isRunning = true
    const target = this.#host.end()
    this.#host.flush().then(
      () => this.#ended(target),
      (cause: unknown) => this.#failed(cause),
    )
  }

  #ended(target: number): void {
    this.#isRunning = false
    this.#host.reached(target)
    const waiters = this.#waiters
    this.#waiters = waiters.filter(({ address }) => address > target)
    this.#note(target)
    for (const waiter of waiters) if (waiter.address <= target) this.#untold.add(waiter.resolve)
    this.#tell()
    this.#plan()
  }

  #failed(cause: unknown): void {
    this.#isRunning = false
    const error = this.#host.failed(cause)
    this.#error = error
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(error)
  }

  #reached(address: number): void {
    this.#note(address)
    this.#tell()
  }

  #note(address: number): void {
    if (address <= this.synced) return
    this.synced = address
    for (const listener of this.#listeners) this.#untold.add(listener)
  }

  #tell(): void {
    if (!this.#isTelling && this.#untold.size > 0) void this.#tellAll()
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true
    let told = 0
    // Who comes in meanwhile stands at the end.
    for (const tell of this.#untold) {
      this.#untold.delete(tell)
      tell()
      if (++told % SLICE_ITEMS !== 0) continue
      // What those who were told go on with is part of the slice.
      await DONE
      if (this.#pace.isOver) await this.#pace.turn()
    }
    this.#isTelling = false
  }
}

const DONE = Promise.resolve()

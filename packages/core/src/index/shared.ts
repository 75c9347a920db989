/**
 * What the object, the views and the batches of one bee have in common.
 *
 * Owns: the log, the decoded blocks, the write lock, the tree that the last write left in memory, and the
 * question whether there is a bee at all. A log that is empty here and not ours says nothing about what its
 * author wrote: `prepare` waits for its first block, so that "not there" is always known and never silence.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { Mutex } from '../base/mutex.ts'
import { DEFAULT_WAIT_MS, type WaitOptions } from '../log/remote.ts'
import { decodeHeader } from './block.ts'
import { Blocks } from './blocks.ts'
import { Hinting } from './hinting.ts'
import type { LogSource } from './source.ts'
import type { Tree } from './tree.ts'
import type { BeeHeader, BeeOptions } from './types.ts'

export class Shared {
  readonly source: LogSource
  readonly blocks: Blocks
  readonly hinting: Hinting
  readonly clock: Clock
  readonly readOnly: boolean
  /** Metadata for the header, if we are the one who writes it. */
  readonly metadata: Partial<BeeHeader> | undefined
  readonly lock: Mutex = new Mutex()
  closed = false
  /** The tree as the last write left it, if no block was added or lost since. */
  #tree: { readonly tree: Tree; readonly version: number; readonly epoch: number } | undefined =
    undefined
  #header: BeeHeader | undefined = undefined
  #headerEpoch = 0
  readonly #onClose = new Set<() => void>()

  constructor(source: LogSource, options: BeeOptions) {
    this.source = source
    this.blocks = new Blocks(source, options.cacheBytes)
    this.clock = options.clock ?? systemClock
    this.hinting = new Hinting(source, this.clock)
    this.readOnly = options.readOnly ?? false
    this.metadata = options.metadata
  }

  get writable(): boolean {
    return !this.readOnly && this.source.writable
  }

  /** Blocks of the log; an empty bee and an empty log are both version 1. */
  get version(): number {
    return Math.max(1, this.source.length)
  }

  /** The header, if it is here and was checked. */
  get header(): BeeHeader | undefined {
    return this.isReady() ? this.#header : undefined
  }

  /** Is it known, without waiting, that this is a bee (or that it is ours and empty)? */
  isReady(): boolean {
    this.checkOpen()
    const { blocks, source } = this
    if (source.length === 0) return source.writable
    if (this.#header !== undefined && blocks.isWhole(1, this.#headerEpoch)) return true
    const block = source.peek(0)
    if (block === undefined) return false
    this.#header = decodeHeader(block)
    this.#headerEpoch = blocks.epoch
    return true
  }

  /** Waits until `isReady`. */
  async prepare(options: WaitOptions): Promise<void> {
    if (this.isReady()) return
    const { source, clock } = this
    if (source.length === 0) {
      const { timeoutMs = DEFAULT_WAIT_MS } = options
      const began = clock.now()
      // Fails soon if nobody is there. Peers that have nothing prove nothing: they may be readers who came
      // before the author did. So what they say is no answer, and the first block is waited for.
      await source.update(options)
      const leftMs = timeoutMs === 0 ? 0 : Math.max(1, timeoutMs - (clock.now() - began))
      if (source.length === 0) await source.get(0, { ...options, timeoutMs: leftMs })
    }
    // The root is wanted next in any case: two blocks, one round trip.
    await Promise.all([source.get(0, options), source.get(source.length - 1, options)])
    if (this.isReady()) return
    throw new DatError('NOT_AVAILABLE', 'The first block of the bee went away while it was read.', {
      seq: 0,
    })
  }

  /** The kept tree, if it is that of now; whoever takes it may change it. */
  takeTree(): Tree | undefined {
    const kept = this.#tree
    this.#tree = undefined
    if (kept?.version !== this.version || kept.epoch !== this.blocks.epoch) return undefined
    return kept.tree
  }

  keepTree(tree: Tree, version: number): void {
    this.#tree = { tree, version, epoch: this.blocks.epoch }
  }

  /** Resolves when the log grows or shrinks next; rejects with `ABORTED` or `CLOSED`. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    this.checkOpen()
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        for (const off of offs) off()
        this.#onClose.delete(closed)
        signal?.removeEventListener('abort', aborted)
        settle()
      }
      const closed = (): void => end(() => reject(new DatError('CLOSED', 'The bee was closed.')))
      const aborted = (): void =>
        end(() => reject(new DatError('ABORTED', 'Waiting was aborted.', {}, signal?.reason)))
      const offs = [
        this.source.on('append', () => end(resolve)),
        this.source.on('truncate', () => end(resolve)),
        this.source.on('closed', () => closed()),
      ]
      this.#onClose.add(closed)
      signal?.addEventListener('abort', aborted)
      if (signal?.aborted === true) aborted()
    })
  }

  checkOpen(): void {
    if (this.closed) throw new DatError('CLOSED', 'The bee was closed.')
  }

  checkWritable(): void {
    this.checkOpen()
    if (this.writable) return
    throw new DatError('NOT_WRITABLE', 'This bee is read-only here: the secret key is elsewhere.')
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    this.#tree = undefined
    for (const closed of [...this.#onClose]) closed()
    this.hinting.close()
    this.blocks.close()
    return this.source.close()
  }
}

/**
 * Many operations on a bee that become one append.
 *
 * Owns: the lock, from the first operation to `flush` or `close`, so that nothing else writes in between.
 * Operations take effect in the order in which they were called, awaited or not; where all nodes are in memory
 * they take effect at once. Blocks are byte-identical with hyperbee's for the same operations.
 */

import { DatError } from '../base/errors.ts'
import type { Release } from '../base/mutex.ts'
import { Pace } from '../base/pace.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Draft } from './draft.ts'
import type { Keyspace } from './keyspace.ts'
import type { Shared } from './shared.ts'
import type { BeeEntry, DelOptions, PutOptions } from './types.ts'
import type { BeeView } from './view.ts'
import { NOT_HERE } from './walk.ts'
import { commit, openDraft, settled } from './write.ts'

export class BeeBatch {
  readonly #shared: Shared
  readonly #keys: Keyspace
  readonly #view: BeeView
  readonly #pace: Pace
  #draft: Draft | undefined = undefined
  #release: Release | undefined = undefined
  /** Operations that wait, for the lock or for a block; those that come follow them. */
  #tail: Promise<unknown> | undefined = undefined
  #over = false

  constructor(shared: Shared, keys: Keyspace, view: BeeView) {
    this.#shared = shared
    this.#keys = keys
    this.#view = view
    this.#pace = new Pace(shared.clock)
  }

  /** Blocks that `flush` will append. */
  get length(): number {
    return this.#draft?.length ?? 0
  }

  /** Sees the batch's own writes. */
  get(key: Uint8Array, options: WaitOptions = {}): Promise<BeeEntry | undefined> {
    const draft = this.#draft
    if (draft === undefined && this.#tail === undefined) return this.#view.get(key, options)
    return this.#run((open) => open.get(key))
  }

  put(key: Uint8Array, value: Uint8Array | undefined, options: PutOptions = {}): Promise<void> {
    return this.#run((draft) => ignore(draft.put(key, value, options)))
  }

  del(key: Uint8Array, options: DelOptions = {}): Promise<void> {
    return this.#run((draft) => ignore(draft.del(key, options)))
  }

  /** Appends all blocks at once; the batch is then over. */
  async flush(): Promise<void> {
    this.#checkOpen()
    this.#over = true
    try {
      await this.#tail
      if (this.#draft !== undefined) await commit(this.#shared, this.#draft)
    } finally {
      this.#end()
    }
  }

  /** Ends the batch without writing. No error after `flush`. */
  close(): void {
    if (this.#over) return
    this.#over = true
    if (this.#tail === undefined) this.#end()
    else void this.#tail.then(() => this.#end())
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Runs an operation at once if nothing is in its way, else behind those that wait. */
  #run<T>(step: (draft: Draft) => T | typeof NOT_HERE): Promise<T> {
    let isDue = false
    try {
      this.#checkOpen()
      const draft = this.#draft
      isDue = this.#pace.due()
      if (this.#tail === undefined && draft !== undefined && !isDue) {
        const result = step(draft)
        if (result !== NOT_HERE) return Promise.resolve(result)
      }
    } catch (error) {
      return Promise.reject(error)
    }
    const done = (this.#tail ?? Promise.resolve()).then(() => this.#runSlowly(step, isDue))
    const tail: Promise<void> = done.then(
      () => this.#passed(tail),
      () => this.#passed(tail),
    )
    this.#tail = tail
    return done
  }

  #passed(tail: Promise<void>): void {
    if (this.#tail === tail) this.#tail = undefined
  }

  async #runSlowly<T>(step: (draft: Draft) => T | typeof NOT_HERE, isDue: boolean): Promise<T> {
    if (this.#draft === undefined) {
      this.#shared.checkWritable()
      this.#release ??= await this.#shared.lock.acquire()
      this.#draft = await openDraft(this.#shared, this.#keys)
    } else if (isDue) {
      await this.#pace.turn()
    }
    const draft = this.#draft
    return settled(this.#shared, () => step(draft))
  }

  #checkOpen(): void {
    if (this.#over) throw new DatError('CLOSED', 'The batch is over: it was flushed or closed.')
  }

  #end(): void {
    this.#draft = undefined
    this.#release?.()
    this.#release = undefined
  }
}

function ignore(seq: number | undefined | typeof NOT_HERE): undefined | typeof NOT_HERE {
  return seq === NOT_HERE ? NOT_HERE : undefined
}

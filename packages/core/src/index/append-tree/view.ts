/**
 * Reading an append-tree, at a version that is fixed or moves with the log.
 *
 * Owns: `AppendTreeReader` as everybody gets it, and what all views of one tree share.
 */

import { DatError } from '../../base/errors.ts'
import type { WaitOptions } from '../../log/remote.ts'
import { HistorySteps } from '../history.ts'
import { Life } from '../life.ts'
import type { LogSource } from '../source.ts'
import type { HistoryRange } from '../types.ts'
import { NOT_HERE, type Steps, Walk } from '../walk.ts'
import { entryOf, type Named, split } from './block.ts'
import { TreeBlocks } from './blocks.ts'
import { find, findFolder } from './find.ts'
import { DifferenceSteps, EntrySteps, type Pin } from './steps.ts'
import type {
  AppendTreeChild,
  AppendTreeDifference,
  AppendTreeEntry,
  AppendTreeHistoryRange,
  AppendTreeOptions,
  AppendTreeReader,
} from './types.ts'

/** What all views of one tree share. */
export class Shared {
  readonly source: LogSource
  readonly blocks: TreeBlocks
  readonly life: Life

  constructor(source: LogSource, options: AppendTreeOptions) {
    this.source = source
    this.blocks = new TreeBlocks(source, options.cacheBytes)
    this.life = new Life(source, options.clock)
  }

  /** Number of blocks. */
  get version(): number {
    return this.source.length
  }

  checkWhole(version: number, since: number): void {
    this.blocks.checkWhole(version, since)
  }

  changed(signal: AbortSignal | undefined): Promise<void> {
    return this.life.changed(signal)
  }

  fetch(options: WaitOptions): Promise<void> {
    return this.blocks.fetch(options)
  }

  close(): Promise<void> {
    this.blocks.close()
    return this.life.close()
  }
}

/** The tree at one version, or at that of the moment. */
export class AppendTreeView implements AppendTreeReader {
  readonly #shared: Shared
  /** `undefined`: moves with the log. */
  readonly #version: number | undefined
  readonly #epoch: number

  constructor(shared: Shared, version?: number) {
    this.#shared = shared
    this.#version = version
    this.#epoch = shared.blocks.epoch
  }

  get version(): number {
    return this.#version ?? Math.max(0, this.#shared.version - 1)
  }

  async get(name: string, options: WaitOptions = {}): Promise<AppendTreeEntry | undefined> {
    const components = split(name)
    const found = await this.#settled(options, () => this.#find(components))
    return found === false ? undefined : entryOf(found)
  }

  getLocal(name: string): AppendTreeEntry | undefined {
    const found = this.#isReady() ? this.#find(split(name)) : undefined
    if (found !== undefined) return found === false ? undefined : entryOf(found)
    throw new DatError('NOT_AVAILABLE', 'Blocks of the tree that this needs are not here.', {
      seq: this.#shared.blocks.missing,
    })
  }

  async list(name: string, options: WaitOptions = {}): Promise<AppendTreeChild[] | undefined> {
    const { blocks } = this.#shared
    const components = split(name)
    const depth = components.length
    const folder = await this.#settled(options, () => {
      const block = findFolder(blocks, this.version, components)
      return block === false || block === undefined ? block : blocks.folder(block, depth)
    })
    if (folder === false) return undefined
    const { self, children } = folder
    if (self?.value === undefined && children.length === 0) return undefined
    return children.map((child) => {
      return { name: child.components[depth] ?? '', entry: entryOf(child) }
    })
  }

  entries(name = '/', options: WaitOptions = {}): AsyncIterableIterator<AppendTreeEntry> {
    return this.#walk(options, undefined, (pin) => new EntrySteps(pin, split(name)))
  }

  history(
    range: AppendTreeHistoryRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeEntry> {
    const shared = this.#shared
    const { start = 1, end, reverse = false, live = false, limit } = range
    const bounds: HistoryRange = {
      gte: Math.max(1, start),
      lte: end,
      reverse,
      live: live && this.#version === undefined && end === undefined,
    }
    return this.#walk(options, limit, ({ version, epoch }) => {
      const pin = { version: version + 1, epoch }
      return new HistorySteps(shared, pin, bounds, (seq) => this.#written(seq))
    })
  }

  #written(seq: number): AppendTreeEntry | undefined | typeof NOT_HERE {
    const block = this.#shared.blocks.named(seq)
    if (block === undefined) return NOT_HERE
    return block.isProper ? entryOf(block) : undefined
  }

  diff(
    other: number | { readonly version: number },
    name = '/',
    options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeDifference> {
    const right = this.checkout(typeof other === 'number' ? other : other.version)
    return this.#walk(options, undefined, async (pin) => {
      await right.#begin(options)
      return new DifferenceSteps(pin, right.version, split(name))
    })
  }

  checkout(version: number): AppendTreeView {
    if (Number.isSafeInteger(version) && version >= 0) {
      return new AppendTreeView(this.#shared, version)
    }
    throw new DatError('BAD_ARGUMENT', 'A version is a whole number from 0 up.', { version })
  }

  snapshot(): AppendTreeView {
    return this.checkout(this.version)
  }

  // ---- Getting ready ----

  /** Can this version be read without waiting for what comes before its newest block? */
  #isReady(): boolean {
    const { life, source } = this.#shared
    life.checkOpen()
    if (this.#version !== undefined) this.#shared.checkWhole(this.#version + 1, this.#epoch)
    // A log that is empty here says nothing about what its author wrote.
    if (source.length === 0) return source.writable
    return this.version < source.length
  }

  async #begin(options: WaitOptions): Promise<void> {
    if (this.#isReady()) return
    const { life, source } = this.#shared
    if (source.length === 0) await life.begun(options)
    // A version that is not written yet: wait for its block.
    if (this.version >= source.length) await source.get(this.version, options)
  }

  #find(components: readonly string[]): Named | false | undefined {
    const { blocks } = this.#shared
    if (this.#version !== undefined) blocks.checkWhole(this.#version + 1, this.#epoch)
    return find(blocks, this.version, components)
  }

  /** Calls `step` until nothing is missing any more. */
  async #settled<T>(options: WaitOptions, step: () => T | undefined): Promise<T> {
    await this.#begin(options)
    for (;;) {
      const result = step()
      if (result !== undefined) return result
      try {
        await this.#shared.fetch(options)
      } catch (error) {
        // Not all that was asked for came; what did may be enough.
        const late = step()
        if (late === undefined) throw error
        return late
      }
    }
  }

  #walk<T>(
    options: WaitOptions,
    limit: number | undefined,
    begin: (pin: Pin) => Steps<T> | Promise<Steps<T>>,
  ): Walk<T> {
    const { blocks, life } = this.#shared
    const start = async (): Promise<Steps<T>> => {
      await this.#begin(options)
      return begin({ blocks, version: this.version, epoch: blocks.epoch })
    }
    return new Walk(blocks, start, options, limit ?? -1, life.clock)
  }
}

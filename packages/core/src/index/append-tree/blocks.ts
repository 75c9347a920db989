/**
 * The decoded blocks of one append-tree, and what lies in a folder of it.
 *
 * Owns: the cache of names, as a look-up passes many names and few lists, and `folder`. A folder is a block and a depth: the list
 * at that depth of the newest block at or below it. Always true: all that a folder gives lies in it, each under
 * another name; so the parts of a walk are disjoint, whatever an author signs.
 */

import type { WaitOptions } from '../../log/remote.ts'
import { Decoded } from '../decoded.ts'
import type { LogReader } from '../source.ts'
import { decodeList, decodeNamed, type List, type Named, share } from './block.ts'

/** Blocks named in one request for a folder. */
const LACKING_MAX = 1_024

const NOTHING: List = { older: [], hasOwn: false }

/** What lies in a folder. */
export interface Folder {
  /** The entry of the folder itself, if it has one. */
  readonly self: Named | undefined
  /** For each name in it the newest block at or below, in the order of the index. */
  readonly children: readonly Named[]
}

export class TreeBlocks {
  readonly source: LogReader
  readonly #named: Decoded<Named>
  /** The list that was needed last: look-ups in one folder begin with the same one. */
  #last: { seq: number; depth: number; epoch: number; list: List } | undefined
  /** Blocks that the last unsuccessful call lacked. */
  #lacking: number[] = []

  constructor(source: LogReader, cacheBytes?: number) {
    this.source = source
    this.#named = new Decoded(source, decodeNamed, cacheBytes)
  }

  close(): void {
    this.#named.close()
    this.#last = undefined
  }

  /** Block `seq`, if it is here. */
  named(seq: number): Named | undefined {
    const block = this.#named.get(seq)
    if (block === undefined) this.#lacking = [seq]
    return block
  }

  /** The block at `depth` of `from` whose component there is `name`. `false`: none; `undefined`: a block is missing. */
  child(from: Named, depth: number, name: string | undefined): Named | false | undefined {
    const list = this.#list(from.seq, depth)
    if (list === undefined) return this.#lacks([from.seq])
    const lacking: number[] = []
    const { older } = list
    for (let i = older.length - 1; i >= 0; i--) {
      const seq = older[i] ?? 0
      const block = this.#named.get(seq)
      if (block === undefined) lacking.push(seq)
      else if (block.components[depth] === name && share(block.components, from.components, depth))
        return block
    }
    return lacking.length === 0 ? false : this.#lacks(lacking)
  }

  /** What lies in the folder at `depth` of `from`'s name. `undefined`: a block is missing. */
  folder(from: Named, depth: number): Folder | undefined {
    const list = this.#list(from.seq, depth)
    if (list === undefined) return this.#lacks([from.seq])
    const { older, hasOwn } = list
    const lacking: number[] = []
    const names = new Map<string | undefined, Named>()
    const add = (block: Named): void => {
      const name = block.components[depth]
      if (block.isProper && !names.has(name)) names.set(name, block)
    }
    for (const seq of older) {
      const block = this.#named.get(seq)
      if (block === undefined) lacking.push(seq)
      else if (share(block.components, from.components, depth)) add(block)
    }
    if (lacking.length > 0) return this.#lacks(lacking)
    if (hasOwn) add(from)
    const self = names.get(undefined)
    names.delete(undefined)
    return { self, children: [...names.values()] }
  }

  /** `undefined`: the block is missing. */
  #list(seq: number, depth: number): List | undefined {
    const { epoch } = this
    const last = this.#last
    if (last?.seq === seq && last.depth === depth && last.epoch === epoch) return last.list
    const block = this.source.peek(seq)
    if (block === undefined) return undefined
    const list = decodeList(seq, block, depth) ?? NOTHING
    this.#last = { seq, depth, epoch, list }
    return list
  }

  #lacks(blocks: number[]): undefined {
    this.#lacking = blocks.slice(0, LACKING_MAX)
    return undefined
  }

  /** Blocks that are needed next. */
  ahead(into: number[], countMax: number): void {
    for (let i = 0; i < this.#lacking.length && into.length < countMax; i++) {
      into.push(this.#lacking[i] ?? 0)
    }
  }

  /** Number of the block that was missing last. */
  get missing(): number {
    return this.#lacking[0] ?? 0
  }

  /** Waits until the blocks that were missing last are here. */
  async fetch(options: WaitOptions): Promise<void> {
    const { source } = this
    const blocks = this.#lacking.filter((seq) => !source.has(seq)).sort((a, b) => a - b)
    if (blocks.length === 0) return
    const download = source.download({ blocks })
    try {
      await download.done(options)
    } finally {
      download.cancel()
    }
  }

  /** Number of truncations so far. */
  get epoch(): number {
    return this.#named.epoch
  }

  /** Throws `SNAPSHOT_GONE` unless the blocks below `version` are those of epoch `since`. */
  checkWhole(version: number, since: number): void {
    this.#named.checkWhole(version, since)
  }
}

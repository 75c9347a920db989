/**
 * Operations on the tree that are not written yet, and the blocks that they will be.
 *
 * Owns: the list of pending blocks and the rule of what each of them contains. These statements always hold:
 *
 * - Each operation that changes something is one block. It lists refs: the root first, then what changed
 *   below it, from the top down and left to right; in that order they get their positions.
 * - A node that a later operation of the batch writes again moves to the later block. So when the blocks
 *   are encoded, every block but the last first drops what is not its own any more (`settle`).
 * - A node is encoded once, at the end, however often it changed.
 *
 * The caller holds the bee's write lock. Source: the hyperbee specification, sections 4.3, 4.4 and 5.
 */

import { DatError } from '../base/errors.ts'
import { BEE_KEY_BYTES_MAX, BLOCK_BYTES_MAX } from '../base/limits.ts'
import { copyAt, equal } from '../bytes/bytes.ts'
import type { BlockWriter } from './block-writer.ts'
import type { Blocks } from './blocks.ts'
import type { ByteShelf } from './byte-shelf.ts'
import type { Keyspace } from './keyspace.ts'
import type { Shared } from './shared.ts'
import { entryAt } from './steps.ts'
import type { Node, Ref, Tree } from './tree.ts'
import { applyDelete, planDelete } from './tree-delete.ts'
import type { BeeEntry, DelOptions, PutOptions } from './types.ts'
import { NOT_HERE } from './walk.ts'

/**
 * Refused puts that leave their way marked as changed, as hyperbee does, until the next write of the batch. Only
 * byte identity asks for it; beyond this many in a row a block would grow without a use.
 */
const MARKED_REFUSALS_MAX = 1_024

/** Leaves room in the largest block for the key and any index. */
const VALUE_BYTES_MAX = BLOCK_BYTES_MAX - 1024 * 1024

/** A block that will be written: names of its key and value, 0 for none, and its refs, the first of them the root's. */
interface Pending {
  readonly key: number
  readonly value: number
  readonly start: number
  readonly end: number
}

export class Draft {
  readonly tree: Tree
  readonly #blocks: Blocks
  readonly #values: ByteShelf
  readonly #keys: Keyspace
  readonly #firstSeq: number
  readonly #pending: Pending[] = []
  /** Those of all pending blocks, one behind the other. The root's are left out: only the last block writes it. */
  readonly #refs: (Ref | undefined)[] = []
  #encoded = 0
  #markedRefusals = 0

  /** @param version of `tree` */
  constructor(shared: Shared, keys: Keyspace, tree: Tree, version: number) {
    this.#blocks = shared.blocks
    this.#values = shared.values
    this.#values.reset()
    this.#keys = keys
    this.tree = tree
    this.#firstSeq = version
  }

  /** Blocks that will be written. */
  get length(): number {
    return this.#pending.length
  }

  /** Version that the tree will have. */
  get version(): number {
    return this.#firstSeq + this.#pending.length
  }

  /** Are nodes marked as changed that no block contains? Such a tree is of no use to the next draft. */
  get hasLooseMarks(): boolean {
    return this.#markedRefusals > 0
  }

  // ---- Operations: `NOT_HERE` changes nothing; fetch, and call again ----

  get(key: Uint8Array): BeeEntry | undefined | typeof NOT_HERE {
    if (!this.tree.locate(this.#keys.encode(key))) return NOT_HERE
    return this.tree.found ? this.#entry(this.tree.foundSeq) : undefined
  }

  /** Block that will hold the key, or `undefined` if `options` refused. */
  put(
    key: Uint8Array,
    value: Uint8Array | undefined,
    options: PutOptions,
  ): number | undefined | typeof NOT_HERE {
    const { tree } = this
    const encoded = this.#keys.encode(key)
    checkSizes(encoded, value)
    if (!tree.locate(encoded)) return NOT_HERE
    if (tree.found && (options.cas !== undefined || options.alwaysDuplicate === false)) {
      const previous = this.#entry(tree.foundSeq)
      if (previous === NOT_HERE) return NOT_HERE
      const isSame = options.alwaysDuplicate === false && sameValue(previous.value, value)
      if (isSame || options.cas?.(previous, { key, value }) === false) {
        this.#refuse()
        return undefined
      }
    }
    const name = tree.nameOf(encoded)
    const isPath = tree.put(name, this.version)
    return this.#write(name, value, isPath && this.#markedRefusals === 0)
  }

  /** Block that will hold the deletion, or `undefined` if there is no such key or `options` refused. */
  del(key: Uint8Array, options: DelOptions): number | undefined | typeof NOT_HERE {
    const { tree } = this
    const encoded = this.#keys.encode(key)
    if (!tree.locate(encoded)) return NOT_HERE
    if (!tree.found) return undefined
    if (options.cas !== undefined) {
      const previous = this.#entry(tree.foundSeq)
      if (previous === NOT_HERE) return NOT_HERE
      if (!options.cas(previous)) return undefined
    }
    const plan = planDelete(tree)
    if (plan === undefined) return NOT_HERE
    const name = tree.nameOf(encoded)
    applyDelete(tree, plan)
    return this.#write(name, undefined, false)
  }

  #entry(seq: number): BeeEntry | typeof NOT_HERE {
    const pending = this.#pending[seq - this.#firstSeq]
    if (pending === undefined) return entryAt(this.#blocks, this.#keys, seq)
    const key = copyOf(this.tree.keys, pending.key)
    const value = pending.value === 0 ? undefined : copyOf(this.#values, pending.value)
    return { seq, key: this.#keys.decode(key), value }
  }

  #refuse(): void {
    if (this.#markedRefusals === MARKED_REFUSALS_MAX) return
    this.#markedRefusals++
    this.tree.markInner()
  }

  /**
   * One more block: lists what changed since the last one.
   *
   * @param isPath nothing did but the nodes of the tree's path
   */
  #write(key: number, value: Uint8Array | undefined, isPath: boolean): number {
    const seq = this.version
    const refs = this.#refs
    const start = refs.length
    refs.push(undefined)
    if (isPath) this.#collectPath(seq, start)
    else collect(this.tree.root, seq, refs, start)
    const kept = value === undefined ? 0 : this.#values.add(value)
    this.#pending.push({ key, value: kept, start, end: refs.length })
    this.#markedRefusals = 0
    return seq
  }

  /** As `collect`, without looking for what has changed. */
  #collectPath(seq: number, start: number): void {
    const { path, places, depth } = this.tree
    const refs = this.#refs
    for (let i = 0; i < depth; i++) {
      const node = path[i]
      if (node === undefined) return
      node.dirty = false
      const ref = i + 1 < depth ? node.children[places[i] ?? 0] : undefined
      if (ref === undefined) return
      ref.block = seq
      ref.position = refs.length - start
      refs.push(ref)
    }
  }

  // ---- Encoding ----

  /**
   * Encodes the next blocks, in their order; all of them once: afterwards the draft is over, and the tree is that of
   * `version`. Nothing may be put or deleted meanwhile.
   *
   * @param isDue asked before each block: enough for now?
   * @returns is everything encoded?
   */
  encode(writer: BlockWriter, into: Uint8Array[], isDue: () => boolean): boolean {
    const last = this.#pending.length - 1
    for (; this.#encoded <= last; this.#encoded++) {
      if (isDue()) return false
      const i = this.#encoded
      const pending = this.#pending[i]
      if (pending === undefined) break
      const { key, value, start } = pending
      const end = i === last ? pending.end : settle(this.#refs, pending, this.#firstSeq + i)
      writer.begin()
      if (i === last) writer.node(this.tree.root)
      for (let at = i === last ? start + 1 : start; at < end; at++) {
        const node = this.#refs[at]?.node
        if (node !== undefined) writer.node(node)
      }
      this.#writeFields(writer, key, value)
      into.push(writer.end())
    }
    return true
  }

  #writeFields(writer: BlockWriter, key: number, value: number): void {
    const { keys } = this.tree
    writer.endIndex()
    keys.find(key)
    writer.key(keys.found, keys.at, keys.length)
    if (value === 0) return
    const values = this.#values
    values.find(value)
    writer.value(values.found, values.at, values.length)
  }
}

/** What no reader would take, we don't write. */
function checkSizes(key: Uint8Array, value: Uint8Array | undefined): void {
  const valueBytes = value?.length ?? 0
  if (key.length <= BEE_KEY_BYTES_MAX && valueBytes <= VALUE_BYTES_MAX) return
  throw new DatError(
    'BAD_ARGUMENT',
    `A bee takes keys up to ${BEE_KEY_BYTES_MAX} bytes and values up to ${VALUE_BYTES_MAX}.`,
    { keyBytes: key.length, valueBytes },
  )
}

/** Gives every changed node below `node` its place in block `seq`, whose refs begin at `start`. */
function collect(node: Node, seq: number, refs: (Ref | undefined)[], start: number): void {
  node.dirty = false
  for (const ref of node.children) {
    const child = ref.node
    if (child?.dirty !== true) continue
    ref.block = seq
    ref.position = refs.length - start
    refs.push(ref)
    collect(child, seq, refs, start)
  }
}

/**
 * Closes the gaps that refs left which moved to later blocks, and that of the root: the last one goes into the first gap.
 *
 * @returns where the refs of block `seq` now end
 */
function settle(refs: (Ref | undefined)[], { start, end }: Pending, seq: number): number {
  let left = end
  let at = start
  while (at < left) {
    const ref = refs[at]
    if (ref?.block === seq) {
      ref.position = at - start
      at++
      continue
    }
    left--
    refs[at] = refs[left]
  }
  return left
}

function copyOf(shelf: ByteShelf, name: number): Uint8Array {
  shelf.find(name)
  return copyAt(shelf.found, shelf.at, shelf.length)
}

function sameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equal(a, b)
}

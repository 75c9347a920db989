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
import type { Pace } from '../base/pace.ts'
import { copy, equal } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import { encodeBlock, type LevelSource } from './block.ts'
import type { Blocks } from './blocks.ts'
import type { Keyspace } from './keyspace.ts'
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

interface Pending {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
  readonly refs: (Ref | undefined)[]
}

export class Draft {
  readonly tree: Tree
  readonly #blocks: Blocks
  readonly #keys: Keyspace
  readonly #firstSeq: number
  readonly #pending: Pending[] = []
  #markedRefusals = 0

  /** @param version of `tree` */
  constructor(blocks: Blocks, keys: Keyspace, tree: Tree, version: number) {
    this.#blocks = blocks
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
    const kept = copy(encoded)
    tree.put(kept, this.version)
    return this.#write(kept, value)
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
    applyDelete(tree, plan)
    return this.#write(copy(encoded), undefined)
  }

  #entry(seq: number): BeeEntry | typeof NOT_HERE {
    const pending = this.#pending[seq - this.#firstSeq]
    if (pending === undefined) return entryAt(this.#blocks, this.#keys, seq)
    const value = pending.value && copy(pending.value)
    return { seq, key: copy(this.#keys.decode(pending.key)), value }
  }

  #refuse(): void {
    if (this.#markedRefusals === MARKED_REFUSALS_MAX) return
    this.#markedRefusals++
    this.tree.markInner()
  }

  /** One more block: lists what changed since the last one. */
  #write(key: Uint8Array, value: Uint8Array | undefined): number {
    const seq = this.version
    const refs: Ref[] = [{ block: seq, position: 0, node: this.tree.root }]
    collect(this.tree.root, seq, refs)
    this.#pending.push({ key, value: value && copy(value), refs })
    this.#markedRefusals = 0
    return seq
  }

  // ---- Encoding ----

  /** The blocks, in their order. Once: afterwards the draft is over, and the tree is that of `version`. */
  async encode(pace: Pace): Promise<Uint8Array[]> {
    const blocks: Uint8Array[] = []
    const writer = new Writer(1_024)
    const last = this.#pending.length - 1
    for (const [i, { key, value, refs }] of this.#pending.entries()) {
      if (pace.due()) await pace.turn()
      if (i < last) settle(refs, this.#firstSeq + i)
      const levels: LevelSource[] = []
      for (const ref of refs) if (ref?.node !== undefined) levels.push(levelOf(ref.node))
      blocks.push(encodeBlock(writer, levels, key, value))
    }
    return blocks
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

/** Gives every changed node below `node` its place in block `seq`. */
function collect(node: Node, seq: number, refs: Ref[]): void {
  node.dirty = false
  for (const ref of node.children) {
    const child = ref.node
    if (child?.dirty !== true) continue
    ref.block = seq
    ref.position = refs.length
    refs.push(ref)
    collect(child, seq, refs)
  }
}

/** Closes the gaps that refs left which moved to later blocks: the last one goes into the first gap. */
function settle(refs: (Ref | undefined)[], seq: number): void {
  refs[0] = undefined
  let slot = 0
  while (slot < refs.length) {
    const ref = refs[slot]
    if (ref?.block === seq) {
      ref.position = slot
      slot++
      continue
    }
    const last = refs.pop()
    if (slot < refs.length) refs[slot] = last
  }
}

function levelOf(node: Node): LevelSource {
  const children: number[] = []
  for (const ref of node.children) children.push(ref.block, ref.position)
  return { keys: node.seqs, children }
}

function sameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equal(a, b)
}

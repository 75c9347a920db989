/**
 * Operations on a trie that are not written yet, and the blocks that they will be.
 *
 * Owns: what each operation writes. These statements always hold:
 *
 * - A put is one node. It takes from the newest node on its way all references that do not lead along its own way,
 *   and adds that node itself where their ways part; so the newest node leads to everything that there is.
 * - A deletion writes no mark: it puts the nearest other entry once more, without references to the one that is
 *   deleted. Where there is no other, it writes the empty key.
 *
 * A deletion among colliding names is right here, while hypertrie does not find them. The caller holds the write lock.
 * Source: the hypertrie specification, sections 6 and 7.
 */

import { type Bucket, DIGITS, EMPTY_BUCKET, push } from './buckets.ts'
import { divergence, MISSING, NO_SLOT, slotOf } from './find.ts'
import { encodeNode, type TrieNode } from './node.ts'
import { follow, type Lookup, type Nodes } from './nodes.ts'
import { type Hash, isTerminator, Path } from './path.ts'

/** What a put would write, and what stands there now. */
interface PutPlan {
  readonly buckets: Map<number, number[]>
  /** The node at which the walk ended. */
  readonly nearest: TrieNode | undefined
}

/** What a deletion would put once more. */
interface DelPlan {
  /** The node at which the walk ended, if it is not that of the key. */
  readonly nearest: TrieNode | undefined
  /** The node of the key. */
  readonly node: TrieNode | undefined
  /** Its nearest neighbour; `undefined`: nothing else is left. */
  readonly neighbour: TrieNode | undefined
}

export class Draft implements Lookup {
  readonly #nodes: Nodes
  readonly #hash: Hash | undefined
  /** Block of the first pending node. */
  readonly #base: number
  readonly #pending: TrieNode[] = []
  readonly #blocks: Uint8Array[] = []
  /** The newest node; `undefined`: there is none. */
  #head: TrieNode | undefined

  /** @param head the newest node of the log, unless it is void */
  constructor(nodes: Nodes, base: number, head: TrieNode | undefined, hash: Hash | undefined) {
    this.#nodes = nodes
    this.#base = base
    this.#head = head
    this.#hash = hash
  }

  /** What is to be appended. */
  get blocks(): readonly Uint8Array[] {
    return this.#blocks
  }

  get(seq: number): TrieNode | undefined {
    return this.#pending[seq - this.#base] ?? this.#nodes.get(seq)
  }

  path(key: string, hidden: boolean): Path {
    return new Path(key, hidden, this.#hash)
  }

  /** Adds a node; it is written with the others. The value is copied. */
  add(
    path: Path,
    value: Uint8Array | undefined,
    flags: number,
    buckets: Map<number, number[]>,
  ): number {
    const seq = this.#base + this.#pending.length
    const node = { seq, cost: 0, path, value, flags, buckets, isVoid: false }
    this.#blocks.push(encodeNode(node))
    this.#pending.push(node)
    this.#head = node
    return seq
  }

  /** @param without no reference to this block is taken; 0 for none. `MISSING`: fetch and call again. */
  planPut(path: Path, without = 0): PutPlan | typeof MISSING {
    const buckets = new Map<number, number[]>()
    let head = this.#head
    for (let i = 0; head !== undefined && i < path.length; i++) {
      const parting = divergence(head, path, i, path.length)
      for (; i < parting; i++) {
        const bucket = head.buckets.get(i)
        if (bucket !== undefined && !this.#take(buckets, head, bucket, path, i, without)) {
          return MISSING
        }
      }
      if (i === path.length) break
      if (head.seq !== without) push(buckets, i, head.path.digit(i), head.seq)
      const bucket = head.buckets.get(i) ?? EMPTY_BUCKET
      if (!this.#take(buckets, head, bucket, path, i, without)) return MISSING
      const slot = slotOf(this, head, path, i)
      if (slot === MISSING) return MISSING
      if (slot === NO_SLOT) break
      const next = follow(this, head, i, slot)
      if (next === undefined) return MISSING
      head = next.isVoid ? undefined : next
    }
    return { buckets, nearest: head }
  }

  /** Takes what leads elsewhere than our way. False: a block is missing. */
  #take(
    buckets: Map<number, number[]>,
    head: TrieNode,
    bucket: Bucket,
    path: Path,
    i: number,
    without: number,
  ): boolean {
    const own = path.digit(i)
    for (let slot = 0; slot < bucket.length; slot++) {
      const seq = bucket[slot]
      if (!seq || seq === without) continue
      if (slot % DIGITS === own) {
        if (!isTerminator(i)) continue
        const node = follow(this, head, i, slot)
        if (node === undefined) return false
        if (!node.path.collides(path, i)) continue
      }
      push(buckets, i, slot, seq)
    }
    return true
  }

  planDel(path: Path): DelPlan | typeof MISSING {
    const absent = (nearest: TrieNode | undefined): DelPlan => {
      return { nearest, node: undefined, neighbour: undefined }
    }
    let head = this.#head
    let closest = 0
    for (let i = 0; head !== undefined; i++) {
      const parting = divergence(head, path, i, path.length)
      for (; i < parting; i++) {
        closest = firstOther(head.buckets.get(i), path, i) || closest
      }
      if (i === path.length) break
      const slot = slotOf(this, head, path, i)
      if (slot === MISSING) return MISSING
      if (slot === NO_SLOT) return absent(head)
      const next = follow(this, head, i, slot)
      if (next === undefined) return MISSING
      closest = head.seq
      head = next.isVoid ? undefined : next
    }
    if (head === undefined || head.path.key !== path.key) return absent(head)
    const neighbour = closest === 0 ? undefined : this.get(closest)
    if (closest !== 0 && neighbour === undefined) return MISSING
    return { nearest: head, node: head, neighbour: neighbour?.isVoid ? undefined : neighbour }
  }

  /** Plans what puts the neighbour of a deleted node once more, or the empty key. */
  planRemoval({ path, seq }: TrieNode, neighbour: TrieNode | undefined): Removal | typeof MISSING {
    const again = neighbour?.path ?? this.path('', path.hidden)
    const plan = this.planPut(again, seq)
    if (plan === MISSING) return MISSING
    const { value, flags = 0 } = neighbour ?? { value: undefined }
    return { path: again, value, flags, buckets: plan.buckets }
  }
}

/** The node that a deletion writes. */
export interface Removal {
  readonly path: Path
  readonly value: Uint8Array | undefined
  readonly flags: number
  readonly buckets: Map<number, number[]>
}

/** The first reference of the bucket of position `i` that leads elsewhere than our way; 0 if there is none. */
function firstOther(bucket: Bucket | undefined, path: Path, i: number): number {
  if (bucket === undefined) return 0
  // Nothing stands in the slot of our own way, except at a terminator: there it is what collides with us.
  const own = isTerminator(i) ? -1 : path.digit(i)
  for (let slot = 0; slot < bucket.length; slot++) {
    const seq = bucket[slot]
    if (seq && slot !== own) return seq
  }
  return 0
}

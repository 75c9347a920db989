/**
 * The tree as it is being written: nodes in memory, changed in place, put and deleted one key at a time.
 *
 * Owns: the B-tree rules of hyperbee, whose every step decides bytes that other programs compare:
 *
 * - A node has 4 to 8 keys (the root fewer), a node with children one child more than keys.
 * - `dirty` marks what the next block must contain: every node on the way of a put, whatever changed.
 * - A `Ref` is one place where a node is written, and shared: by the parent that points to it and by the
 *   pending block that lists it. Writing the node again moves the ref to the newer block.
 *
 * Nothing waits, and nothing changes before everything that a change needs is in memory: `locate` and `planDelete`
 * (tree-delete.ts) load it and say so when a block is missing; after a fetch they are called again.
 * Source: the hyperbee specification, sections 3 and 4.
 */

import { BEE_DEPTH_MAX } from '../base/limits.ts'
import { corrupt } from './block.ts'
import type { Blocks } from './blocks.ts'
import { ByteShelf } from './byte-shelf.ts'

const KEYS_MAX = 8
/** What stays in memory from one draft to the next: some 20 MB of nodes, and their keys. */
const KEPT_NODES_MAX = 32_768
const KEPT_KEY_BYTES_MAX = 16 * 1024 * 1024
/** Keys below which a node takes from a sibling or joins it; the root is free. */
export const KEYS_MIN = 4

/** One place of a node: level `position` of block `block`. */
export interface Ref {
  block: number
  position: number
  node: Node | undefined
}

/** One tree node that may be changed. */
export interface Node {
  /** Blocks that hold the keys, and the keys' names in the tree's `keys`; 0 where they are not known. */
  readonly seqs: number[]
  readonly keys: number[]
  readonly children: Ref[]
  dirty: boolean
}

/** The tree of one draft, and the way that the last search took in it. */
export class Tree {
  root: Node
  readonly keys: ByteShelf = new ByteShelf()
  /** Nodes in memory, about. */
  size = 1
  /** Where the last `locate` went: `depth` nodes from the root down, and in each the place that it took. */
  readonly path: Node[] = []
  readonly places: number[] = []
  depth = 0
  /** Did it end at the key? Then the last place is the key's, else it is where the key belongs in a leaf. */
  found = false
  readonly #blocks: Blocks

  constructor(blocks: Blocks, root: Node) {
    this.#blocks = blocks
    this.root = root
  }

  /** The tree of a version; `undefined` if its root is not here. */
  static load(blocks: Blocks, version: number): Tree | undefined {
    if (version <= 1) return new Tree(blocks, { seqs: [], keys: [], children: [], dirty: false })
    const root = loadNode(blocks, version - 1, 0)
    return root && new Tree(blocks, root)
  }

  /** Are its keys few enough to be kept for the next draft? They are given back only with the tree. */
  get isWorthKeeping(): boolean {
    return this.keys.bytes <= KEPT_KEY_BYTES_MAX
  }

  /**
   * Gives up nodes when there are too many, until a quarter of the room is free: those that were written longest ago. No node
   * is written without the one above it, so all below an old one is old. For between two drafts, when nothing is dirty.
   *
   * @param version that the tree is of
   */
  trim(version: number, nodesMax: number = KEPT_NODES_MAX): void {
    if (this.size <= nodesMax) return
    for (let writes = nodesMax / 2; this.size > (nodesMax * 3) / 4 && this.size > 1; writes /= 2) {
      this.size = keepSince(this.root, version - writes)
    }
  }

  /** Block of the key that `locate` found. */
  get foundSeq(): number {
    const last = this.depth - 1
    return this.path[last]?.seqs[this.places[last] ?? 0] ?? 0
  }

  // ---- Finding the way; nothing is changed ----

  locate(key: Uint8Array): boolean {
    // Not emptied: an array whose length is set to 0 gives its memory away.
    this.depth = 0
    this.found = false
    let node: Node | undefined = this.root
    for (;;) {
      const place = this.#search(node, key)
      if (place === undefined) return false
      this.path[this.depth] = node
      this.places[this.depth] = place
      this.depth++
      if (this.found || node.children.length === 0) return true
      if (this.depth === BEE_DEPTH_MAX) {
        throw corrupt(node.children[place]?.block ?? 0, 'the tree is too deep')
      }
      node = this.child(node, place)
      if (node === undefined) return false
    }
  }

  /** Place of `key` among the node's keys; sets `found`. `undefined` if a key's block is missing. */
  #search(node: Node, key: Uint8Array): number | undefined {
    let low = 0
    let high = node.seqs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#keyOf(node, middle)
      if (other === 0) return undefined
      const order = this.keys.compare(key, other)
      if (order === 0) {
        this.found = true
        return middle
      }
      if (order < 0) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The name of a key; 0 if its block is missing. */
  #keyOf(node: Node, i: number): number {
    const known = node.keys[i] ?? 0
    if (known !== 0) return known
    const key = this.#blocks.key(node.seqs[i] ?? 0)
    if (key === undefined) return 0
    const name = this.keys.add(key)
    node.keys[i] = name
    return name
  }

  /** Child number `i`; `undefined` if there is none or its block is missing. */
  child(node: Node, i: number): Node | undefined {
    const ref = node.children[i]
    if (ref === undefined) return undefined
    if (ref.node === undefined) {
      ref.node = loadNode(this.#blocks, ref.block, ref.position)
      if (ref.node !== undefined) this.size++
    }
    return ref.node
  }

  // ---- Put, after `locate` ----

  /** Marks the inner nodes on the way: done before a put is refused or made, as the field does it. */
  markInner(): void {
    for (let i = 0; i < this.depth; i++) {
      const node = this.path[i]
      if (node !== undefined && node.children.length > 0) node.dirty = true
    }
  }

  /** The name of the key that `locate` looked for; kept now, if it was not. */
  nameOf(key: Uint8Array): number {
    const last = this.depth - 1
    const known = this.found ? this.path[last]?.keys[this.places[last] ?? 0] : undefined
    return known ?? this.keys.add(key)
  }

  /**
   * True: nothing but the nodes of `path` was changed, and they are still the way from the root. False: others too.
   *
   * @param key what `nameOf` gave
   */
  put(key: number, seq: number): boolean {
    this.markInner()
    const last = this.depth - 1
    const node = this.path[last]
    const place = this.places[last]
    if (node === undefined || place === undefined) return false
    node.dirty = true
    if (this.found) {
      node.keys[place] = key
      node.seqs[place] = seq
      return true
    }
    node.keys.splice(place, 0, key)
    node.seqs.splice(place, 0, seq)
    if (node.seqs.length <= KEYS_MAX) return true
    for (let depth = last; depth >= 0; depth--) {
      const full = this.path[depth]
      if (full === undefined || full.seqs.length <= KEYS_MAX) break
      this.#split(full, depth)
    }
    return false
  }

  #split(node: Node, depth: number): void {
    const right: Node = {
      seqs: node.seqs.splice(KEYS_MIN + 1),
      keys: node.keys.splice(KEYS_MIN + 1),
      children: node.children.splice(KEYS_MIN + 1),
      dirty: true,
    }
    this.size++
    let parent = this.path[depth - 1]
    if (parent === undefined) {
      parent = { seqs: [], keys: [], children: [unwritten(node)], dirty: true }
      this.root = parent
      this.size++
    }
    const place = depth === 0 ? 0 : (this.places[depth - 1] ?? 0)
    parent.seqs.splice(place, 0, node.seqs.pop() ?? 0)
    parent.keys.splice(place, 0, node.keys.pop() ?? 0)
    parent.children.splice(place + 1, 0, unwritten(right))
  }
}

/** A node of a block, to be changed: its lists are copies, what they point to is not loaded. */
function loadNode(blocks: Blocks, seq: number, position: number): Node | undefined {
  const level = blocks.level(seq, position)
  if (level === undefined) return undefined
  const children: Ref[] = []
  for (let i = 0; i < level.children.length; i += 2) {
    const block = level.children[i] ?? 0
    children.push({ block, position: level.children[i + 1] ?? 0, node: undefined })
  }
  const keys = level.keys.map(() => 0)
  return { seqs: [...level.keys], keys, children, dirty: false }
}

/** Lets go of the nodes below `node` that were written before block `seq`; how many are left, itself included. */
function keepSince(node: Node, seq: number): number {
  let left = 1
  for (const ref of node.children) {
    if (ref.node === undefined) continue
    if (ref.block < seq) ref.node = undefined
    else left += keepSince(ref.node, seq)
  }
  return left
}

/** A fresh place for a node that is dirty: the next write says where. */
function unwritten(node: Node): Ref {
  return { block: 0, position: 0, node }
}

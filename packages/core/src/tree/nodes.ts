/**
 * A small set of tree nodes: indices, sizes and hashes in flat arrays, reused from message to message.
 *
 * Owns: the layout. `hashes` holds 32 bytes per node, in the order of adding. A set is filled, read and
 * cleared; it never shrinks, and keeps no reference to the bytes it was filled from.
 */

import { copy, copy32, equalAt } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'

/** One tree node as a value. For tests, vectors and cold paths; hot paths stay in `NodeSet`. */
export interface Node {
  /** In-order index. */
  readonly index: number
  /** Stored bytes of all blocks below. */
  readonly size: number
  /** 32 bytes. */
  readonly hash: Uint8Array
}

/** Nodes that are known to be right, such as those a log stores. */
export interface TrustedNodes {
  /** Finds a node; then `nodeBytes[nodeAt .. + 32)` is its hash, valid until the next call. */
  findNode(index: number): boolean
  readonly nodeBytes: Uint8Array
  readonly nodeAt: number
  readonly nodeSize: number
}

/** Takes nodes in: a `NodeSet`, or a store. The hash is `bytes[at .. at + 32)`. */
export interface NodeSink {
  push(index: number, size: number, bytes: Uint8Array, at: number): void
}

/** Room to begin with: the roots of a short log, as ten thousand logs have; so little lies in V8's own heap, too. */
const FIRST_NODES = 2

export class NodeSet implements NodeSink {
  length = 0
  indices: Float64Array = new Float64Array(FIRST_NODES)
  sizes: Float64Array = new Float64Array(FIRST_NODES)
  hashes: Uint8Array = new Uint8Array(FIRST_NODES * HASH_BYTES)

  clear(): void {
    this.length = 0
  }

  /** Adds a node whose hash is `bytes[at .. at + 32)`. */
  push(index: number, size: number, bytes: Uint8Array, at: number): void {
    if (this.length === this.indices.length) this.#grow()
    const n = this.length++
    this.indices[n] = index
    this.sizes[n] = size
    copy32(this.hashes, n * HASH_BYTES, bytes, at)
  }

  /** Takes the last node away. */
  pop(): void {
    this.length--
  }

  /** Adds all nodes of `other` behind those that are here. */
  pushAll(other: NodeSet): void {
    for (let i = 0; i < other.length; i++) {
      this.push(other.indices[i] ?? 0, other.sizes[i] ?? 0, other.hashes, i * HASH_BYTES)
    }
  }

  /** Position of the node `index`, or -1. Sets are small: a linear search from `from` on. */
  find(index: number, from = 0): number {
    for (let i = from; i < this.length; i++) if (this.indices[i] === index) return i
    for (let i = 0; i < from; i++) if (this.indices[i] === index) return i
    return -1
  }

  /** Is the node at position `i` the one that `trusted` has just found? */
  isFound(i: number, trusted: TrustedNodes): boolean {
    const at = i * HASH_BYTES
    return (
      this.sizes[i] === trusted.nodeSize &&
      equalAt(this.hashes, at, trusted.nodeBytes, trusted.nodeAt, HASH_BYTES)
    )
  }

  /** The node at position `i`, as a value that owns its bytes. */
  at(i: number): Node {
    return {
      index: this.indices[i] ?? 0,
      size: this.sizes[i] ?? 0,
      hash: copy(this.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)),
    }
  }

  #grow(): void {
    const room = this.indices.length * 2
    const indices = new Float64Array(room)
    const sizes = new Float64Array(room)
    const hashes = new Uint8Array(room * HASH_BYTES)
    indices.set(this.indices)
    sizes.set(this.sizes)
    hashes.set(this.hashes)
    this.indices = indices
    this.sizes = sizes
    this.hashes = hashes
  }
}

/**
 * Answers that bring a block each and nothing else, one behind the other in flat arrays.
 *
 * Owns: the layout. Nearly everything that comes in a long download is such an answer, and a frame brings a hundred of
 * them: they are read into one run and go on together, without an object, a view or a call through all layers for each.
 * Who takes a run takes what is as it should be; anything else is looked at alone, as a `Proof` (`copyTo`).
 *
 * Values stay where they came, in `bytes`, and are valid as long as those are. A run is filled, read and cleared; its
 * memory is bounded by `RUN_BLOCKS_MAX` and `RUN_NODES_MAX`.
 */

import { RUN_BLOCKS_MAX, RUN_NODES_MAX } from '../base/limits.ts'
import { EMPTY } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { NodeSet } from './nodes.ts'
import { CLAIM_BLOCK, type Proof } from './proof.ts'

export class BlockRun {
  length = 0
  /** What all values of the run lie in. */
  bytes: Uint8Array = EMPTY
  /** Of the requests that are answered. */
  readonly ids: Float64Array = new Float64Array(RUN_BLOCKS_MAX)
  readonly forks: Float64Array = new Float64Array(RUN_BLOCKS_MAX)
  /** Block numbers. */
  readonly indices: Float64Array = new Float64Array(RUN_BLOCKS_MAX)
  /** Where each value begins, and its length. */
  readonly valueAt: Uint32Array = new Uint32Array(RUN_BLOCKS_MAX)
  readonly sizes: Uint32Array = new Uint32Array(RUN_BLOCKS_MAX)
  /** Those of all answers; of answer `i` they are `nodesEnd(i - 1) .. nodesEnd(i)`, as they came. */
  readonly nodes: NodeSet = new NodeSet()
  readonly #nodesEnds: Uint32Array = new Uint32Array(RUN_BLOCKS_MAX)

  /** Is there room for an answer with values in `bytes` and so many nodes? */
  hasRoom(bytes: Uint8Array, nodes: number): boolean {
    if (this.length === 0) return nodes <= RUN_NODES_MAX
    if (this.bytes !== bytes || this.length === RUN_BLOCKS_MAX) return false
    return this.nodes.length + nodes <= RUN_NODES_MAX
  }

  /** Adds an answer whose nodes were pushed to `nodes` before. */
  add(id: number, fork: number, index: number, bytes: Uint8Array, at: number, size: number): void {
    const i = this.length++
    this.bytes = bytes
    this.ids[i] = id
    this.forks[i] = fork
    this.indices[i] = index
    this.valueAt[i] = at
    this.sizes[i] = size
    this.#nodesEnds[i] = this.nodes.length
  }

  nodesEnd(i: number): number {
    return i < 0 ? 0 : (this.#nodesEnds[i] ?? 0)
  }

  /** Answer `i` as a proof, which was reset; its value is a view. */
  copyTo(proof: Proof, i: number): void {
    const at = this.valueAt[i] ?? 0
    proof.fork = this.forks[i] ?? 0
    proof.claim = CLAIM_BLOCK
    proof.index = this.indices[i] ?? 0
    proof.value = this.bytes.subarray(at, at + (this.sizes[i] ?? 0))
    const { indices, sizes, hashes } = this.nodes
    for (let n = this.nodesEnd(i - 1); n < this.nodesEnd(i); n++) {
      proof.nodes.push(indices[n] ?? 0, sizes[n] ?? 0, hashes, n * HASH_BYTES)
    }
  }

  /** Lets go of the bytes. */
  clear(): void {
    this.length = 0
    this.nodes.clear()
    this.bytes = EMPTY
  }
}

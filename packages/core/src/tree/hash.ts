/**
 * Leaf, parent and root hashes: one engine for all generations, given the byte order of the sizes.
 *
 * Owns: the three inputs to BLAKE2b-256. Each is contiguous memory, so every hash is one call to the
 * provider. The result of a call stands in `result` until the next call; whoever keeps it copies it.
 *
 *     leaf   := 00 | u64 size of the block | block
 *     parent := 01 | u64 size of both children | hash of the left | hash of the right
 *     root   := 02 | for each full root, left to right: hash | u64 index | u64 size
 *
 * Sizes are committed to in each parent and in the root, so byte offsets are authenticated too. Source:
 * the generation 3 data model, section 2; generation 2, section 2.
 */

import { copy, copy32 } from '../bytes/bytes.ts'
import { crypto, HASH_BYTES } from '../crypto/crypto.ts'
import type { NodeSet } from './nodes.ts'

/** Writes a whole number below 2^53 as 8 bytes. */
export type WriteU64 = (bytes: Uint8Array, at: number, value: number) => void

/** Bytes in front of a block that `leafInPlace` writes. */
export const LEAF_PREFIX_BYTES = 9

const LEAF = 0
const PARENT = 1
const ROOT = 2

/** The scratch of `parent`: the prefix stands at 7, so that sizes and hashes are aligned to 8 bytes. */
const PARENT_AT = 7
const PARENT_SIZE_AT = 8
const PARENT_LEFT_AT = 16
const PARENT_RIGHT_AT = PARENT_LEFT_AT + HASH_BYTES
const SCRATCH_BYTES = PARENT_RIGHT_AT + HASH_BYTES

const ROOT_ENTRY_BYTES = HASH_BYTES + 16

/** The hashes of one byte order, made in memory that is used again. */
export class TreeHash {
  /** 32 bytes: the result of the last call. */
  readonly result: Uint8Array = new Uint8Array(HASH_BYTES)
  readonly #writeU64: WriteU64
  readonly #scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES)
  /** The input of `root`, as long as the longest one so far, and its result. */
  #roots: Uint8Array = new Uint8Array(1 + 16 * ROOT_ENTRY_BYTES)
  readonly #root: Uint8Array = new Uint8Array(HASH_BYTES)

  constructor(writeU64: WriteU64) {
    this.#writeU64 = writeU64
    this.#scratch[PARENT_AT] = PARENT
  }

  /** Hashes the block `bytes[at .. at + size)`; overwrites the 9 bytes before it with the leaf prefix. */
  leafInPlace(bytes: Uint8Array, at: number, size: number): void {
    const from = at - LEAF_PREFIX_BYTES
    bytes[from] = LEAF
    this.#writeU64(bytes, from + 1, size)
    crypto().hashPart(this.result, bytes, from, at + size)
  }

  /** Hashes a block that stands elsewhere, by copying it. For cold paths. */
  leaf(block: Uint8Array): void {
    const joined = new Uint8Array(LEAF_PREFIX_BYTES + block.length)
    joined.set(block, LEAF_PREFIX_BYTES)
    this.leafInPlace(joined, LEAF_PREFIX_BYTES, block.length)
  }

  /**
   * Hashes two siblings, left (the smaller index) and right; `size` is the sum of theirs. Either may be
   * `result` itself.
   */
  parent(size: number, left: Uint8Array, leftAt: number, right: Uint8Array, rightAt: number): void {
    const scratch = this.#scratch
    this.#writeU64(scratch, PARENT_SIZE_AT, size)
    copy32(scratch, PARENT_LEFT_AT, left, leftAt)
    copy32(scratch, PARENT_RIGHT_AT, right, rightAt)
    crypto().hashPart(this.result, scratch, PARENT_AT, SCRATCH_BYTES)
  }

  /** The root hash of a tree, given its full roots from left to right: 32 new bytes. */
  root(roots: NodeSet): Uint8Array {
    const { length, hashes } = roots
    const bytes = 1 + length * ROOT_ENTRY_BYTES
    if (bytes > this.#roots.length) this.#roots = new Uint8Array(bytes)
    const input = this.#roots
    input[0] = ROOT
    for (let i = 0; i < length; i++) {
      const at = 1 + i * ROOT_ENTRY_BYTES
      const from = i * HASH_BYTES
      for (let k = 0; k < HASH_BYTES; k++) input[at + k] = hashes[from + k] ?? 0
      this.#writeU64(input, at + HASH_BYTES, roots.indices[i] ?? 0)
      this.#writeU64(input, at + HASH_BYTES + 8, roots.sizes[i] ?? 0)
    }
    // Short arrays are cheap until native code asks for their memory: so it gets ours, and the caller a copy.
    crypto().hashPart(this.#root, input, 0, bytes)
    return copy(this.#root)
  }
}

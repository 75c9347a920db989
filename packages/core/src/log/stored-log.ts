/**
 * A log as it lies in somebody's files: what an importer of an old format gives.
 *
 * Owns: the contract between those who read old files (SLEEP folders, `.dat` folders, the stores of older
 * corestores) and `adopt.ts`, which verifies what they say. Nothing in a stored log is trusted, its own account of what it
 * holds included. Reads are synchronous, and never write to the source.
 */

/** A node of the tree, as it is stored. */
export interface StoredNode {
  readonly size: number
  /** 32 bytes. */
  readonly hash: Uint8Array
}

/** One log of any generation, in its own files. */
export interface StoredLog {
  readonly generation: 1 | 2 | 3
  readonly key: Uint8Array
  /** The secret half, where the files hold it. */
  readonly secretKey: Uint8Array | undefined
  /** Blocks, by its own account. */
  readonly length: number
  /** 0 in generations 1 and 2. */
  readonly fork: number
  /** Encoded manifest (generation 3). */
  readonly manifest: Uint8Array | undefined
  /** Is the block held, by its own account? */
  has(block: number): boolean
  /** The stored bytes; `undefined` if they are not there. A view is valid until the next call. */
  block(block: number): Uint8Array | undefined
  /** By in-order index; `undefined` if the node is not there. */
  node(index: number): StoredNode | undefined
  /** The signature made at that length; generation 3 has one, for `length`. */
  signature(length: number): Uint8Array | undefined
  close(): void
}

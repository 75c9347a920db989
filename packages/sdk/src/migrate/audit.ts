/**
 * A stored log, checked as a whole: each block against its leaf, each parent against its children, signatures against the key.
 *
 * Owns: that pass, which is the same for all generations through their table. It reads every byte that the log claims to hold
 * and gives the event loop its turn now and then. What it reports was checked; nothing is repaired here: whether a
 * log can still be adopted is more than this, because missing nodes can be made anew from what lies below them.
 * Source: the generation 1 log, section 7.
 */

import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { INSPECT_RANGES_MAX } from '@dat-rhino/core/base/limits'
import { Pace } from '@dat-rhino/core/base/pace'
import { copy, equal } from '@dat-rhino/core/bytes/bytes'
import type { Generation } from '@dat-rhino/core/log/generation'
import { GENERATIONS } from '@dat-rhino/core/log/generations'
import type { StoredLog, StoredNode } from '@dat-rhino/core/log/stored-log'
import {
  endBlock,
  isLeft,
  leftChild,
  parentOf,
  rightChild,
  siblingOf,
} from '@dat-rhino/core/tree/flat'
import { byteLengthOf } from '@dat-rhino/core/tree/grow'
import { storedRoots } from './signed.ts'
import type { Audit, DamagedBlock } from './types.ts'

/** How the pass goes on. */
export interface AuditOptions {
  /** Blocks that were looked at since the last call. */
  readonly onProgress?: ((blocks: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
}

/** Checks everything. Throws `ABORTED`. */
export async function auditLog(log: StoredLog, options: AuditOptions = {}): Promise<Audit> {
  const pace = new Pace(options.clock ?? systemClock)
  const pass = new AuditPass(log)
  let told = 0
  checkAborted(options.signal)
  for (let block = 0; block < log.length; block++) {
    pass.checkBlock(block)
    if (!pace.due()) continue
    options.onProgress?.(block + 1 - told)
    told = block + 1
    await pace.turn()
    checkAborted(options.signal)
  }
  options.onProgress?.(log.length - told)
  return pass.result()
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new DatError('ABORTED', 'The inspection was aborted.', {}, signal.reason)
}

class AuditPass {
  readonly #log: StoredLog
  readonly #generation: Generation
  #blocks = 0
  #bytes = 0
  readonly #missing: [number, number][] = []
  #missingCount = 0
  readonly #damaged: DamagedBlock[] = []
  #damagedCount = 0
  #damagedNodes = 0
  #signedLength = 0
  #wrongSignatures = 0

  constructor(log: StoredLog) {
    this.#log = log
    this.#generation = GENERATIONS[log.generation]
  }

  /** Checks the block, and the parents and the signature that end with it. Blocks are checked in order. */
  checkBlock(block: number): void {
    if (!this.#log.has(block)) this.#addMissing(block)
    else {
      const reason = this.#whyBad(block)
      if (reason !== undefined) this.#addDamaged(block, reason)
    }
    // The parent whose right edge this block is, and the one above it with the same edge, and so on.
    let blocks = 2
    for (let end = block + 1; end % blocks === 0; blocks *= 2) {
      this.#checkParent(2 * end - blocks - 1)
    }
    this.#checkSignature(block + 1)
  }

  result(): Audit {
    const log = this.#log
    const roots = log.length > 0 ? storedRoots(log, log.length) : undefined
    return {
      byteLength: log.length === 0 ? 0 : roots && byteLengthOf(roots),
      blocks: this.#blocks,
      bytes: this.#bytes,
      missing: this.#missing,
      missingCount: this.#missingCount,
      damaged: this.#damaged,
      damagedCount: this.#damagedCount,
      damagedNodes: this.#damagedNodes,
      signedLength: this.#signedLength,
      wrongSignatures: this.#wrongSignatures,
    }
  }

  #whyBad(block: number): DamagedBlock['reason'] | undefined {
    const bytes = this.#log.block(block)
    if (bytes === undefined) return 'unreadable'
    const { hash } = this.#generation
    const size = bytes.length
    hash.leaf(bytes)
    const leaf = this.#log.node(2 * block)
    // Hypercore 11 loses leaves of blocks that it keeps: such a block follows from itself.
    if (leaf === undefined) return this.#fitsAbove(2 * block, size) ? this.#good(size) : 'no-leaf'
    return leaf.size === size && equal(leaf.hash, hash.result) ? this.#good(size) : 'hash'
  }

  #good(size: number): undefined {
    this.#blocks++
    this.#bytes += size
    return undefined
  }

  /** Does the leaf that was just hashed lead, with the siblings on its way up, to a node that is stored? */
  #fitsAbove(leaf: number, size: number): boolean {
    const { hash } = this.#generation
    let index = leaf
    let node: StoredNode = { size, hash: copy(hash.result) }
    for (;;) {
      const sibling = this.#copied(siblingOf(index))
      if (sibling === undefined) return false
      const [left, right] = isLeft(index) ? [node, sibling] : [sibling, node]
      const sum = left.size + right.size
      hash.parent(sum, left.hash, 0, right.hash, 0)
      node = { size: sum, hash: copy(hash.result) }
      index = parentOf(index)
      const stored = this.#log.node(index)
      if (stored !== undefined) return stored.size === node.size && equal(stored.hash, node.hash)
    }
  }

  #checkParent(index: number): void {
    if (endBlock(index) > this.#log.length) return
    const left = this.#copied(leftChild(index))
    const right = left && this.#copied(rightChild(index))
    const parent = right && this.#log.node(index)
    if (left === undefined || right === undefined || parent === undefined) return
    const { hash } = this.#generation
    hash.parent(left.size + right.size, left.hash, 0, right.hash, 0)
    const isRight = parent.size === left.size + right.size && equal(parent.hash, hash.result)
    if (!isRight) this.#damagedNodes++
  }

  #copied(index: number): StoredNode | undefined {
    const node = this.#log.node(index)
    return node && { size: node.size, hash: copy(node.hash) }
  }

  /** Of a log without signatures the key may be the hash of the whole. */
  #checkSignature(length: number): void {
    const signature = this.#log.signature(length)
    if (signature === undefined && length < this.#log.length) return
    if (this.#isSigned(length, signature && copy(signature))) this.#signedLength = length
    else if (signature !== undefined) this.#wrongSignatures++
  }

  #isSigned(length: number, signature: Uint8Array | undefined): boolean {
    const log = this.#log
    const roots = storedRoots(log, length)
    if (roots === undefined) return false
    const rootHash = this.#generation.hash.root(roots)
    return this.#generation.accepts(log, { fork: log.fork, length, roots, rootHash }, signature)
  }

  #addMissing(block: number): void {
    this.#missingCount++
    const last = this.#missing.at(-1)
    if (last !== undefined && last[1] === block) last[1] = block + 1
    else if (this.#missing.length < INSPECT_RANGES_MAX) this.#missing.push([block, block + 1])
  }

  #addDamaged(block: number, reason: DamagedBlock['reason']): void {
    this.#damagedCount++
    if (this.#damaged.length < INSPECT_RANGES_MAX) this.#damaged.push({ block, reason })
  }
}

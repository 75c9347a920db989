/**
 * A log as it would lie in somebody's files, made from one of ours, which a test can damage.
 *
 * Owns: `StoredCopy`: blocks, nodes and signatures in maps, by number. What is changed in them is what the files say.
 */

import { copy } from '../../src/bytes/bytes.ts'
import type { Replica } from '../../src/log/replica.ts'
import type { StoredLog, StoredNode } from '../../src/log/stored-log.ts'

export class StoredCopy implements StoredLog {
  readonly generation: 1 | 2 | 3
  readonly key: Uint8Array
  readonly secretKey: Uint8Array | undefined
  length: number
  fork: number
  manifest: Uint8Array | undefined
  readonly blocks = new Map<number, Uint8Array>()
  readonly nodes = new Map<number, StoredNode>()
  readonly signatures = new Map<number, Uint8Array>()
  /** Blocks that the files claim to hold. */
  readonly claims = new Set<number>()

  constructor(replica: Replica) {
    const { identity, head } = replica.slot
    this.generation = identity.generation
    this.key = identity.key
    this.secretKey = identity.secretKey
    this.length = head.length
    this.fork = head.fork
    this.manifest = identity.manifest
    for (let i = 0; i < head.length; i++) {
      const block = replica.read(i)
      if (block === undefined) continue
      this.blocks.set(i, block)
      this.claims.add(i)
    }
    for (let index = 0; index < 2 * head.length; index++) {
      if (!replica.slot.findNode(index)) continue
      const { nodeBytes, nodeAt, nodeSize } = replica.slot
      const hash = copy(nodeBytes.subarray(nodeAt, nodeAt + 32))
      this.nodes.set(index, { size: nodeSize, hash })
    }
    for (let length = 1; length <= head.length; length++) {
      const signature = replica.slot.signature(length)
      if (signature !== undefined) this.signatures.set(length, copy(signature))
    }
    if (head.signature !== undefined) this.signatures.set(head.length, copy(head.signature))
  }

  has(block: number): boolean {
    return this.claims.has(block)
  }

  block(block: number): Uint8Array | undefined {
    return this.blocks.get(block)
  }

  node(index: number): StoredNode | undefined {
    return this.nodes.get(index)
  }

  signature(length: number): Uint8Array | undefined {
    return this.signatures.get(length)
  }

  close(): void {}
}

/** The same bytes with one of them changed; the empty ones get one more. */
export function damaged(bytes: Uint8Array): Uint8Array {
  const other = bytes.length === 0 ? new Uint8Array(1) : copy(bytes)
  other[other.length >> 1] = (other[other.length >> 1] ?? 0) ^ 0x40
  return other
}

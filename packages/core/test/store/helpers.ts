/** What tests of stores do again and again: make a log, put blocks with their true leaf hashes, set heads. */

import { hex } from '../../src/bytes/bytes.ts'
import { crypto } from '../../src/crypto/crypto.ts'
import type { Head, LogIdentity, Slot, Store } from '../../src/store/store.ts'

/** `size` bytes that depend on `seed`. */
export function bytesOf(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = (seed * 2654435761 + 1) >>> 0
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A log that somebody else writes. */
export function identityOf(seed: number, more: Partial<LogIdentity> = {}): LogIdentity {
  return {
    key: bytesOf(32, 1000 + seed),
    discoveryKey: bytesOf(32, 2000 + seed),
    generation: 3,
    manifest: undefined,
    publicKey: undefined,
    secretKey: undefined,
    alias: undefined,
    ...more,
  }
}

/** Identities with and without each part, for `identityOf` of their place in the list. */
export const IDENTITIES: readonly Partial<LogIdentity>[] = [
  {},
  { publicKey: bytesOf(32, 6) },
  { alias: { namespace: bytesOf(32, 5), name: 'café' } },
  { manifest: bytesOf(100, 1) },
  // A manifest that has the key of the log in it.
  { manifest: Uint8Array.from([1, 2, ...bytesOf(32, 1004), 3]) },
  {
    publicKey: bytesOf(32, 6),
    alias: { namespace: bytesOf(32, 5), name: '' },
    manifest: bytesOf(300, 1),
  },
]

interface Brief {
  readonly keys: Uint8Array
  readonly isOwn: boolean
  readonly isHashOfManifest: boolean
  readonly isSigned: boolean
}

/** What a slot tells without its identity and its head. */
export function briefOf(slot: Slot): Brief {
  const keys = new Uint8Array(64)
  slot.copyKeys(keys)
  const { isOwn, isHashOfManifest, isSigned } = slot
  return { keys, isOwn, isHashOfManifest, isSigned }
}

/** The same out of the identity and the head. */
export function expectedBrief({ identity, head }: Slot): Brief {
  const { key, discoveryKey, publicKey, alias, manifest } = identity
  return {
    keys: Uint8Array.from([...key, ...discoveryKey]),
    isOwn: publicKey !== undefined || alias !== undefined,
    isHashOfManifest: manifest !== undefined && !hex(manifest).includes(hex(key)),
    isSigned: head.signature !== undefined,
  }
}

/** The leaf hash of a block that stands in a staging buffer behind its prefix. */
function leafHash(staging: Uint8Array, at: number, size: number): Uint8Array {
  const hash = new Uint8Array(32)
  crypto().hash(hash, staging.subarray(at - 9, at + size))
  return hash
}

/** Puts one block and its leaf: some in two steps, others in one, so that every test has both. */
export function putBlock(slot: Slot, index: number, block: Uint8Array): void {
  const at = slot.reserve(index, block.length)
  slot.staging.set(block, at)
  const hash = leafHash(slot.staging, at, block.length)
  if ((index + block.length) % 2 === 0) {
    slot.putBlockAndLeaf(index, hash, 0)
    return
  }
  slot.putBlock(index)
  slot.putNode(2 * index, block.length, hash, 0)
}

export function headOf(length: number, more: Partial<Head> = {}): Head {
  return { fork: 0, length, byteLength: 0, signature: undefined, ...more }
}

/** Appends blocks behind the head and moves it; parents are not tree hashes but recognisable bytes. */
export function append(slot: Slot, ...blocks: readonly Uint8Array[]): void {
  let { length, byteLength } = slot.head
  for (const block of blocks) {
    putBlock(slot, length, block)
    // The parent that this block completes, as in a real log: the odd node to its left.
    if (length % 2 === 1) slot.putNode(2 * length - 1, block.length, bytesOf(32, length), 0)
    length++
    byteLength += block.length
  }
  slot.stageHead({ ...slot.head, length, byteLength, signature: undefined })
}

/** A node that is there, as one value. */
export function nodeOf(slot: Slot, index: number): { size: number; hash: Uint8Array } | undefined {
  if (!slot.findNode(index)) return undefined
  const hash = new Uint8Array(slot.nodeBytes.subarray(slot.nodeAt, slot.nodeAt + 32))
  return { size: slot.nodeSize, hash }
}

/** All blocks of a log below its length; `undefined` where one is not held. */
export function blocksOf(slot: Slot): (Uint8Array | undefined)[] {
  return Array.from({ length: slot.head.length }, (_, index) => slot.read(index))
}

export async function appendAndCommit(
  store: Store,
  slot: Slot,
  ...blocks: readonly Uint8Array[]
): Promise<void> {
  append(slot, ...blocks)
  await store.commit()
}

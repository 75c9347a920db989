/**
 * The Data message of `hypercore/alpha`: the answer to a Request, with its proof (replication.md section 6).
 *
 * Owns: its layout. Blocks are written where they are sent from, by a function of the caller's, and read as
 * views into the frame; nodes go from and to flat arrays, without an object per node.
 *
 * Always true: as in `gen3-messages.ts`.
 */

import { BLOCK_BYTES_MAX, NODES_PER_LIST_MAX, SIGNATURE_BYTES_MAX } from '../base/limits.ts'
import { copy32 } from '../bytes/bytes.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import type { BlockRun } from '../tree/block-run.ts'
import type { NodeSet } from '../tree/nodes.ts'
import { CLAIM_BLOCK, CLAIM_HASH, type Proof } from '../tree/proof.ts'
import { manifestView } from './gen3-manifest.ts'
import {
  has,
  PART_BLOCK,
  PART_HASH,
  PART_MANIFEST,
  PART_SEEK,
  PART_UPGRADE,
  within,
} from './gen3-messages.ts'

/** `uint index | uint size | hash`, both integers of one byte. */
const NODE_BYTES_MIN = 2 + HASH_BYTES
const NODE_BYTES_USUAL = 6 + HASH_BYTES
/** No way up from a block is longer. */
const CLIMB_NODES_MAX = 52
/** Flags, id, fork, counts and positions of a Data that is not unusual. */
const DATA_BYTES_USUAL = 32

/** About how many bytes `writeData` will write; a little more where sizes are unusually large. */
export function dataBytes(proof: Proof, valueBytes: number): number {
  const nodes =
    proof.nodes.length +
    proof.seekNodes.length +
    proof.upgradeNodes.length +
    proof.additionalNodes.length
  return (
    DATA_BYTES_USUAL +
    (proof.claim === CLAIM_BLOCK ? valueBytes : 0) +
    nodes * NODE_BYTES_USUAL +
    (proof.signature?.length ?? 0) +
    (proof.manifest?.length ?? 0)
  )
}

/** Nodes go out in the proof's order, which must be generation 3's. `fill` writes the value in place. */
export function writeData(
  into: Writer,
  id: number,
  proof: Proof,
  valueBytes: number,
  fill: (into: Uint8Array, at: number) => void,
): void {
  const { claim, seekBytes, hasUpgrade, manifest } = proof
  into.uint(
    (claim === CLAIM_BLOCK ? PART_BLOCK : 0) |
      (claim === CLAIM_HASH ? PART_HASH : 0) |
      (seekBytes >= 0 ? PART_SEEK : 0) |
      (hasUpgrade ? PART_UPGRADE : 0) |
      (manifest !== undefined ? PART_MANIFEST : 0),
  )
  into.uint(id)
  into.uint(proof.fork)
  if (claim === CLAIM_BLOCK) {
    into.uint(proof.index)
    into.uint(valueBytes)
    const at = into.skip(valueBytes)
    fill(into.bytes, at)
    writeNodes(into, proof.nodes)
  } else if (claim === CLAIM_HASH) {
    into.uint(proof.index)
    writeNodes(into, proof.nodes)
  }
  if (seekBytes >= 0) {
    into.uint(seekBytes)
    writeNodes(into, proof.seekNodes)
  }
  if (hasUpgrade) {
    into.uint(proof.upgradeStart)
    into.uint(proof.upgradeLength)
    writeNodes(into, proof.upgradeNodes)
    writeNodes(into, proof.additionalNodes)
    into.buffer(proof.signature)
  }
  if (manifest !== undefined) into.fixed(manifest)
}

/** Fills `proof`, which the caller has reset, and returns the id of the request that it answers. */
export function readData(from: Reader, proof: Proof): number {
  const flags = from.uint()
  const id = from.uint()
  proof.fork = from.uint()
  if (has(flags, PART_BLOCK)) {
    proof.claim = CLAIM_BLOCK
    proof.index = from.uint()
    proof.value = from.buffer(BLOCK_BYTES_MAX)
    readNodes(from, proof.nodes)
  }
  if (has(flags, PART_HASH)) {
    const index = from.uint()
    if (has(flags, PART_BLOCK)) {
      readNodes(from, undefined)
    } else {
      proof.claim = CLAIM_HASH
      proof.index = index
      readNodes(from, proof.nodes)
    }
  }
  if (has(flags, PART_SEEK)) {
    proof.seekBytes = from.uint()
    readNodes(from, proof.seekNodes)
  }
  if (has(flags, PART_UPGRADE)) {
    proof.upgradeStart = from.uint()
    proof.upgradeLength = within(proof.upgradeStart, from.uint())
    readNodes(from, proof.upgradeNodes)
    readNodes(from, proof.additionalNodes)
    proof.signature = from.optionalBuffer(SIGNATURE_BYTES_MAX)
  }
  if (has(flags, PART_MANIFEST)) proof.manifest = manifestView(from)
  return id
}

/**
 * Reads a Data that brings a block and nothing else into `run`, whose bytes are the frame's. False, with nothing read, if it
 * brings anything else, or if there is no room.
 */
export function readBlock(from: Reader, run: BlockRun): boolean {
  const start = from.at
  if (from.left === 0 || from.bytes[start] !== PART_BLOCK) return false
  from.at++
  const id = from.uint()
  const fork = from.uint()
  const index = from.uint()
  const size = from.count(1, BLOCK_BYTES_MAX)
  const valueAt = from.skip(size)
  const count = from.count(NODE_BYTES_MIN, NODES_PER_LIST_MAX)
  if (count > CLIMB_NODES_MAX || !run.hasRoom(from.bytes, count)) {
    from.at = start
    return false
  }
  readNodeList(from, count, run.nodes)
  run.add(id, fork, index, from.bytes, valueAt, size)
  return true
}

function writeNodes(into: Writer, nodes: NodeSet): void {
  const { length, indices, sizes, hashes } = nodes
  into.uint(length)
  for (let i = 0; i < length; i++) {
    into.uint(indices[i] ?? 0)
    into.uint(sizes[i] ?? 0)
    const at = into.skip(HASH_BYTES)
    copy32(into.bytes, at, hashes, i * HASH_BYTES)
  }
}

/** Reads a list of nodes into a set, or past it. */
function readNodes(from: Reader, nodes: NodeSet | undefined): void {
  readNodeList(from, from.count(NODE_BYTES_MIN, NODES_PER_LIST_MAX), nodes)
}

function readNodeList(from: Reader, count: number, nodes: NodeSet | undefined): void {
  for (let i = 0; i < count; i++) {
    const index = from.uint()
    const size = from.uint()
    const at = from.skip(HASH_BYTES)
    nodes?.push(index, size, from.bytes, at)
  }
}

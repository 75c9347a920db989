/**
 * Evidence that the author of a log has signed two histories, for anybody who has the log's key.
 *
 *     evidence := u8 version 1, u8 generation, uint fork, optional buffer manifest, head, head
 *     head     := uint count, (uint index, uint size, 32 bytes hash) × count, optional buffer signature
 *
 * The nodes of a head are complete subtrees that tile its history from block 0 on, left to right; hashed together they
 * are its full roots, which the signature is over. Somewhere both have a node of the same index, with the same blocks
 * below it, that is not the same.
 *
 * Owns: that format, its proof, and making evidence from two trees. Always true: what `verifyConflict` accepts nobody can
 * have made without the secret key (or the keys that a quorum needs); no store and no peer is needed to check it.
 */

import { DatError } from '../base/errors.ts'
import { EVIDENCE_BYTES_MAX, NODES_PER_LIST_MAX } from '../base/limits.ts'
import { copy, equal } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'
import { LENGTH_MAX } from '../tree/climb.ts'
import { contains, endBlock, firstBlock, parentOf, siblingOf } from '../tree/flat.ts'
import { canPush, lengthOf, pushRoot } from '../tree/grow.ts'
import type { TreeHash } from '../tree/hash.ts'
import { NodeSet, type TrustedNodes } from '../tree/nodes.ts'
import type { Authority, Generation } from './generation.ts'
import { GENERATIONS } from './generations.ts'
import { canonicalManifest } from './learn-manifest.ts'
import { manifestKey } from './manifest.ts'

const VERSION = 1
/** Index, size and hash. */
const NODE_BYTES_MIN = HASH_BYTES + 2

/** What is proved: the author stands behind two histories of these lengths on one fork. */
export interface ConflictFacts {
  /** 32 bytes: the log's key. */
  readonly key: Uint8Array
  readonly fork: number
  /** Of the two heads, the one that was here first. */
  readonly lengths: readonly [number, number]
  /** The histories differ somewhere in blocks `start .. end`. */
  readonly start: number
  readonly end: number
}

/** One signed history, as evidence has it. */
export interface SignedHead {
  readonly nodes: NodeSet
  readonly signature: Uint8Array | undefined
}

/**
 * Proves that the author of the log `key` has signed two histories.
 *
 * @throws DatError BAD_FRAME (no evidence, or of a newer format), OVER_LIMIT, BAD_SIGNATURE (the key does not stand
 *   behind it), BAD_PROOF (both heads may be of one history)
 */
export function verifyConflict(evidence: Uint8Array, key: Uint8Array): ConflictFacts {
  if (key.length !== KEY_BYTES) {
    throw new DatError('BAD_ARGUMENT', 'The key of a log has 32 bytes.', { bytes: key.length })
  }
  if (evidence.length > EVIDENCE_BYTES_MAX) {
    throw new DatError('OVER_LIMIT', 'Evidence is too long.', { bytes: evidence.length })
  }
  const reader = new Reader(evidence)
  const version = reader.u8()
  const generation = GENERATIONS[generationOf(reader.u8())]
  if (version !== VERSION) {
    throw new DatError('BAD_FRAME', 'Evidence of a format that is not known here.', { version })
  }
  const fork = reader.uint()
  const authority = { key, manifest: ownManifest(reader.optionalBuffer(), key) }
  const first = readTree(reader, generation, authority, fork)
  const second = readTree(reader, generation, authority, fork)
  const node = difference(first, second)
  if (node === undefined) {
    throw new DatError('BAD_PROOF', 'Both heads may be of one history: nothing in them differs.')
  }
  const lengths = [first.length, second.length] as const
  return { key: copy(key), fork, lengths, start: firstBlock(node), end: endBlock(node) }
}

/** The error of whoever wants something of a log that two histories are signed of, with what is known of them. */
export function forkedError(evidence: Uint8Array | undefined, key: Uint8Array): DatError {
  const message =
    'The owner of this log signed two histories of it. It stays as it is here, and nothing more is written, fetched or ' +
    'served. `log.conflict` proves it to others.'
  if (evidence === undefined) return new DatError('FORKED', message)
  const { fork, lengths, start, end } = verifyConflict(evidence, key)
  const [length, otherLength] = lengths
  return new DatError('FORKED', message, { fork, length, otherLength, start, end })
}

/** The bytes of evidence. */
export function encodeConflict(
  generation: Generation,
  fork: number,
  manifest: Uint8Array | undefined,
  heads: readonly [SignedHead, SignedHead],
): Uint8Array {
  const writer = new Writer(512)
  writer.u8(VERSION)
  writer.u8(generation.id)
  writer.uint(fork)
  writer.buffer(manifest)
  for (const { nodes, signature } of heads) {
    writer.uint(nodes.length)
    for (let i = 0; i < nodes.length; i++) {
      writer.uint(nodes.indices[i] ?? 0)
      writer.uint(nodes.sizes[i] ?? 0)
      writer.fixedAt(nodes.hashes, i * HASH_BYTES, HASH_BYTES)
    }
    writer.buffer(signature)
  }
  return writer.take()
}

/**
 * Tiles of a history among which is `node`: its full roots, but instead of the one above `node` that node and the
 * siblings on the way up. Undefined if `tree` lacks one of these.
 */
export function tilesWith(roots: NodeSet, node: number, tree: TrustedNodes): NodeSet | undefined {
  const indices: number[] = []
  for (let i = 0; i < roots.length; i++) {
    const root = roots.indices[i] ?? 0
    if (!contains(root, node)) indices.push(root)
    else {
      indices.push(node)
      for (let at = node; at !== root; at = parentOf(at)) indices.push(siblingOf(at))
    }
  }
  indices.sort((a, b) => a - b)
  const tiles = new NodeSet()
  for (const index of indices) {
    if (!tree.findNode(index)) return undefined
    tiles.push(index, tree.nodeSize, tree.nodeBytes, tree.nodeAt)
  }
  return tiles
}

/** A node set as something to look nodes up in. */
export class FoundNodes implements TrustedNodes {
  readonly #nodes: NodeSet
  #i = 0

  constructor(nodes: NodeSet) {
    this.#nodes = nodes
  }

  findNode(index: number): boolean {
    this.#i = this.#nodes.find(index)
    return this.#i >= 0
  }

  get nodeBytes(): Uint8Array {
    return this.#nodes.hashes
  }

  get nodeAt(): number {
    return this.#i * HASH_BYTES
  }

  get nodeSize(): number {
    return this.#nodes.sizes[this.#i] ?? 0
  }
}

// ---- Reading -------------------------------------------------------------------------------------

/** A signed history: every node of it that evidence tells. */
interface Tree {
  readonly length: number
  readonly all: NodeSet
}

function generationOf(byte: number): 1 | 2 | 3 {
  const known = ([1, 2, 3] as const).find((id) => id === byte)
  if (known === undefined) {
    throw new DatError('BAD_FRAME', 'Evidence of a generation that is not known here.', { byte })
  }
  return known
}

function ownManifest(encoded: Uint8Array | undefined, key: Uint8Array): Uint8Array | undefined {
  if (encoded === undefined) return undefined
  const manifest = canonicalManifest(encoded)
  if (equal(manifestKey(manifest), key)) return manifest
  throw new DatError('BAD_SIGNATURE', 'The manifest in the evidence belongs to another key.')
}

function readTree(
  reader: Reader,
  generation: Generation,
  authority: Authority,
  fork: number,
): Tree {
  const { hash } = generation
  const roots = new NodeSet()
  const all = new NodeSet()
  const count = reader.count(NODE_BYTES_MIN, NODES_PER_LIST_MAX)
  for (let i = 0; i < count; i++) readNode(reader, hash, roots, all)
  const length = lengthOf(roots)
  const tree = { fork, length, roots, rootHash: copy(hash.root(roots)) }
  if (length > 0 && generation.accepts(authority, tree, reader.optionalBuffer())) {
    return { length, all }
  }
  throw new DatError('BAD_SIGNATURE', 'The key does not stand behind a head of the evidence.', {
    length,
    fork,
  })
}

function readNode(reader: Reader, hash: TreeHash, roots: NodeSet, all: NodeSet): void {
  const index = reader.uint()
  const size = reader.uint()
  const bytes = reader.fixed(HASH_BYTES)
  if (index > 2 * LENGTH_MAX || !canPush(roots, index)) {
    throw new DatError('BAD_PROOF', 'Nodes of the evidence are no history.', { index })
  }
  all.push(index, size, bytes, 0)
  pushRoot(roots, hash, index, size, bytes, 0, all)
}

/** The lowest node that both have and that is not the same. */
function difference(first: Tree, second: Tree): number | undefined {
  const other = new FoundNodes(second.all)
  let lowest: number | undefined
  for (let i = 0; i < first.all.length; i++) {
    const index = first.all.indices[i] ?? 0
    if (!other.findNode(index) || first.all.isFound(i, other)) continue
    if (lowest === undefined || contains(lowest, index)) lowest = index
  }
  return lowest
}

/**
 * Signatures by several signers of a generation 3 log, who need not be at the same length.
 *
 * Owns: the two encodings and the rule by which a tree is accepted: the first `quorum` parts count, each by
 * another signer. A signer who has signed a log that is longer by `patch` blocks proves with the upgrade
 * nodes between the two lengths that his log extends this one, and so that he approved of it.
 *
 *     version 1 and up := count, {uint signer | signature | uint patch} | count, node
 *     version 0        := count, {uint flags | uint signer | signature | [uint start | uint patch | count, uint]} | count, node
 *
 * Source: the generation 3 data model, sections 6.2 to 6.5.
 */

import { DatError } from '../base/errors.ts'
import { MANIFEST_SIGNERS_MAX, NODES_PER_LIST_MAX } from '../base/limits.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { crypto, HASH_BYTES, SIGNATURE_BYTES } from '../crypto/crypto.ts'
import { nodeOf, tileBlocks } from '../tree/flat.ts'
import { pushRoot } from '../tree/grow.ts'
import type { TreeHash } from '../tree/hash.ts'
import { NodeSet } from '../tree/nodes.ts'
import type { TreeState } from './generation.ts'
import type { Manifest } from './manifest.ts'

/** One signer's part. */
export interface Part {
  /** Position in the manifest. */
  readonly signer: number
  /** 64 bytes. */
  readonly signature: Uint8Array
  /** Blocks by which the tree that was signed is longer. */
  readonly patch: number
}

/** Nothing but the node list is longer per entry than this. */
const PART_BYTES_MIN = 1 + SIGNATURE_BYTES + 1
const NODE_BYTES_MIN = 2 + HASH_BYTES
const FLAG_PATCH = 1

/** Used again: a log with one signer makes a signature with each append. */
const writer = new Writer()
/** The same, for the nodes of patches, of which most signatures have none. */
const patchNodes = new NodeSet()

/**
 * Do enough signers stand behind `tree`?
 *
 * @param signable what signer number `index` signs for a tree
 */
export function acceptsMulti(
  manifest: Manifest,
  tree: TreeState,
  signature: Uint8Array,
  hash: TreeHash,
  signable: (index: number, tree: TreeState) => Uint8Array,
): boolean {
  const { quorum } = manifest
  if (quorum === 0) return false
  patchNodes.clear()
  const parts = tryDecode(manifest.version, signature, patchNodes)
  if (parts === undefined || parts.length < quorum) return false
  const seen = new Set<number>()
  for (const part of parts.slice(0, quorum)) {
    const signer = manifest.signers[part.signer]
    if (signer === undefined || seen.has(part.signer)) return false
    seen.add(part.signer)
    const patch = manifest.allowPatch ? part.patch : 0
    const signed = patch === 0 ? tree : extend(tree, patch, patchNodes, hash)
    if (signed === undefined) return false
    if (!crypto().verify(part.signature, signable(part.signer, signed), signer.publicKey))
      return false
  }
  return true
}

/** The longest length that `quorum` of the signers have reached. */
export function committableLength(lengths: readonly number[], quorum: number): number {
  return [...lengths].sort((a, b) => b - a)[quorum - 1] ?? 0
}

/** The stored form of parts; `nodes` are the upgrade nodes of all patches, each once. */
export function encodeMulti(
  version: Manifest['version'],
  parts: readonly Part[],
  nodes?: NodeSet,
  length = 0,
): Uint8Array {
  const count = nodes?.length ?? 0
  const w = writer
  w.reset()
  w.uint(parts.length)
  for (const part of parts) {
    if (version === 0) encodePart0(w, part, nodes ?? new NodeSet(), length)
    else encodePart1(w, part)
  }
  w.uint(count)
  for (let i = 0; nodes !== undefined && i < count; i++) {
    w.uint(nodes.indices[i] ?? 0)
    w.uint(nodes.sizes[i] ?? 0)
    w.fixedAt(nodes.hashes, i * HASH_BYTES, HASH_BYTES)
  }
  return w.take()
}

function encodePart1(w: Writer, part: Part): void {
  w.uint(part.signer)
  w.fixed(part.signature)
  w.uint(part.patch)
}

/** Version 0 also tells where the patch's nodes stand in the list; verifiers use the patch alone. */
function encodePart0(w: Writer, part: Part, nodes: NodeSet, length: number): void {
  w.uint(part.patch > 0 ? FLAG_PATCH : 0)
  w.uint(part.signer)
  w.fixed(part.signature)
  if (part.patch === 0) return
  const end = length + part.patch
  w.uint(end)
  w.uint(part.patch)
  const positions: number[] = []
  for (let at = length; at < end; ) {
    const blocks = tileBlocks(at, end)
    positions.push(nodes.find(nodeOf(at, blocks)))
    at += blocks
  }
  w.uint(positions.length)
  for (const position of positions) w.uint(position)
}

/** Bytes that break the grammar make no valid signature, which is an answer and not an error. */
function tryDecode(version: number, signature: Uint8Array, nodes: NodeSet): Part[] | undefined {
  try {
    return decodeMulti(version, signature, nodes)
  } catch (error) {
    if (error instanceof DatError) return undefined
    throw error
  }
}

/** Reads parts and fills `nodes`. Trailing bytes are ignored, as everywhere. Throws `BAD_FRAME`, `OVER_LIMIT`. */
export function decodeMulti(version: number, signature: Uint8Array, nodes: NodeSet): Part[] {
  const r = new Reader(signature)
  const count = r.count(PART_BYTES_MIN, MANIFEST_SIGNERS_MAX)
  const decodePart = version === 0 ? decodePart0 : decodePart1
  const parts = Array.from({ length: count }, () => decodePart(r))
  for (let left = r.count(NODE_BYTES_MIN, NODES_PER_LIST_MAX); left > 0; left--) {
    const index = r.uint()
    const size = r.uint()
    nodes.push(index, size, r.bytes, r.skip(HASH_BYTES))
  }
  return parts
}

function decodePart1(r: Reader): Part {
  return { signer: r.uint(), signature: r.fixed(SIGNATURE_BYTES), patch: r.uint() }
}

function decodePart0(r: Reader): Part {
  const flags = r.uint()
  const signer = r.uint()
  const signature = r.fixed(SIGNATURE_BYTES)
  if (flags % 2 !== FLAG_PATCH) return { signer, signature, patch: 0 }
  r.uint()
  const patch = r.uint()
  for (let left = r.count(1, NODES_PER_LIST_MAX); left > 0; left--) r.uint()
  return { signer, signature, patch }
}

/** The tree that is `patch` blocks longer, or undefined if a node of the way there is missing. */
function extend(
  tree: TreeState,
  patch: number,
  nodes: NodeSet,
  hash: TreeHash,
): TreeState | undefined {
  const length = tree.length + patch
  if (length > Number.MAX_SAFE_INTEGER) return undefined
  const roots = new NodeSet()
  roots.pushAll(tree.roots)
  for (let at = tree.length; at < length; ) {
    const blocks = tileBlocks(at, length)
    const i = nodes.find(nodeOf(at, blocks))
    if (i === -1) return undefined
    pushRoot(
      roots,
      hash,
      nodeOf(at, blocks),
      nodes.sizes[i] ?? 0,
      nodes.hashes,
      i * HASH_BYTES,
      undefined,
    )
    at += blocks
  }
  return { fork: tree.fork, length, roots, rootHash: hash.root(roots) }
}

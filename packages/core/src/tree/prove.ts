/**
 * Which nodes answer a request, in the order that generation 3 sends them.
 *
 * Owns: the layout of answers. A block or hash is led, sibling by sibling, up to the ancestor that the
 * requester says he trusts, or to the tile of the upgrade that it lies in; an upgrade is the tiles of its
 * blocks, then the tiles from its end to our own length, because that is what is signed; a seek takes
 * the place of the one node that contains it. Nothing here knows blocks, signatures or manifests. Source:
 * generation 3 replication, sections 6.1 to 6.6.
 */

import {
  blocksBelow,
  contains,
  endBlock,
  firstBlock,
  leftChild,
  nodeOf,
  parentOf,
  rightChild,
  siblingOf,
  tileBlocks,
  tileOf,
} from './flat.ts'
import type { NodeSet, TrustedNodes } from './nodes.ts'
import { CLAIM_BLOCK, CLAIM_HASH, type Proof } from './proof.ts'
import { byteOffset } from './seek.ts'

/** The part of a request that a proof answers. */
export interface ProofRequest {
  readonly fork: number
  /** Block number, or -1. */
  readonly block: number
  /** In-order node index, or -1; a block goes before it. */
  readonly hash: number
  /** Parent steps from the block or hash to a node that the requester trusts. */
  readonly nodes: number
  /** What the requester holds, where a generation says it in one number (`digest.ts`); else -1. */
  readonly digest: number
  /** Byte position, or -1; `seekPadding` bytes per block are not counted. */
  readonly seekBytes: number
  readonly seekPadding: number
  readonly upgradeStart: number
  /** 0 for no upgrade. */
  readonly upgradeLength: number
  readonly manifest: boolean
}

/** Asks for no part. Requests are made from it by naming what they do ask for. */
export const NOTHING_ASKED: ProofRequest = {
  fork: 0,
  block: -1,
  hash: -1,
  nodes: 0,
  digest: -1,
  seekBytes: -1,
  seekPadding: 0,
  upgradeStart: 0,
  upgradeLength: 0,
  manifest: false,
}

/** `unavailable`: a node is not here. `invalid`: nobody could answer that. */
export type Refused = 'unavailable' | 'invalid'

/** Larger indices would leave the whole numbers on the way up. */
const NODE_MAX = 2 ** 52

/** Stands for "no node" where a node index is expected. */
const NONE = -1

/**
 * Fills `out` (which was reset) with nodes of a tree of `length` blocks.
 *
 * @param prologue length that upgrades from below start with, whatever was asked; 0 for none
 */
export function prove(
  request: ProofRequest,
  tree: TrustedNodes,
  length: number,
  prologue: number,
  out: Proof,
): Refused | undefined {
  const refused = fill(request, tree, length, prologue, out)
  if (out.seekNodes.length > 0) out.seekBytes = request.seekBytes
  return refused
}

function fill(
  request: ProofRequest,
  tree: TrustedNodes,
  length: number,
  prologue: number,
  out: Proof,
): Refused | undefined {
  const hasUpgrade = request.upgradeLength > 0
  let from = hasUpgrade ? request.upgradeStart : length
  let to = hasUpgrade ? from + request.upgradeLength : length
  if (hasUpgrade && from < prologue) {
    from = 0
    to = prologue
  }
  if (to > length) return 'invalid'

  const target = claim(request, out)
  if (target > NODE_MAX) return 'invalid'
  const isInside = target !== NONE && firstBlock(target) >= from
  // Whatever the upgrade does not answer is led to a node that the requester has below it.
  if (target !== NONE && !isInside) {
    const refused = proveBelow(request, tree, target, from, to, length, out)
    if (refused !== undefined) return refused
  }
  if (!hasUpgrade) {
    const isSeekAlone = target === NONE && request.seekBytes >= 0
    return isInside || isSeekAlone ? 'invalid' : undefined
  }
  const inside = isInside ? target : NONE
  return proveUpgrade(request, tree, inside, target !== NONE, from, to, length, out)
}

/** Names the node that a block or hash claim starts at. */
function claim(request: ProofRequest, out: Proof): number {
  if (request.block >= 0) {
    out.claim = CLAIM_BLOCK
    out.index = request.block
    return 2 * request.block
  }
  if (request.hash < 0) return NONE
  out.claim = CLAIM_HASH
  out.index = request.hash
  return request.hash
}

// ---- Below the requester's length ----------------------------------------------------------------

function proveBelow(
  request: ProofRequest,
  tree: TrustedNodes,
  target: number,
  from: number,
  to: number,
  length: number,
  out: Proof,
): Refused | undefined {
  if (endBlock(target) > from) return 'invalid'
  let top = target
  let blocks = blocksBelow(target)
  for (let i = 0; i < request.nodes; i++) {
    top = parentOf(top, blocks)
    blocks *= 2
    if (endBlock(top, blocks) > to) return 'invalid'
  }
  let sought = NONE
  if (request.seekBytes >= 0) {
    const offset = byteOffset(tree, length, firstBlock(top, blocks))
    if (offset === undefined || !tree.findNode(top)) return 'unavailable'
    const before = offset - request.seekPadding * firstBlock(top, blocks)
    const rest = request.seekBytes - before
    if (rest < 0 || rest >= tree.nodeSize - request.seekPadding * blocks) return 'invalid'
    sought = seekNode(tree, top, rest, request.seekPadding)
  }
  return climb(tree, target, top, out, sought)
}

/** Lists the siblings from `target` up to `top`, a hash with itself in front. */
function climb(
  tree: TrustedNodes,
  target: number,
  top: number,
  out: Proof,
  sought: number,
): Refused | undefined {
  if (out.claim === CLAIM_HASH && !take(tree, target, out.nodes)) return 'unavailable'
  let node = target
  let blocks = blocksBelow(target)
  while (node !== top) {
    const sibling = siblingOf(node, blocks)
    if (sought !== NONE && sibling !== sought && contains(sibling, sought)) {
      if (!proveSeek(tree, sought, sibling, out)) return 'unavailable'
    } else if (!take(tree, sibling, out.nodes)) {
      return 'unavailable'
    }
    node = parentOf(node, blocks)
    blocks *= 2
  }
  return undefined
}

// ---- Upgrades ------------------------------------------------------------------------------------

function proveUpgrade(
  request: ProofRequest,
  tree: TrustedNodes,
  inside: number,
  hasClaim: boolean,
  from: number,
  to: number,
  length: number,
  out: Proof,
): Refused | undefined {
  let omitted = NONE
  if (inside !== NONE) {
    if (request.seekBytes >= 0 || endBlock(inside) > to) return 'invalid'
    omitted = tileOf(firstBlock(inside), from, to)
    if (!contains(omitted, inside)) return 'invalid'
    const refused = climb(tree, inside, omitted, out, NONE)
    if (refused !== undefined) return refused
  } else if (request.seekBytes >= 0 && !hasClaim) {
    const sought = seekFromRoots(tree, to, request.seekBytes, request.seekPadding)
    if (typeof sought === 'string') return sought
    if (firstBlock(sought) >= from) {
      omitted = tileOf(firstBlock(sought), from, to)
      if (!proveSeek(tree, sought, omitted, out)) return 'unavailable'
    }
  }
  out.upgradeStart = from
  out.upgradeLength = to - from
  const isWhole =
    takeTiles(tree, from, to, omitted, out.upgradeNodes) &&
    takeTiles(tree, to, length, NONE, out.additionalNodes)
  return isWhole ? undefined : 'unavailable'
}

function takeTiles(
  tree: TrustedNodes,
  start: number,
  end: number,
  omitted: number,
  into: NodeSet,
): boolean {
  for (let at = start; at < end; ) {
    const blocks = tileBlocks(at, end)
    const node = nodeOf(at, blocks)
    if (node !== omitted && !take(tree, node, into)) return false
    at += blocks
  }
  return true
}

// ---- Seeks ---------------------------------------------------------------------------------------

/** Lists node `sought` and its siblings up to `top`, whose place the list takes. */
function proveSeek(tree: TrustedNodes, sought: number, top: number, out: Proof): boolean {
  if (!take(tree, sought, out.seekNodes)) return false
  let node = sought
  let blocks = blocksBelow(sought)
  while (node !== top) {
    if (!take(tree, siblingOf(node, blocks), out.seekNodes)) return false
    node = parentOf(node, blocks)
    blocks *= 2
  }
  return true
}

/** The node that settles where byte `byte` of a log of `length` blocks lies. */
function seekFromRoots(
  tree: TrustedNodes,
  length: number,
  byte: number,
  padding: number,
): number | Refused {
  let rest = byte
  for (let at = 0; at < length; ) {
    const blocks = tileBlocks(at, length)
    const root = nodeOf(at, blocks)
    if (!tree.findNode(root)) return 'unavailable'
    const size = tree.nodeSize - padding * blocks
    if (rest === size) return root
    if (rest < size) return seekNode(tree, root, rest, padding)
    rest -= size
    at += blocks
  }
  return 'invalid'
}

/** The same below `root`: as deep as nodes are here. */
function seekNode(tree: TrustedNodes, root: number, byte: number, padding: number): number {
  let node = root
  let rest = byte
  if (rest === 0) return root
  for (let blocks = blocksBelow(root); blocks > 1; blocks /= 2) {
    const left = leftChild(node, blocks)
    if (!tree.findNode(left)) return node
    const size = tree.nodeSize - (padding * blocks) / 2
    if (rest === size) return left
    if (rest < size) {
      node = left
    } else {
      rest -= size
      node = rightChild(node, blocks)
    }
  }
  return node
}

function take(tree: TrustedNodes, index: number, into: NodeSet): boolean {
  if (!tree.findNode(index)) return false
  into.push(index, tree.nodeSize, tree.nodeBytes, tree.nodeAt)
  return true
}

/**
 * Answering in generations 1 and 2.
 *
 * Owns: what a log adds to the choice of nodes (`tree/digest.ts`): only what may be shown is proved from; the signature
 * is one that was kept at a length whose roots are held; a block that is gone is answered by its leaf, a
 * position by the block that it lies in. Source: generation 2, sections 9 and 11, generation 1, section 7.
 */

import { SIGNATURES_TRIED_MAX } from '../base/limits.ts'
import { type HeldNodes, proveByDigest, type ReaderMemory, verifiedBy } from '../tree/digest.ts'
import { blocksBelow, endBlock, fullRoots, isLeft } from '../tree/flat.ts'
import { CLAIM_BLOCK, CLAIM_HASH, type Proof } from '../tree/proof.ts'
import type { ProofRequest, Refused } from '../tree/prove.ts'
import { seek } from '../tree/seek.ts'
import type { Shown } from './generation.ts'

/** The nodes of a log that belong to the head that may be shown. One for all: no answer waits. */
class ShownNodes implements HeldNodes {
  shown: Shown | undefined

  findNode(index: number): boolean {
    const { shown } = this
    return shown !== undefined && endBlock(index) <= shown.head.length && shown.slot.findNode(index)
  }

  /** The kept signature of a length, and for the head its own: none, if the log is a static one. */
  isSigned(length: number): boolean {
    const { shown } = this
    if (shown === undefined) return false
    return length === shown.head.length || shown.slot.signature(length) !== undefined
  }
}

const nodes = new ShownNodes()
const chosen: number[] = []

/** `Generation.prove` where heads follow from nodes. */
export function proveByNodes(
  shown: Shown,
  request: Readonly<ProofRequest>,
  reader: ReaderMemory | undefined,
  out: Proof,
): Refused | undefined {
  if (reader === undefined || request.hash % 2 === 1) return 'invalid'
  const block = request.seekBytes < 0 ? asked(request) : sought(shown, request)
  if (block < 0) return 'invalid'
  if (block >= shown.head.length) return 'unavailable'
  const wantsHash = request.block < 0 || !shown.isDurable(block)
  const digest = request.seekBytes < 0 ? Math.max(0, request.digest) : 0
  nodes.shown = shown
  chosen.length = 0
  const length = proveByDigest(nodes, reader, block, digest, wantsHash, chosen, signedLength)
  nodes.shown = undefined
  if (length < 0) return 'unavailable'
  out.claim = wantsHash ? CLAIM_HASH : CLAIM_BLOCK
  out.index = wantsHash ? 2 * block : block
  const { slot, head } = shown
  for (const index of chosen) {
    slot.findNode(index)
    out.nodes.push(index, slot.nodeSize, slot.nodeBytes, slot.nodeAt)
  }
  if (length > 0) out.signature = length === head.length ? head.signature : slot.signature(length)
  return undefined
}

function asked(request: Readonly<ProofRequest>): number {
  return request.block >= 0 ? request.block : request.hash / 2
}

/** The block that a position lies in, as far as nodes here tell; else the block that was named beside it. */
function sought(shown: Shown, request: Readonly<ProofRequest>): number {
  const found = seek(shown.slot, shown.head.length, request.seekBytes, request.seekPadding)
  return found.kind === 'found' && found.index < shown.head.length ? found.index : asked(request)
}

/**
 * A length that `node` is a root of, whose other roots are held and whose signature was kept; 0 if there is none. Nodes
 * that came with different heads can together imply a length that nobody signed.
 */
function signedLength(held: HeldNodes, node: number): number {
  const implied = verifiedBy(held, node)
  if (nodes.isSigned(implied)) return implied
  if (!isLeft(node)) return 0
  const first = endBlock(node)
  const end = Math.min(first + blocksBelow(node), first + SIGNATURES_TRIED_MAX)
  for (let length = first; length < end; length++) {
    if (nodes.isSigned(length) && fullRoots(length).every((root) => held.findNode(root))) {
      return length
    }
  }
  return 0
}

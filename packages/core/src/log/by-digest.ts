/**
 * Answering in generations 1 and 2.
 *
 * Owns: what a log adds to the choice of nodes (`tree/digest.ts`): only what may be shown is proved from; the signature
 * is the one that was kept at the length to which the nodes lead; a block that is gone is answered by its leaf, a
 * position by the block that it lies in. That there is such a signature follows from how nodes come in: each with a
 * way up to a node that was known, or as part of a head whose signature is kept with it. Then the longest head that an
 * island belongs to is the length that its nodes imply. Source: generation 2, sections 9 and 11.
 */

import { type HeldNodes, proveByDigest, type ReaderMemory } from '../tree/digest.ts'
import { endBlock } from '../tree/flat.ts'
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
  const length = proveByDigest(nodes, reader, block, digest, wantsHash, chosen)
  nodes.shown = undefined
  if (length < 0) return 'unavailable'
  const { slot, head } = shown
  const signature = length === head.length ? head.signature : slot.signature(length)
  // The head of a static log has none, and needs none.
  const isProof = signature !== undefined || length === 0 || length === head.length
  if (!isProof) return 'unavailable'
  out.claim = wantsHash ? CLAIM_HASH : CLAIM_BLOCK
  out.index = wantsHash ? 2 * block : block
  for (const index of chosen) {
    slot.findNode(index)
    out.nodes.push(index, slot.nodeSize, slot.nodeBytes, slot.nodeAt)
  }
  if (length > 0) out.signature = signature
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

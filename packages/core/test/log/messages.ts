/**
 * Reads the Request and Data bodies of the vectors: a second, plain decoder beside that of `wire/`, so that
 * the tests of the log stand on no other layer of ours.
 */

import { Reader } from '../../src/bytes/cursor.ts'
import type { NodeSet } from '../../src/tree/nodes.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../../src/tree/proof.ts'
import type { ProofRequest } from '../../src/tree/prove.ts'

export const hasUpgradePart = (body: Uint8Array): boolean => ((body[0] ?? 0) & 8) !== 0

export function decodeRequest(body: Uint8Array): ProofRequest {
  const r = new Reader(body)
  const flags = r.uint()
  r.uint()
  const fork = r.uint()
  const [block, blockNodes] = (flags & 1) !== 0 ? [r.uint(), r.uint()] : [-1, 0]
  const [hash, hashNodes] = (flags & 2) !== 0 ? [r.uint(), r.uint()] : [-1, 0]
  const [seekBytes, seekPadding] = (flags & 4) !== 0 ? [r.uint(), r.uint()] : [-1, 0]
  const [upgradeStart, upgradeLength] = (flags & 8) !== 0 ? [r.uint(), r.uint()] : [0, 0]
  const nodes = block >= 0 ? blockNodes : hashNodes
  const manifest = (flags & 16) !== 0
  const upgrade = { upgradeStart, upgradeLength }
  return { fork, block, hash, nodes, digest: -1, seekBytes, seekPadding, ...upgrade, manifest }
}

export function decodeData(body: Uint8Array): Proof {
  const r = new Reader(body)
  const proof = new Proof()
  const flags = r.uint()
  r.uint()
  proof.fork = r.uint()
  if ((flags & 1) !== 0) {
    proof.claim = CLAIM_BLOCK
    proof.index = r.uint()
    proof.value = r.buffer()
    decodeNodes(r, proof.nodes)
  }
  if ((flags & 2) !== 0) {
    proof.claim = CLAIM_HASH
    proof.index = r.uint()
    decodeNodes(r, proof.nodes)
  }
  if ((flags & 4) !== 0) {
    proof.seekBytes = r.uint()
    decodeNodes(r, proof.seekNodes)
  }
  if ((flags & 8) !== 0) {
    proof.upgradeStart = r.uint()
    proof.upgradeLength = r.uint()
    decodeNodes(r, proof.upgradeNodes)
    decodeNodes(r, proof.additionalNodes)
    proof.signature = r.optionalBuffer()
  }
  if ((flags & 16) !== 0) proof.manifest = r.rest()
  return proof
}

function decodeNodes(r: Reader, into: NodeSet): void {
  for (let left = r.count(34); left > 0; left--) {
    const index = r.uint()
    const size = r.uint()
    into.push(index, size, r.bytes, r.skip(32))
  }
}

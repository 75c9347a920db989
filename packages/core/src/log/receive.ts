/**
 * What a peer's answer does to a log.
 *
 *   proof ──▶ manifest, if that was unknown ──▶ value into the staging buffer, leaf hash there
 *         ──▶ verifier, against the stored tree ──▶ block, nodes, head and manifest staged together
 *
 * Owns: that order, and its end: what is not verified is taken back, down to the room in the staging buffer,
 * so that after an error nothing has changed. The value is copied once, to where it will stay. Source:
 * generation 3 replication, sections 6, 8 and 9.
 */

import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import type { Head } from '../store/store.ts'
import { endBlock } from '../tree/flat.ts'
import { NodeSet, type TrustedNodes } from '../tree/nodes.ts'
import { CLAIM_BLOCK, CLAIM_NONE, type Proof } from '../tree/proof.ts'
import { type Base, Verifier } from '../tree/verify.ts'
import { encodeConflict, FoundNodes, tilesWith, verifyConflict } from './conflict.ts'
import type { Lasting } from './lasting.ts'
import { offerManifest, stageManifest } from './learn-manifest.ts'
import type { News } from './news.ts'
import { Reorg } from './reorg.ts'
import type { LogState } from './state.ts'

/** `later`: right as far as one can see, but the node it leads to is not here yet. */
export type Applied = 'applied' | 'stale' | 'later'

/** One for all logs: a verification never waits, so no two are under way. */
const verifier = new Verifier()

/** Verifies a proof and stages what it brings. Throws `BAD_PROOF` or `BAD_SIGNATURE`. */
export function stageProof(state: LogState, proof: Proof, news: News): Applied {
  if (state.frozen) return 'stale'
  const { store, slot } = state
  const mark = store.mark()
  try {
    offerManifest(state, proof.manifest)
    const isBare = proof.claim === CLAIM_NONE && !proof.hasUpgrade && proof.seekNodes.length === 0
    if (isBare || passesPrologue(state, proof)) {
      return stageManifest(state, news) ? 'applied' : 'stale'
    }
    if (proof.claim === CLAIM_BLOCK) reserveBlock(state, proof)
    const verdict = verifier.verify(state, proof)
    if (verdict === 'stale' || verdict === 'later') {
      store.rewind(mark)
      return verdict
    }
    if (proof.claim === CLAIM_BLOCK) {
      // A block that is held already was only hashed there.
      if (slot.has(proof.index)) store.rewind(mark)
      else {
        slot.putBlock(proof.index)
        news.held(proof.index, proof.index + 1)
      }
    }
    stageManifest(state, news)
    putNodes(state, verifier.fresh)
    if (verdict !== 'plain') stageHead(state, proof, verdict === 'grown', news)
    return 'applied'
  } catch (error) {
    store.rewind(mark)
    throw error
  } finally {
    state.forgetOffered()
  }
}

/**
 * Does it go past the end of a prologue that it is the first to tell of? Its nodes need not meet there, so that it can't show
 * the prologue to be what the manifest fixes: then only the manifest is taken, and the next request ends at the prologue.
 * Seen from hypercore 10; 11 ends its answer there by itself.
 */
function passesPrologue({ offered, prologue }: LogState, proof: Proof): boolean {
  if (offered === undefined || prologue === undefined || !proof.hasUpgrade) return false
  const { upgradeStart, upgradeLength } = proof
  return upgradeStart < prologue.length && upgradeStart + upgradeLength > prologue.length
}

/**
 * Does the value of `proof` lead to our tree? Nothing of it is kept. False if it brings none, or if that can't be told;
 * throws `BAD_PROOF` if it does not.
 */
export function isBlockOf(state: LogState, proof: Proof): boolean {
  if (proof.claim !== CLAIM_BLOCK || proof.value === undefined) return false
  state.hash.leaf(proof.value)
  const verdict = verifier.verify(state, proof)
  return verdict !== 'stale' && verdict !== 'later'
}

/** Puts the value where it will stay, and its leaf hash into `hash.result`. */
function reserveBlock(state: LogState, proof: Proof): void {
  const { slot, hash } = state
  const { index, value } = proof
  if (value === undefined) throw new DatError('BAD_PROOF', 'A block has no value.', { index })
  const at = slot.reserve(index, value.length)
  slot.staging.set(value, at)
  hash.leafInPlace(slot.staging, at, value.length)
}

function putNodes(state: LogState, nodes: NodeSet): void {
  const { slot } = state
  for (let i = 0; i < nodes.length; i++) {
    const index = nodes.indices[i] ?? 0
    if (!slot.findNode(index))
      slot.putNode(index, nodes.sizes[i] ?? 0, nodes.hashes, i * HASH_BYTES)
  }
}

function stageHead(state: LogState, proof: Proof, isLonger: boolean, news: News): void {
  const { slot } = state
  const { length, byteLength } = verifier
  const signature = proof.signature && copy(proof.signature)
  if (signature !== undefined && state.generation.keepsSignatures) {
    slot.putSignature(length, signature)
  }
  if (!isLonger) return
  slot.stageHead({ fork: proof.fork, length, byteLength, signature })
  news.grew()
}

// ---- Heads that are verified from nothing --------------------------------------------------------

const NOTHING: TrustedNodes = {
  findNode: () => false,
  nodeBytes: new Uint8Array(HASH_BYTES),
  nodeAt: 0,
  nodeSize: 0,
}

/** Verifies the head in `proof` without any node of ours. Throws if it brings none, or a wrong one. */
function verifyHead(state: LogState, proof: Proof): void {
  const { hash, prologue } = state
  const base: Base = {
    hash,
    trusted: NOTHING,
    fork: proof.fork,
    length: 0,
    roots: new NodeSet(),
    prologue,
    headFromNodes: false,
    accepts: (tree, signature) => state.accepts(tree, signature),
  }
  if (proof.claim === CLAIM_BLOCK) hash.leaf(proof.value ?? new Uint8Array(0))
  if (verifier.verify(base, proof) === 'grown') return
  throw new DatError('BAD_PROOF', 'A proof brings no whole head.')
}

/** Begins to follow the higher fork whose head is in `proof`. Throws like `stageProof`. */
export function beginReorg(state: LogState, proof: Proof, lasting: Lasting): Reorg {
  if (state.frozen || proof.fork <= state.fork || !state.generation.canFork) {
    throw new DatError('BAD_PROOF', 'A fork is followed only if it is higher than ours.', {
      fork: proof.fork,
    })
  }
  try {
    offerManifest(state, proof.manifest)
    verifyHead(state, proof)
    const { length, byteLength } = verifier
    const signature = proof.signature && copy(proof.signature)
    const head: Head = { fork: proof.fork, length, byteLength, signature }
    return new Reorg(state, verifier, head, state.offered, (reorg) => {
      lasting.cut(reorg.fork)
      lasting.news.truncated(reorg.ancestors)
      if (reorg.learnsManifest) lasting.news.learntManifest()
      lasting.staged()
    })
  } finally {
    state.forgetOffered()
  }
}

/**
 * Compares a signed head of our fork with our history, in all nodes that both have; freezes the log if they
 * differ, with evidence that anybody can check. A longer head can show a conflict too, but not that there is none.
 */
export function compareHead(
  state: LogState,
  proof: Proof,
  news: News,
): 'same' | 'conflict' | 'unproven' {
  if (proof.fork !== state.fork) return 'unproven'
  verifyHead(state, proof)
  const { fresh } = verifier
  let isComplete = verifier.length <= state.length
  for (let i = 0; i < fresh.length; i++) {
    const index = fresh.indices[i] ?? 0
    if (endBlock(index) > state.length) continue
    if (!state.slot.findNode(index)) {
      isComplete = false
    } else if (!fresh.isFound(i, state.slot)) {
      isComplete = false
      const evidence = evidenceOf(state, proof, index)
      if (evidence === undefined) continue
      state.freeze(evidence)
      news.conflict()
      return 'conflict'
    }
  }
  return isComplete ? 'same' : 'unproven'
}

/** Our head and the one just verified, which differ in a node; undefined if what is here does not prove it. */
function evidenceOf(state: LogState, proof: Proof, node: number): Uint8Array | undefined {
  const { fresh, roots } = verifier
  const ours = tilesWith(state.roots, node, state.slot)
  const theirs = tilesWith(roots, node, new FoundNodes(fresh))
  if (ours === undefined || theirs === undefined) return undefined
  const { generation, fork, authority } = state
  const signature = state.head.signature ?? (state.maySign ? state.signHead() : undefined)
  const evidence = encodeConflict(generation, fork, state.compat ? undefined : authority.manifest, [
    { nodes: ours, signature },
    { nodes: theirs, signature: proof.signature },
  ])
  try {
    verifyConflict(evidence, authority.key)
    return evidence
  } catch (error) {
    // A head of ours without a signature that stands: nothing that others could check.
    if (error instanceof DatError && error.fault === 'remote') return undefined
    throw error
  }
}

/**
 * Freezes the log if the evidence is about its fork or a higher one; a lower one was left for good. False if it was not
 * frozen by this. Throws what `verifyConflict` throws.
 */
export function acceptConflict(state: LogState, evidence: Uint8Array, news: News): boolean {
  const { fork } = verifyConflict(evidence, state.slot.identity.key)
  if (state.frozen || fork < state.fork) return false
  state.freeze(copy(evidence))
  news.conflict()
  return true
}

/**
 * How we change a log of our own, or what we hold of any log.
 *
 *   append ──▶ staging buffer (encrypted on the way) ──▶ leaf hash, parents ──▶ head, signed or not yet
 *
 * Owns: append, truncate, clear. Each either stages all of its change or throws and has changed nothing. A
 * block is written once, where it will stay; its leaf hash is one call over that memory. Source: the
 * generation 3 data model, sections 3, 6.5 and 7.
 */

import { DatError } from '../base/errors.ts'
import { BLOCK_BYTES_MAX } from '../base/limits.ts'
import { copy, EMPTY, equal } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import type { Slot } from '../store/store.ts'
import { byteLengthOf, pushRoot } from '../tree/grow.ts'
import { NodeSet, type NodeSink } from '../tree/nodes.ts'
import type { Cipher } from './cipher.ts'
import { checkWritable, readOnlyStore } from './refusal.ts'
import type { LogState } from './state.ts'

/** What an append may bring along. */
export interface AppendOptions {
  /**
   * The whole signature of the new head, for logs that we can't sign alone (see `proposal.ts`). It is verified before
   * anything is stored.
   */
  readonly signature?: Uint8Array
}

/** The fork that a truncation begins, and what it may bring along. */
export interface TruncateOptions extends AppendOptions {
  /** Default: one more than the current fork. */
  readonly fork?: number
}

/** Stages blocks behind the last one. @param signsNow do not leave the signature for later */
export function stageAppend(
  state: LogState,
  blocks: readonly Uint8Array[],
  cipher: Cipher | undefined,
  given: Uint8Array | undefined,
  signsNow: boolean,
): void {
  const signature = given ?? unsigned(state, blocks.length)
  checkWritable(state, signature)
  for (const block of blocks) checkBlock(block, cipher)
  const { store, slot, roots } = state
  const mark = store.mark()
  try {
    pushBlocks(state, blocks, cipher)
    const { fork, length } = slot.head
    const newLength = length + blocks.length
    const signed = signatureOf(state, roots, fork, signature, signsNow)
    slot.stageHead({ fork, length: newLength, byteLength: byteLengthOf(roots), signature: signed })
    keepSignature(state, newLength, signed)
  } catch (error) {
    store.rewind(mark)
    state.forgetRoots()
    throw error
  }
}

/** Blocks that end a prologue need nobody's signature: the key of the log stands behind them. */
function unsigned(state: LogState, blocks: number): Uint8Array | undefined {
  const { prologue, maySign, head } = state
  return !maySign && head.length + blocks === prologue?.length ? EMPTY : undefined
}

/** Puts parents into a slot. One for all logs: an append never waits, so no two are under way. */
class ParentSink implements NodeSink {
  slot: Slot | undefined

  push(index: number, size: number, bytes: Uint8Array, at: number): void {
    this.slot?.putNode(index, size, bytes, at)
  }
}

const parents = new ParentSink()

function pushBlocks(
  state: LogState,
  blocks: readonly Uint8Array[],
  cipher: Cipher | undefined,
): void {
  const { slot, hash, roots, prologue } = state
  const { fork, length } = slot.head
  const padding = cipher?.paddingBytes ?? 0
  parents.slot = slot
  let index = length
  for (const block of blocks) {
    const size = padding + block.length
    const at = slot.reserve(index, size)
    slot.staging.set(block, at + padding)
    cipher?.encrypt(index, fork, slot.staging, at, size)
    hash.leafInPlace(slot.staging, at, size)
    slot.putBlockAndLeaf(index, hash.result, 0)
    pushRoot(roots, hash, 2 * index, size, hash.result, 0, parents)
    index++
    if (index === prologue?.length && !equal(hash.root(roots), prologue.hash)) {
      throw new DatError('BAD_ARGUMENT', 'The first blocks are not those that the manifest fixes.')
    }
  }
  parents.slot = undefined
  if (prologue !== undefined && index < prologue.length) {
    const facts = { prologue: prologue.length }
    throw new DatError(
      'BAD_ARGUMENT',
      'A log is not shorter than its prologue; append all of it.',
      facts,
    )
  }
}

/** Stages a shorter history on a higher fork. */
export function stageTruncate(
  state: LogState,
  length: number,
  options: TruncateOptions,
  signsNow: boolean,
): void {
  checkWritable(state, options.signature)
  const { slot, prologue, generation } = state
  const fork = options.fork ?? slot.head.fork + 1
  if (!generation.canFork) {
    throw new DatError(
      'UNSUPPORTED',
      'Logs of this generation can not be truncated: readers would reject them.',
    )
  }
  if (!Number.isSafeInteger(length) || length < 0 || length > slot.head.length) {
    throw new DatError('BAD_ARGUMENT', 'A log is truncated to a length that it has.', { length })
  }
  if (!Number.isSafeInteger(fork) || fork <= slot.head.fork) {
    throw new DatError('BAD_ARGUMENT', 'The fork can only grow.', { fork })
  }
  if (prologue !== undefined && length < prologue.length) {
    throw new DatError('BAD_ARGUMENT', 'The prologue can not be cut off.', {
      prologue: prologue.length,
    })
  }
  const roots = new NodeSet()
  if (!state.readRoots(length, roots)) {
    throw new DatError('NOT_AVAILABLE', 'The tree of that length is not here.', { length })
  }
  const signature = signatureOf(state, roots, fork, options.signature, signsNow)
  state.views.replacing(slot, length)
  slot.stageTruncate({ fork, length, byteLength: byteLengthOf(roots), signature })
  state.forgetRoots()
}

/** Drops blocks here and keeps all hashes, because what remains here and at peers is proved by them. */
export function stageClear(state: LogState, start: number, end: number): number {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new DatError('BAD_ARGUMENT', 'A range of blocks to clear is wrong.', { start, end })
  }
  if (!state.store.writable) throw readOnlyStore(state.store)
  const last = Math.min(end, state.length)
  if (start >= last) return last
  state.views.dropping(state.slot, start, last)
  state.slot.stageClear(start, last)
  return last
}

/** Stages the head in a slot of the same log that has nothing yet, with what proves it. */
export function moveHead(state: LogState, into: Slot): void {
  const { head, roots, slot, generation } = state
  for (let i = 0; i < roots.length; i++) {
    into.putNode(roots.indices[i] ?? 0, roots.sizes[i] ?? 0, roots.hashes, i * HASH_BYTES)
  }
  if (head.signature !== undefined && generation.keepsSignatures) {
    into.putSignature(head.length, head.signature)
  }
  if (slot.identity.manifest !== undefined) into.stageManifest(slot.identity.manifest)
  into.stageHead(head)
}

/** Was the signature of the head left for later, and can it be made here? */
export function needsSignature(state: LogState): boolean {
  return state.head.signature === undefined && !state.isNew && state.maySign
}

/** Signs the head if that was left for later. */
export function stageSignature(state: LogState): void {
  if (!needsSignature(state)) return
  const { head, slot } = state
  const signature = state.signHead()
  slot.stageHead({ ...head, signature })
  keepSignature(state, head.length, signature)
}

/** Generations that keep a signature per length keep each that was made. */
function keepSignature(state: LogState, length: number, signature: Uint8Array | undefined): void {
  if (signature !== undefined && state.generation.keepsSignatures) {
    state.slot.putSignature(length, signature)
  }
}

/** The given signature after a check, ours, or none yet. */
function signatureOf(
  state: LogState,
  roots: NodeSet,
  fork: number,
  given: Uint8Array | undefined,
  signsNow: boolean,
): Uint8Array | undefined {
  if (given === undefined) return signsNow ? state.sign(state.treeOf(roots, fork)) : undefined
  // No bytes stand for no signature: a head inside the prologue needs none.
  const signature = given.length === 0 ? undefined : copy(given)
  if (state.accepts(state.treeOf(roots, fork), signature)) return signature
  throw new DatError('BAD_SIGNATURE', 'The signature given does not make the new head valid.')
}

function checkBlock(block: Uint8Array, cipher: Cipher | undefined): void {
  if (!(block instanceof Uint8Array)) {
    throw new DatError('BAD_ARGUMENT', 'A block is a Uint8Array; encode other values first.')
  }
  if (block.length + (cipher?.paddingBytes ?? 0) <= BLOCK_BYTES_MAX) return
  throw new DatError('BAD_ARGUMENT', `A block has at most ${BLOCK_BYTES_MAX} bytes.`, {
    bytes: block.length,
  })
}

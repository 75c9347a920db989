/**
 * Blocks that several signers are to append together, or cut off.
 *
 *   propose(log, blocks) ──at each signer──▶ sign ──bytes, by any way──▶ whoever collects ──▶ commit(parts)
 *
 * Owns: a proposal, and what becomes of parts. Signing stores nothing: each signer sees the same blocks behind the
 * same log, and says with his part that he approves of the log up to a length. A log that allows patches takes
 * parts over different lengths: it grows to what a quorum has reached, and the parts over more prove with a few
 * nodes that they approved of that too. Parts are checked one by one before anything is stored.
 * Source: the generation 3 data model, sections 6.2 to 6.5.
 */

import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { HASH_BYTES, type KeyPair, SIGNATURE_BYTES } from '../crypto/crypto.ts'
import { fullRoots, tiles } from '../tree/flat.ts'
import { pushRoot } from '../tree/grow.ts'
import { NodeSet } from '../tree/nodes.ts'
import { checkAt } from './atomic.ts'
import { acceptsPart, gen3, joinParts, signerOf, signPart } from './gen3.ts'
import type { Authority, TreeState } from './generation.ts'
import type { Log } from './log.ts'
import type { Manifest } from './manifest.ts'
import { committableLength } from './multisig.ts'

/** One signer's word for a log up to a length. */
export interface Cosignature {
  /** Position in the manifest. */
  readonly signer: number
  readonly length: number
  readonly fork: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/**
 * What each signer is asked to approve of: fixed when it is made, so all must make it from the same blocks and the
 * same log. Once the log has moved, `commit` refuses.
 */
export class Proposal {
  readonly fork: number
  /** Of the log without the blocks; of the shorter log, where some are cut off. */
  readonly start: number
  /** Of the log with all of them. */
  readonly length: number
  readonly #log: Log
  /** Where the log was when this was proposed. */
  readonly #from: { readonly length: number; readonly fork: number }
  readonly #manifest: Manifest
  readonly #authority: Authority
  readonly #blocks: readonly Uint8Array[]
  readonly #roots: NodeSet
  /** Leaves of the blocks, and every parent that they complete. */
  readonly #nodes: NodeSet = new NodeSet()
  readonly #places = new Map<number, number>()

  /** Use `propose` or `proposeTruncation`. */
  constructor(log: Log, manifest: Manifest, start: number, blocks: readonly Uint8Array[]) {
    const { slot } = log.replica
    this.#log = log
    this.#manifest = manifest
    this.#authority = { key: log.key, manifest: slot.identity.manifest }
    this.#blocks = blocks.map(copy)
    this.#from = { length: log.length, fork: log.fork }
    this.fork = start < log.length ? log.fork + 1 : log.fork
    this.start = start
    this.length = start + blocks.length
    this.#roots = new NodeSet()
    for (const root of fullRoots(this.start)) {
      if (!slot.findNode(root)) {
        throw new DatError('NOT_AVAILABLE', 'The tree of that length is not here.', { root })
      }
      this.#roots.push(root, slot.nodeSize, slot.nodeBytes, slot.nodeAt)
    }
    this.#grow()
  }

  #grow(): void {
    const { hash } = gen3
    const roots = new NodeSet()
    roots.pushAll(this.#roots)
    this.#blocks.forEach((block, i) => {
      const leaf = 2 * (this.start + i)
      hash.leaf(block)
      this.#nodes.push(leaf, block.length, hash.result, 0)
      pushRoot(roots, hash, leaf, block.length, hash.result, 0, this.#nodes)
    })
    for (let i = 0; i < this.#nodes.length; i++) this.#places.set(this.#nodes.indices[i] ?? 0, i)
  }

  /** Says yes to the log up to `length` (default: all of it), as the signer with this key pair. */
  sign(keyPair: KeyPair, length: number = this.length): Cosignature {
    if (!Number.isSafeInteger(length) || !this.#isIn(length)) {
      throw new DatError('BAD_ARGUMENT', 'A length that is signed lies in the proposal.', {
        length,
      })
    }
    const signer = signerOf(this.#manifest, keyPair)
    const signature = signPart(this.#authority, this.#treeAt(length), keyPair)
    return { signer, length, fork: this.fork, signature }
  }

  get #isCut(): boolean {
    return this.start < this.#from.length
  }

  #isIn(length: number): boolean {
    return length <= this.length && (this.#isCut ? length === this.start : length > this.start)
  }

  /** Is that a signer's word for this very log and these blocks? */
  accepts(part: Cosignature): boolean {
    if (!this.#isIn(part.length) || part.fork !== this.fork) return false
    return acceptsPart(this.#authority, this.#treeAt(part.length), part.signer, part.signature)
  }

  /**
   * The longest length that enough signers stand behind, and the signature that says so, for `Log.append`.
   *
   * @throws DatError BAD_SIGNATURE if a part is wrong; NOT_WRITABLE if there are too few
   */
  assemble(parts: readonly Cosignature[]): { length: number; signature: Uint8Array } {
    for (const part of parts) {
      if (this.accepts(part)) continue
      const { signer, length } = part
      throw new DatError('BAD_SIGNATURE', 'A part is not over this proposal.', { signer, length })
    }
    const { allowPatch, quorum } = this.#manifest
    const takesPatches = allowPatch && !this.#isCut
    const length = takesPatches ? this.#patchedLength(parts) : this.#commonLength(parts)
    if (!this.#isIn(length)) {
      const facts = { quorum, parts: parts.length }
      throw new DatError('NOT_WRITABLE', 'Too few signers stand behind the same blocks.', facts)
    }
    const used = longestPerSigner(
      parts.filter((p) => (takesPatches ? p.length >= length : p.length === length)),
    )
      .sort((a, b) => a.length - b.length)
      .slice(0, quorum)
    const nodes = new NodeSet()
    for (const part of used) this.#addTiles(length, part.length, nodes)
    const chosen = used.map(({ signer, signature, length: signed }) => {
      return { signer, signature, patch: signed - length }
    })
    return { length, signature: joinParts(this.#manifest, chosen, nodes, length) }
  }

  /**
   * Appends the blocks that enough signers stand behind, or cuts them off.
   *
   * @throws DatError like `assemble`, and CONFLICT if the log has moved; nothing was stored then
   */
  async commit(parts: readonly Cosignature[]): Promise<{ length: number; byteLength: number }> {
    const log = this.#log
    checkAt(log, this.#from.length, this.#from.fork)
    const { length, signature } = this.assemble(parts)
    if (!this.#isCut) return log.append(this.#blocks.slice(0, length - this.start), { signature })
    await log.truncate(length, { fork: this.fork, signature })
    return { length, byteLength: log.byteLength }
  }

  #patchedLength(parts: readonly Cosignature[]): number {
    const lengths = longestPerSigner(parts).map((part) => part.length)
    return committableLength(lengths, this.#manifest.quorum)
  }

  #commonLength(parts: readonly Cosignature[]): number {
    const signers = new Map<number, Set<number>>()
    for (const { length, signer } of parts) {
      signers.set(length, (signers.get(length) ?? new Set()).add(signer))
    }
    const enough = [...signers].filter(([, who]) => who.size >= this.#manifest.quorum)
    return Math.max(-1, ...enough.map(([length]) => length))
  }

  /** The nodes that lead from one length to another, each once. */
  #addTiles(from: number, to: number, into: NodeSet): void {
    for (const tile of tiles(from, to)) {
      const i = this.#places.get(tile)
      if (i === undefined || into.find(tile) !== -1) continue
      into.push(tile, this.#nodes.sizes[i] ?? 0, this.#nodes.hashes, i * HASH_BYTES)
    }
  }

  #treeAt(length: number): TreeState {
    const { hash } = gen3
    const roots = new NodeSet()
    roots.pushAll(this.#roots)
    for (const tile of tiles(this.start, length)) {
      const i = this.#places.get(tile) ?? 0
      const size = this.#nodes.sizes[i] ?? 0
      pushRoot(roots, hash, tile, size, this.#nodes.hashes, i * HASH_BYTES, undefined)
    }
    return { fork: this.fork, length, roots, rootHash: hash.root(roots) }
  }
}

/**
 * Proposes to append these blocks to a log that its signers append to together. All signers propose the same blocks
 * at the same length.
 *
 * @throws DatError UNSUPPORTED for a log without a manifest, and through a handle that encrypts: each signer would
 *   make other bytes of the same blocks. Encrypt once, and propose stored bytes through `session({ cipher: 'none' })`.
 */
export function propose(log: Log, blocks: readonly Uint8Array[]): Proposal {
  if (log.cipher !== undefined) {
    throw new DatError('UNSUPPORTED', 'Propose stored bytes: each encryption gives other ones.')
  }
  if (blocks.length === 0) throw new DatError('BAD_ARGUMENT', 'A proposal has at least one block.')
  return new Proposal(log, manifestOf(log), log.length, blocks)
}

/** Proposes to cut such a log to `length`, which begins its next fork. */
export function proposeTruncation(log: Log, length: number): Proposal {
  if (!Number.isSafeInteger(length) || length < 0 || length >= log.length) {
    throw new DatError('BAD_ARGUMENT', 'A log is cut to less than it has.', { length })
  }
  return new Proposal(log, manifestOf(log), length, [])
}

function manifestOf(log: Log): Manifest {
  const { manifest } = log
  if (manifest !== undefined && !log.replica.compat) return manifest
  throw new DatError('UNSUPPORTED', 'Only a log with a manifest has several signers.')
}

/** A signer who said several things is taken at the longest. */
function longestPerSigner(parts: readonly Cosignature[]): Cosignature[] {
  const longest = new Map<number, Cosignature>()
  for (const part of parts) {
    if (part.length >= (longest.get(part.signer)?.length ?? 0)) longest.set(part.signer, part)
  }
  return [...longest.values()]
}

// ---- Parts as bytes ------------------------------------------------------------------------------

/** A part for sending: `uint signer | uint length | uint fork | signature`. */
export function encodeCosignature(part: Cosignature): Uint8Array {
  const w = new Writer(3 * 9 + SIGNATURE_BYTES)
  w.uint(part.signer)
  w.uint(part.length)
  w.uint(part.fork)
  w.fixed(part.signature)
  return w.take()
}

/** Throws `BAD_FRAME`. */
export function decodeCosignature(bytes: Uint8Array): Cosignature {
  const r = new Reader(bytes)
  const [signer, length, fork] = [r.uint(), r.uint(), r.uint()]
  return { signer, length, fork, signature: copy(r.fixed(SIGNATURE_BYTES)) }
}

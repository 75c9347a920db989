/**
 * Following a higher fork: from a verified head of another history to the last block that both share.
 *
 *   head of the new fork ──▶ first root that differs from ours ──▶ its left half? its right half? ──▶ …
 *   ──▶ the first block that differs: everything below it stays, the rest is replaced in one record
 *
 * Owns: the nodes of the new history that are verified so far, and the node in which the two histories part.
 * Nothing of the log changes before `apply`. A reorganisation is forgotten when it takes too many
 * answers or too long; the caller counts. Source: generation 3 replication, section 8.
 */

import { DatError } from '../base/errors.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import type { Head } from '../store/store.ts'
import { blocksBelow, depthOf, endBlock, firstBlock, leftChild, rightChild } from '../tree/flat.ts'
import { NodeSet, type TrustedNodes } from '../tree/nodes.ts'
import type { Proof } from '../tree/proof.ts'
import type { Verifier } from '../tree/verify.ts'
import type { LogState } from './state.ts'

const NONE = -1

export class Reorg {
  readonly #state: LogState
  readonly #verifier: Verifier
  readonly #head: Head
  readonly #manifest: Uint8Array | undefined
  readonly #onStaged: (reorg: Reorg) => void
  readonly #known: KnownNodes = new KnownNodes()
  readonly #roots: NodeSet = new NodeSet()
  /** Our length when this began: beyond it nothing can be shared. */
  readonly #ownLength: number
  /** The node in which the histories part, and `NONE` when it can't be told more exactly. */
  #parting = NONE
  #ancestors = 0

  /**
   * @param verifier has just verified `head`, with its roots and nodes
   * @param manifest one that came with the head, where none was known
   */
  constructor(
    state: LogState,
    verifier: Verifier,
    head: Head,
    manifest: Uint8Array | undefined,
    onStaged: (reorg: Reorg) => void,
  ) {
    const { roots, fresh } = verifier
    this.#state = state
    this.#verifier = verifier
    this.#head = head
    this.#manifest = manifest
    this.#onStaged = onStaged
    this.#known.nodes.pushAll(fresh)
    this.#roots.pushAll(roots)
    this.#ownLength = state.length
    this.#ancestors = Math.min(head.length, this.#ownLength)
    for (let i = 0; i < roots.length && this.#parting === NONE; i++) {
      if (!this.#isOurs(roots, i)) this.#parting = roots.indices[i] ?? 0
    }
    this.#descend()
  }

  /** Of the head that was verified. */
  get fork(): number {
    return this.#head.fork
  }

  get length(): number {
    return this.#head.length
  }

  /** Did the head bring a manifest that was not known before? */
  get learnsManifest(): boolean {
    return this.#manifest !== undefined
  }

  get done(): boolean {
    return this.#parting === NONE
  }

  /** Blocks that both histories share, once `done`; before that an upper bound. */
  get ancestors(): number {
    return this.#ancestors
  }

  /** The blocks among which the histories part. Ask a peer that has one of them for `hash: 2 * block, nodes`. */
  get start(): number {
    return this.done ? this.#ancestors : firstBlock(this.#parting)
  }

  get end(): number {
    return this.done ? this.#ancestors : endBlock(this.#parting)
  }

  /** Parent steps from such a block to a node that is verified. */
  get nodes(): number {
    return this.done ? 0 : depthOf(this.#parting)
  }

  /** Takes the answer to such a request. Throws `BAD_PROOF`, and nothing has changed then. */
  add(proof: Proof): void {
    const { hash } = this.#state
    const base = {
      hash,
      trusted: this.#known,
      fork: this.#head.fork,
      length: this.#head.length,
      roots: this.#roots,
      prologue: undefined,
      headFromNodes: false,
      accepts: () => false,
    }
    if (proof.value !== undefined) hash.leaf(proof.value)
    if (this.#verifier.verify(base, proof) !== 'plain') {
      throw new DatError('BAD_PROOF', 'A hash does not lead to the history that was promised.')
    }
    const { fresh } = this.#verifier
    for (let i = 0; i < fresh.length; i++) {
      if (this.#known.findNode(fresh.indices[i] ?? 0)) continue
      this.#known.nodes.push(
        fresh.indices[i] ?? 0,
        fresh.sizes[i] ?? 0,
        fresh.hashes,
        i * HASH_BYTES,
      )
    }
    this.#descend()
  }

  /** Goes down as far as nodes are known: to the left child if that differs from ours, else to the right one. */
  #descend(): void {
    while (this.#parting !== NONE) {
      const node = this.#parting
      const blocks = blocksBelow(node)
      if (blocks === 1 || firstBlock(node, blocks) >= this.#ownLength) {
        this.#ancestors = Math.min(this.#ancestors, firstBlock(node, blocks))
        this.#parting = NONE
        return
      }
      const left = this.#known.nodes.find(leftChild(node, blocks))
      const right = rightChild(node, blocks)
      if (left === NONE || this.#known.nodes.find(right) === NONE) return
      const isShared = this.#isOurs(this.#known.nodes, left)
      this.#parting = isShared ? right : leftChild(node, blocks)
    }
  }

  /** Is the node at position `i` in our history too? One that we lack may be, and counts as another. */
  #isOurs(nodes: NodeSet, i: number): boolean {
    const { slot } = this.#state
    return slot.findNode(nodes.indices[i] ?? 0) && nodes.isFound(i, slot)
  }

  /**
   * Stages the new history; `commit` of the replica keeps it. False if the log has meanwhile left the
   * history that this was compared with.
   */
  apply(): boolean {
    const { slot, store } = this.#state
    const head = this.#head
    if (!this.done || this.#state.frozen || slot.head.fork >= head.fork) return false
    const mark = store.mark()
    try {
      this.#state.views.replacing(slot, this.#ancestors)
      slot.stageTruncate({ ...head, length: this.#ancestors, signature: undefined })
      const { nodes } = this.#known
      for (let i = 0; i < nodes.length; i++) {
        const index = nodes.indices[i] ?? 0
        if (!slot.findNode(index))
          slot.putNode(index, nodes.sizes[i] ?? 0, nodes.hashes, i * HASH_BYTES)
      }
      if (this.#manifest !== undefined) slot.stageManifest(this.#manifest)
      slot.stageHead(head)
    } catch (error) {
      store.rewind(mark)
      throw error
    }
    this.#state.forgetRoots()
    this.#onStaged(this)
    return true
  }
}

/** A node set as something to verify against. */
class KnownNodes implements TrustedNodes {
  readonly nodes: NodeSet = new NodeSet()
  #i = 0

  findNode(index: number): boolean {
    this.#i = this.nodes.find(index)
    return this.#i !== NONE
  }

  get nodeBytes(): Uint8Array {
    return this.nodes.hashes
  }

  get nodeAt(): number {
    return this.#i * HASH_BYTES
  }

  get nodeSize(): number {
    return this.nodes.sizes[this.#i] ?? 0
  }
}

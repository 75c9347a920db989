/**
 * What the parts of a replica share: who the log is, and its tree as it is stored and staged now.
 *
 * Owns: the answers to "who may sign", "what is the manifest" and "which are the full roots". The head
 * itself is the slot's; nothing of it is copied here, so a rewind of the store needs no second step. The
 * roots are kept between appends and read anew whenever they are not those of the head.
 */

import { DatError, invariant } from '../base/errors.ts'
import { contains, equal } from '../bytes/bytes.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import { deriveKeyPair } from '../crypto/derive.ts'
import type { Head, Slot, Store } from '../store/store.ts'
import { nodeOf, tileBlocks } from '../tree/flat.ts'
import { lengthOf } from '../tree/grow.ts'
import type { TreeHash } from '../tree/hash.ts'
import { NodeSet, type TrustedNodes } from '../tree/nodes.ts'
import type { Base, GrownTree } from '../tree/verify.ts'
import type { Authority, Generation } from './generation.ts'
import { GENERATIONS } from './generations.ts'
import { Views } from './kept.ts'
import { decodeManifest, isCompat, type Manifest, type Prologue } from './manifest.ts'

/** Names of user data that are ours. */
export const OWN_DATA_PREFIX = 'dat-rhino/'
const FROZEN = `${OWN_DATA_PREFIX}frozen`

/** Who one log is, and its tree as it is now. */
export class LogState implements Base {
  #store: Store
  #slot: Slot
  #generation: Generation
  /** A manifest that came with a proof under verification; it fits the key, but is not stored yet. */
  offered: Uint8Array | undefined
  #keyPair: KeyPair | undefined
  /** Made with the first view, or when something is dropped. */
  #views: Views | undefined
  /** Made when first needed: most logs of a store are never changed. */
  #roots: NodeSet | undefined
  #rootsFork = -1
  #manifestBytes: Uint8Array | undefined
  #manifest: Manifest | undefined
  #maySign: boolean | undefined

  constructor(store: Store, slot: Slot, keyPair: KeyPair | undefined) {
    this.#store = store
    this.#slot = slot
    this.#generation = GENERATIONS[slot.generation]
    this.#keyPair = keyPair
  }

  /** Goes on with a slot that has the same head and its full roots. */
  moveInto(store: Store, slot: Slot): void {
    this.#store = store
    this.#slot = slot
    this.#generation = GENERATIONS[slot.generation]
    this.forgetRoots()
  }

  get store(): Store {
    return this.#store
  }

  get slot(): Slot {
    return this.#slot
  }

  get generation(): Generation {
    return this.#generation
  }

  /** Told before blocks are dropped or replaced. */
  get views(): Views {
    this.#views ??= new Views()
    return this.#views
  }

  // ---- Identity ----------------------------------------------------------------------------------

  get authority(): Authority {
    const decoded = this.manifest
    return { key: this.slot.identity.key, manifest: this.#manifestBytes, decoded }
  }

  get manifest(): Manifest | undefined {
    const bytes = this.slot.identity.manifest ?? this.offered
    if (bytes !== this.#manifestBytes) {
      this.#manifest = bytes && decodeManifest(bytes)
      this.#manifestBytes = bytes
      this.#maySign = undefined
    }
    return this.#manifest
  }

  /** What was offered is stored by now, or was not believed: what it says is not kept here. */
  forgetOffered(): void {
    if (this.offered === undefined) return
    if (this.#manifestBytes === this.offered) {
      this.#manifestBytes = undefined
      this.#manifest = undefined
      this.#maySign = undefined
    }
    this.offered = undefined
  }

  /** Is the key of the log its signer's public key? False also while that is unknown. */
  get compat(): boolean {
    const { key, publicKey } = this.slot.identity
    const { manifest } = this
    if (manifest !== undefined) return isCompat(manifest, key)
    if (publicKey !== undefined && equal(key, publicKey)) return true
    return !this.isNew
  }

  /** Nothing was ever appended or received, so that the kind of the log may still be unknown. */
  get isNew(): boolean {
    const { length, fork, isSigned } = this.slot
    return length === 0 && fork === 0 && !isSigned
  }

  /** Is there a manifest that says more than the key? Mostly told without decoding it. */
  get hasManifest(): boolean {
    if (this.slot.isHashOfManifest) return true
    const { identity } = this.slot
    const manifest = identity.manifest ?? this.offered
    const { key } = identity
    return manifest !== undefined && (!contains(manifest, key) || !this.compat)
  }

  get prologue(): Prologue | undefined {
    const { manifest } = this
    return manifest === undefined || manifest.version === 0 ? undefined : manifest.prologue
  }

  /** The pair that signs this log, if it is given, stored or can be derived. */
  get keyPair(): KeyPair | undefined {
    if (this.#keyPair !== undefined || !this.slot.isOwn) return this.#keyPair
    const { publicKey, secretKey, alias } = this.slot.identity
    if (publicKey !== undefined && secretKey !== undefined) this.#keyPair = { publicKey, secretKey }
    else if (alias !== undefined) {
      const derived = deriveKeyPair(this.store.primaryKey, alias.namespace, alias.name)
      if (publicKey === undefined || equal(publicKey, derived.publicKey)) this.#keyPair = derived
    }
    return this.#keyPair
  }

  /** Can a lost signature be made again from what the store holds? */
  get isKeyStored(): boolean {
    const { secretKey, alias } = this.slot.identity
    return secretKey !== undefined || alias !== undefined
  }

  get maySign(): boolean {
    const { keyPair } = this
    if (keyPair === undefined) return false
    // Looking at the manifest forgets what was found for another one.
    if (this.manifest === undefined || this.#maySign === undefined) {
      this.#maySign = this.generation.maySign(this.authority, keyPair)
    }
    return this.#maySign
  }

  get frozen(): boolean {
    return this.slot.userData(FROZEN) !== undefined
  }

  /** Evidence that two histories are signed; also undefined for a log that was frozen before evidence was kept. */
  get conflict(): Uint8Array | undefined {
    const kept = this.slot.userData(FROZEN)
    return kept === undefined || kept.length <= 1 ? undefined : kept
  }

  /** Stages that two histories are known. It outlives restarts: the log stays as it is for good. */
  freeze(evidence: Uint8Array): void {
    this.slot.stageUserData(FROZEN, evidence)
  }

  // ---- The tree ----------------------------------------------------------------------------------

  get hash(): TreeHash {
    return this.generation.hash
  }

  get trusted(): TrustedNodes {
    return this.slot
  }

  get headFromNodes(): boolean {
    return this.generation.headFromNodes
  }

  get head(): Head {
    return this.slot.head
  }

  get fork(): number {
    return this.slot.fork
  }

  get length(): number {
    return this.slot.length
  }

  /** Full roots of the head. A writer that changes them stages a head that fits, or calls `forgetRoots`. */
  get roots(): NodeSet {
    const { fork, length } = this.slot
    this.#roots ??= new NodeSet()
    if (this.#rootsFork !== fork || lengthOf(this.#roots) !== length) {
      this.#roots.clear()
      this.#rootsFork = -1
      invariant(this.readRoots(length, this.#roots), 'A root of a stored tree is missing.', {
        length,
      })
      this.#rootsFork = fork
    }
    return this.#roots
  }

  /** After a change of the tree that did not go through `roots`, or was taken back. */
  forgetRoots(): void {
    this.#roots = undefined
    this.#rootsFork = -1
  }

  /** Adds the stored full roots of `length` to `into`. False if one of them is not here. */
  readRoots(length: number, into: NodeSet): boolean {
    const { slot } = this
    for (let at = 0; at < length; ) {
      const blocks = tileBlocks(at, length)
      const node = nodeOf(at, blocks)
      if (!slot.findNode(node)) return false
      into.push(node, slot.nodeSize, slot.nodeBytes, slot.nodeAt)
      at += blocks
    }
    return true
  }

  /** The tree of these roots, as it is signed. */
  treeOf(roots: NodeSet, fork: number): GrownTree {
    return { fork, length: lengthOf(roots), roots, rootHash: this.hash.root(roots) }
  }

  /** Is the head signed as writers of that generation do it? */
  isMadeBy(generation: Generation): boolean {
    const { authority, roots, fork, head } = this
    return generation.made(authority, this.treeOf(roots, fork), head.signature)
  }

  accepts(tree: GrownTree, signature: Uint8Array | undefined): boolean {
    return this.generation.accepts(this.authority, tree, signature)
  }

  /** Our signature over the head as it is. */
  signHead(): Uint8Array {
    return this.sign(this.treeOf(this.roots, this.fork))
  }

  /** Our signature over a tree. Throws `NOT_WRITABLE` if we may not sign alone. */
  sign(tree: GrownTree): Uint8Array {
    const { keyPair } = this
    if (keyPair === undefined) throw missingKey()
    return this.generation.sign(this.authority, tree, keyPair)
  }
}

/** The error of whoever wants something signed that can't be signed here. */
export function missingKey(): DatError {
  const message =
    'The secret key of this log is not here. Write where it is, or open the log with its key pair.'
  return new DatError('NOT_WRITABLE', message, { reason: 'key' })
}

/** Throws `BAD_ARGUMENT` if user data of this name is ours. */
export function checkDataName(name: string): void {
  if (!name.startsWith(OWN_DATA_PREFIX)) return
  throw new DatError('BAD_ARGUMENT', `Names from "${OWN_DATA_PREFIX}" on are taken.`)
}

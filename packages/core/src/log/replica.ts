/**
 * One log in this store: its state, shared by all handles and by replication.
 *
 * Owns: the order of things. Changes are staged at once and seen by every reader; `commit` makes them last,
 * together with all others of the moment, and tells what happened; a head is shown to peers only when it is
 * signed and synced. Everything but `commit`, `sealed` and `close` is synchronous. There is one replica
 * per log and store, and the store and the state below hold all that it knows.
 *
 * Long because it is the one way from the layers above into a log: most of it says what is done and calls who does it.
 */

import type { Clock } from '../base/clock.ts'
import { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { Slot, Store } from '../store/store.ts'
import type { ReaderMemory } from '../tree/digest.ts'
import { endBlock, nodeOf, parentOf, tileBlocks } from '../tree/flat.ts'
import { NodeSet } from '../tree/nodes.ts'
import type { Proof } from '../tree/proof.ts'
import type { ProofRequest, Refused } from '../tree/prove.ts'
import { byteOffset, type SeekResult, seek } from '../tree/seek.ts'
import type { AdoptOptions, AdoptReport } from './adopt-report.ts'
import { adoptLog } from './adoption.ts'
import { type AuditOptions, type AuditReport, auditLog } from './audit.ts'
import type { Cipher } from './cipher.ts'
import type { ReplicaEvents } from './events.ts'
import { Extensions } from './extensions.ts'
import type { Generation, Shown } from './generation.ts'
import type { Views } from './kept.ts'
import { Lasting } from './lasting.ts'
import type { Manifest } from './manifest.ts'
import {
  type Applied,
  acceptConflict,
  beginReorg,
  compareHead,
  isBlockOf,
  stageProof,
} from './receive.ts'
import type { Remote, RemoteMaker } from './remote.ts'
import type { Reorg } from './reorg.ts'
import { LogState } from './state.ts'
import type { StoredLog } from './stored-log.ts'
import {
  type AppendOptions,
  moveHead,
  stageAppend,
  stageClear,
  stageTruncate,
  type TruncateOptions,
} from './writer.ts'

export type { AppendOptions, Applied, ReplicaEvents, TruncateOptions }

/** How a log is written. */
export interface ReplicaOptions {
  /** What signs the log. Default: what the store holds, or derives from its primary key. */
  readonly keyPair?: KeyPair
  /** Sign each append at once, not only when somebody can see it. Default false. */
  readonly eagerSignature?: boolean
  /** Who listens to messages about any log of the store. */
  readonly extensions?: Extensions
  /** Makes what asks peers, when somebody first wants it. */
  readonly remoteMaker?: RemoteMaker
}

export class Replica {
  readonly events: Emitter<ReplicaEvents> = new Emitter()
  /** Who listens to messages of applications about this log. */
  readonly extensions: Extensions
  readonly #state: LogState
  readonly #lasting: Lasting
  /** Made when somebody first asks: most of many logs are never asked. */
  #shown: Shown | undefined
  /** A signature that could not be made again must not be left for later. */
  readonly #signsNow: boolean
  #remote: Remote | undefined
  #remoteMaker: RemoteMaker | undefined
  readonly #isOffered: boolean
  #closed = false

  static open(store: Store, slot: Slot, options: ReplicaOptions = {}): Replica {
    return new Replica(store, slot, options)
  }

  private constructor(store: Store, slot: Slot, options: ReplicaOptions) {
    this.#state = new LogState(store, slot, options.keyPair)
    this.#remoteMaker = options.remoteMaker
    this.#isOffered = options.remoteMaker !== undefined
    this.extensions = new Extensions(options.extensions)
    this.#signsNow = options.eagerSignature === true || !this.#state.isKeyStored
    this.#lasting = new Lasting(this.#state, this.events, () => this.#remote?.changed())
  }

  /** Blocks that the manifest fixes; 0 without any, and while it is not known. */
  get prologueLength(): number {
    return this.#state.prologue?.length ?? 0
  }

  #makeShown(): Shown {
    const state = this.#state
    const lasting = this.#lasting
    return {
      get slot() {
        return state.slot
      },
      get head() {
        return lasting.shown
      },
      get prologueLength() {
        return state.prologue?.length ?? 0
      },
      isDurable: (block) => this.isDurable(block),
    }
  }

  get store(): Store {
    return this.#state.store
  }

  get slot(): Slot {
    return this.#state.slot
  }

  get generation(): Generation {
    return this.#state.generation
  }

  get key(): Uint8Array {
    return this.slot.identity.key
  }

  get discoveryKey(): Uint8Array {
    return this.slot.identity.discoveryKey
  }

  get length(): number {
    return this.slot.head.length
  }

  /** Stored bytes of all blocks, padding included. */
  get byteLength(): number {
    return this.slot.head.byteLength
  }

  get fork(): number {
    return this.slot.head.fork
  }

  /** Can we append without anybody's help? */
  get writable(): boolean {
    return !this.#closed && this.store.writable && !this.frozen && this.#state.maySign
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Undefined while unknown, for compat logs that we did not make, and for generations without. */
  get manifest(): Manifest | undefined {
    return this.#state.manifest
  }

  /** Is there a manifest to be told of? None for compat logs. */
  get hasManifest(): boolean {
    return this.#state.hasManifest
  }

  /** The key is the signer's public key. False also while that is unknown. */
  get compat(): boolean {
    return this.#state.compat
  }

  /** Two signed histories are known; nothing is written, served or fetched any more. */
  get frozen(): boolean {
    return this.#state.frozen
  }

  /** Why it is frozen, for anybody to check with `verifyConflict`. */
  get conflict(): Uint8Array | undefined {
    return this.#state.conflict
  }

  /** What open views of this log keep. */
  get views(): Views {
    return this.#state.views
  }

  /** What asks peers, while anybody can. */
  get remote(): Remote | undefined {
    if (this.#remote === undefined && !this.#closed) {
      const maker = this.#remoteMaker
      this.#remoteMaker = undefined
      maker?.makeRemote()
    }
    return this.#remote
  }

  set remote(remote: Remote | undefined) {
    this.#remoteMaker = undefined
    this.#remote = remote
    // Where it is made when it is wanted, nobody waits for it.
    if (remote !== undefined && !this.#isOffered) this.events.emit('attached', {})
  }

  /** Peers that this log has an open channel with. */
  get peerCount(): number {
    return this.#remote?.peerCount ?? this.#remoteMaker?.peerCount ?? 0
  }

  // ---- Reading -----------------------------------------------------------------------------------

  has(index: number): boolean {
    return this.slot.has(index)
  }

  /** A copy of the stored bytes. */
  read(index: number): Uint8Array | undefined {
    return this.slot.read(index)
  }

  /** Stored bytes of block `index`, or undefined if its leaf node is not here. */
  blockBytes(index: number): number | undefined {
    return this.slot.findNode(2 * index) ? this.slot.nodeSize : undefined
  }

  /** Stored bytes before block `index` (`length` for the end), or undefined if a node on the way is not here. */
  byteOffset(index: number): number | undefined {
    return byteOffset(this.slot, this.length, index)
  }

  /** Root hash of the first `length` blocks, or undefined if one of their full roots is not here. */
  rootHash(length: number): Uint8Array | undefined {
    const roots = new NodeSet()
    return this.#state.readRoots(length, roots) ? this.generation.hash.root(roots) : undefined
  }

  /** Where byte `byte` lies, `paddingBytes` per block not counted, as far as nodes here tell. */
  seekLocal(byte: number, paddingBytes: number): SeekResult {
    return seek(this.slot, this.length, byte, paddingBytes)
  }

  /**
   * Parent steps from a node to the nearest ancestor that is stored (or that `trust` says will be): the
   * `nodes` of a request. 0 for a node that is stored itself or lies beyond the length.
   */
  missingNodes(node: number, trust?: (node: number) => boolean): number {
    const { length } = this
    let steps = 0
    let at = node
    // The root above is stored, so this ends there at the latest; the bound is for a damaged store.
    while (endBlock(at) <= length && !this.slot.findNode(at) && trust?.(at) !== true) {
      at = parentOf(at)
      steps++
    }
    return endBlock(at) <= length || steps === 0 ? steps : steps - 1
  }

  // ---- Serving -----------------------------------------------------------------------------------

  /**
   * Fills `out` with the answer, nodes in the order of the generation's wire, or says why there is none. The block's
   * value is not copied: `blockBytes` and `slot.readInto` give it. Stands on what is synced only.
   *
   * @param reader what `generation.newReader` made for whoever asks
   */
  prove(request: Readonly<ProofRequest>, out: Proof, reader?: ReaderMemory): Refused | undefined {
    out.reset()
    this.#shown ??= this.#makeShown()
    const shown = this.#shown
    const { head } = shown
    const refused =
      this.frozen || request.fork !== head.fork
        ? 'unavailable'
        : this.generation.prove(shown, request, reader, out)
    if (refused !== undefined) out.reset()
    out.fork = head.fork
    // The manifest is never refused: a reader that lacks it can verify nothing at all.
    if (request.manifest && !this.compat) out.manifest = this.slot.identity.manifest
    return out.manifest === undefined ? refused : undefined
  }

  /** Are all full roots of `length` stored, so that an upgrade from there can be proved? */
  canProveUpgradeFrom(length: number): boolean {
    if (length === 0) return true
    if (length >= this.announcedLength) return false
    for (let at = 0; at < length; ) {
      const blocks = tileBlocks(at, length)
      if (!this.slot.findNode(nodeOf(at, blocks))) return false
      at += blocks
    }
    return true
  }

  /** Length and fork that peers may be told of: signed, and synced with all that they stand on. */
  get announcedLength(): number {
    return this.#lasting.shown.length
  }

  get announcedFork(): number {
    return this.#lasting.shown.fork
  }

  /** Is the block held and on the disk, so that it may be announced and sent? */
  isDurable(index: number): boolean {
    const address = this.slot.addressOf(index)
    return address > 0 && address <= this.store.syncedAddress
  }

  /** Signs the head if need be; resolves when it and all before it is synced and may be announced. */
  sealed(): Promise<void> {
    return this.#lasting.sealed()
  }

  // ---- Receiving ---------------------------------------------------------------------------------

  /**
   * Verifies an answer against the stored tree and stages it; `commit` keeps it. Throws `BAD_PROOF` or
   * `BAD_SIGNATURE`, and nothing has changed then.
   */
  apply(proof: Proof): Applied {
    this.#checkOpen()
    const applied = stageProof(this.#state, proof, this.#lasting.news)
    if (applied === 'applied') this.#lasting.staged()
    return applied
  }

  /** Is the block in `proof` the one of our tree? Looks only; throws `BAD_PROOF` if it is another. */
  isBlock(proof: Proof): boolean {
    return isBlockOf(this.#state, proof)
  }

  /** Begins to follow a higher fork whose head is in `proof`. Throws like `apply`. */
  verifyReorg(proof: Proof): Reorg {
    this.#checkOpen()
    if (this.frozen || proof.fork <= this.fork || !this.generation.canFork) {
      throw new DatError('BAD_PROOF', 'A fork is followed only if it is higher than ours.', {
        fork: proof.fork,
      })
    }
    return beginReorg(this.#state, proof, (reorg) => {
      this.#lasting.cut(reorg.fork)
      this.#lasting.news.truncated(reorg.ancestors)
      if (reorg.learnsManifest) this.#lasting.news.learntManifest()
      this.#lasting.staged()
    })
  }

  /**
   * Examines a signed head of our own fork, verified from nothing: is its history ours? `unproven` if it can't
   * be compared, or not wholly because it is longer. On `conflict` the log is frozen (staged).
   */
  checkConflict(proof: Proof): 'same' | 'conflict' | 'unproven' {
    this.#checkOpen()
    const found = compareHead(this.#state, proof, this.#lasting.news)
    if (found === 'conflict') this.#lasting.staged()
    return found
  }

  /** Takes evidence of others that two histories are signed: freezes the log (staged) and is true, if it is about now. */
  acceptConflict(evidence: Uint8Array): boolean {
    this.#checkOpen()
    if (!this.frozen && this.peerCount > 0) this.remote?.freezing()
    const isFrozen = acceptConflict(this.#state, evidence, this.#lasting.news)
    if (isFrozen) this.#lasting.staged()
    return isFrozen
  }

  // ---- Changing ----------------------------------------------------------------------------------

  /** Stages an append; blocks are copied, and encrypted if there is a cipher. `commit` makes it last. */
  append(blocks: readonly Uint8Array[], options: AppendOptions = {}, cipher?: Cipher): void {
    this.#checkOpen()
    const { length } = this
    stageAppend(this.#state, blocks, cipher, options.signature, this.#signsNow)
    this.#lasting.news.held(length, this.length)
    this.#lasting.news.grew()
    this.#lasting.staged()
  }

  truncate(length: number, options: TruncateOptions = {}): void {
    this.#checkOpen()
    stageTruncate(this.#state, length, options, this.#signsNow)
    this.#lasting.cut(this.fork)
    this.#lasting.news.truncated(length)
    this.#lasting.staged()
  }

  /** Drops blocks here; hashes stay, because what remains is proved by them. */
  clear(start: number, end: number): void {
    this.#checkOpen()
    this.#lasting.news.cleared(start, stageClear(this.#state, start, end))
    this.#lasting.staged()
  }

  setUserData(name: string, value: Uint8Array | undefined): void {
    this.#checkOpen()
    this.slot.stageUserData(name, value)
  }

  /** Verifies everything that is stored, and repairs what can be if asked to. See `audit.ts`. */
  audit(clock: Clock, options: AuditOptions): Promise<AuditReport> {
    this.#checkOpen()
    return auditLog(
      {
        state: this.#state,
        clock,
        dropBlock: (index) => this.clear(index, index + 1),
        commit: () => this.commit(),
      },
      options,
    )
  }

  /** Is the head signed as writers of that generation do it? */
  isMadeBy(generation: Generation): boolean {
    const state = this.#state
    return generation.made(
      state.authority,
      state.treeOf(state.roots, state.fork),
      state.head.signature,
    )
  }

  /**
   * Goes on in another store, in a slot that is new there: with the head, its signature, its full roots and the
   * manifest, and without blocks. Conversations go on too. For logs whose generation was not known before their head.
   */
  moveInto(store: Store, slot: Slot): Promise<void> {
    this.#checkOpen()
    moveHead(this.#state, slot)
    this.#state.moveInto(store, slot)
    this.#lasting.moved()
    return this.commit()
  }

  /** Takes over what can be verified of a log in somebody's old files. See `adopt.ts`. */
  adopt(stored: StoredLog, options: AdoptOptions = {}): Promise<AdoptReport> {
    this.#checkOpen()
    const lasting = this.#lasting
    const host = {
      state: this.#state,
      get news() {
        return lasting.news
      },
      staged: () => lasting.staged(),
      commit: () => this.commit(),
    }
    return adoptLog(host, stored, options)
  }

  /**
   * The way back to how this is now, beside a mark of the store: call it after the store was rewound, in the same
   * turn, and nothing was staged or told.
   */
  mark(): () => void {
    return this.#lasting.mark()
  }

  /** Commits what was staged, together with all other changes of this moment; then emits the events. */
  commit(): Promise<void> {
    return this.#lasting.commit()
  }

  /** Seals the head if we write this log; ends with `closed`. */
  async close(error?: DatError): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.store.writable && error === undefined) await this.#lasting.sign()
    this.#lasting.end()
    this.events.emit('closed', { error })
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'The log is closed.')
  }
}

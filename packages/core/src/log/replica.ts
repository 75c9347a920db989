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
import type { Head, Slot, Store } from '../store/store.ts'
import type { BlockRun } from '../tree/block-run.ts'
import type { ReaderMemory } from '../tree/digest.ts'
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
import type { Generation } from './generation.ts'
import {
  type Holder,
  NOBODY,
  type ReplicaHost,
  type ReplicaOptions,
  withHolder,
  withoutHolder,
} from './holders.ts'
import type { Views } from './kept.ts'
import { hasRoots, missingNodes } from './known-nodes.ts'
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
import { stageBlocks } from './receive-blocks.ts'
import { checkWritable } from './refusal.ts'
import type { Remote } from './remote.ts'
import type { Reorg } from './reorg.ts'
import { LogState } from './state.ts'
import type { StoredLog } from './stored-log.ts'
import {
  type AppendOptions,
  moveHead,
  needsSignature,
  stageAppend,
  stageClear,
  stageTruncate,
  type TruncateOptions,
} from './writer.ts'

export type { AppendOptions, Applied, ReplicaEvents, TruncateOptions }

export class Replica {
  readonly events: Emitter<ReplicaEvents>
  readonly #state: LogState
  readonly #options: ReplicaOptions
  readonly #host: ReplicaHost | undefined
  #holders: readonly Holder[] = NOBODY
  // Made when somebody first asks, or changes something: most of many logs only rest.
  #madeLasting: Lasting | undefined
  #madeExtensions: Extensions | undefined
  #mustSignNow: boolean | undefined
  #remote: Remote | undefined
  #mayMakeRemote: boolean
  #closed = false

  /** @param host who opens it, if that is somebody who brings peers */
  static open(store: Store, slot: Slot, options: ReplicaOptions = {}, host?: ReplicaHost): Replica {
    return new Replica(store, slot, options, host)
  }

  private constructor(store: Store, slot: Slot, options: ReplicaOptions, host?: ReplicaHost) {
    this.#state = new LogState(store, slot, options.keyPair)
    this.#options = options
    this.#host = host
    this.events = new Emitter<ReplicaEvents>(host)
    this.#mayMakeRemote = host !== undefined
  }

  /** What becomes of changes. To be asked for before something is staged: it begins with what is stored. */
  get #lasting(): Lasting {
    this.#madeLasting ??= new Lasting(this.#state, this.events, () => this.#remote?.changed())
    return this.#madeLasting
  }

  /** A signature that could not be made again must not be left for later. */
  get #signsNow(): boolean {
    this.#mustSignNow ??= this.#options.eagerSignature === true || !this.#state.isKeyStored
    return this.#mustSignNow
  }

  /** Who listens to messages of applications about this log. */
  get extensions(): Extensions {
    this.#madeExtensions ??= new Extensions(this.#options.extensions)
    return this.#madeExtensions
  }

  // ---- Who holds it ------------------------------------------------------------------------------

  /** Is to be closed with this, until it is released. */
  hold(holder: Holder): void {
    this.#holders = withHolder(this.#holders, holder)
    if (this.#holders.length === 1) this.#host?.taken()
  }

  release(holder: Holder): void {
    this.#holders = withoutHolder(this.#holders, holder)
    if (this.#holders === NOBODY) this.#host?.left()
  }

  /** Those who hold it now. */
  get holders(): readonly Holder[] {
    return this.#holders
  }

  // ---- Who it is ---------------------------------------------------------------------------------

  /** Blocks that the manifest fixes; 0 without any, and while it is not known. */
  get prologueLength(): number {
    return this.#state.prologue?.length ?? 0
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
    return this.slot.length
  }

  /** Stored bytes of all blocks, padding included. */
  get byteLength(): number {
    return this.slot.byteLength
  }

  get fork(): number {
    return this.slot.fork
  }

  /** Can we append without anybody's help? */
  get writable(): boolean {
    return !this.#closed && this.store.writable && !this.frozen && this.#state.maySign
  }

  /** Throws unless it is `writable`, with the reason: `NOT_WRITABLE`, `FORKED` or `CLOSED`. */
  checkWritable(): void {
    this.#checkOpen()
    checkWritable(this.#state, undefined)
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
    if (this.#remote === undefined && this.#mayMakeRemote && !this.#closed) {
      this.#mayMakeRemote = false
      this.#host?.makeRemote()
    }
    return this.#remote
  }

  set remote(remote: Remote | undefined) {
    this.#mayMakeRemote = false
    this.#remote = remote
    // Where it is made when it is wanted, nobody waits for it.
    if (remote !== undefined && this.#host === undefined) this.events.emit('attached', {})
  }

  /** Would `remote` be made by asking for it? That takes its time. */
  get isRemoteDue(): boolean {
    return this.#remote === undefined && this.#mayMakeRemote && this.#host !== undefined
  }

  /** Peers that this log has an open channel with. */
  get peerCount(): number {
    const before = this.#mayMakeRemote ? (this.#host?.peerCount ?? 0) : 0
    return this.#remote?.peerCount ?? before
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
    return missingNodes(this.slot, node, trust)
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
    const shown = this.#lasting
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
    return length === 0 || (length < this.announcedLength && hasRoots(this.slot, length))
  }

  /** Is nothing on its way: the head signed and on the disk? Nothing is made to see that. */
  get #isAtRest(): boolean {
    const { isSigned, headAddress } = this.slot
    if (this.#madeLasting !== undefined || headAddress > this.store.syncedAddress) return false
    return isSigned || this.#state.isNew
  }

  /** Length and fork that peers may be told of: signed, and synced with all that they stand on. */
  get announced(): Pick<Head, 'length' | 'fork'> {
    return this.#isAtRest ? this.slot : this.#lasting.head
  }

  get announcedLength(): number {
    return this.announced.length
  }

  get announcedFork(): number {
    return this.announced.fork
  }

  /** Is the block held and on the disk, so that it may be announced and sent? */
  isDurable(index: number): boolean {
    return this.#lasting.isDurable(index)
  }

  /** Signs the head if need be; resolves when it and all before it is synced and may be announced. */
  sealed(): Promise<void> {
    return this.#isAtRest ? Promise.resolve() : this.#lasting.sealed()
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

  /** Does the same for answers `from .. to` of a run; returns the first that is not plainly right, for `apply` to look at. */
  applyBlocks(run: BlockRun, from: number, to: number): number {
    this.#checkOpen()
    const end = stageBlocks(this.#state, run, from, to, this.#lasting.news)
    if (end > from) this.#lasting.staged()
    return end
  }

  /** Is the block in `proof` the one of our tree? Looks only; throws `BAD_PROOF` if it is another. */
  isBlock(proof: Proof): boolean {
    return isBlockOf(this.#state, proof)
  }

  /** Begins to follow a higher fork whose head is in `proof`. Throws like `apply`. */
  verifyReorg(proof: Proof): Reorg {
    this.#checkOpen()
    return beginReorg(this.#state, proof, this.#lasting)
  }

  /**
   * Examines a signed head of our own fork, verified from nothing: is its history ours? `unproven` if it can't
   * be compared, or not wholly because it is longer. On `conflict` the log is frozen (staged).
   */
  checkConflict(proof: Proof): 'same' | 'conflict' | 'unproven' {
    this.#checkOpen()
    const lasting = this.#lasting
    const found = compareHead(this.#state, proof, lasting.news)
    if (found === 'conflict') lasting.staged()
    return found
  }

  /** Takes evidence of others that two histories are signed: freezes the log (staged) and is true, if it is about now. */
  acceptConflict(evidence: Uint8Array): boolean {
    this.#checkOpen()
    const lasting = this.#lasting
    if (!this.frozen && this.peerCount > 0) this.remote?.freezing()
    const isFrozen = acceptConflict(this.#state, evidence, lasting.news)
    if (isFrozen) lasting.staged()
    return isFrozen
  }

  // ---- Changing ----------------------------------------------------------------------------------

  /** Stages an append; blocks are copied, and encrypted if there is a cipher. `commit` makes it last. */
  append(blocks: readonly Uint8Array[], options: AppendOptions = {}, cipher?: Cipher): void {
    this.#checkOpen()
    const lasting = this.#lasting
    const { length } = this
    stageAppend(this.#state, blocks, cipher, options.signature, this.#signsNow)
    lasting.news.held(length, this.length)
    lasting.news.grew()
    lasting.staged()
  }

  truncate(length: number, options: TruncateOptions = {}): void {
    this.#checkOpen()
    const lasting = this.#lasting
    stageTruncate(this.#state, length, options, this.#signsNow)
    lasting.cut(this.fork)
    lasting.news.truncated(length)
    lasting.staged()
  }

  /** Drops blocks here; hashes stay, because what remains is proved by them. */
  clear(start: number, end: number): void {
    this.#checkOpen()
    const lasting = this.#lasting
    lasting.news.cleared(start, stageClear(this.#state, start, end))
    lasting.staged()
  }

  setUserData(name: string, value: Uint8Array | undefined): void {
    this.#checkOpen()
    const lasting = this.#lasting
    this.slot.stageUserData(name, value)
    lasting.staged()
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
    return this.#state.isMadeBy(generation)
  }

  /**
   * Goes on in another store, in a slot that is new there: with the head, its signature, its full roots and the
   * manifest, and without blocks. Conversations go on too. For logs whose generation was not known before their head.
   */
  moveInto(store: Store, slot: Slot): Promise<void> {
    this.#checkOpen()
    const lasting = this.#lasting
    moveHead(this.#state, slot)
    this.#state.moveInto(store, slot)
    lasting.moved()
    return this.commit()
  }

  /** Takes over what can be verified of a log in somebody's old files. See `adopt.ts`. */
  adopt(stored: StoredLog, options: AdoptOptions = {}): Promise<AdoptReport> {
    this.#checkOpen()
    return adoptLog(this.#lasting, stored, options)
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
    const isTouched = this.#madeLasting !== undefined || needsSignature(this.#state)
    if (isTouched && this.store.writable && error === undefined) await this.#lasting.sign()
    this.#madeLasting?.end()
    for (const holder of this.#holders) holder.lost(error)
    this.events.emit('closed', { error })
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'The log is closed.')
  }
}

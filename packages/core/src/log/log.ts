/**
 * What users hold: a cheap handle on one log.
 *
 * Owns: waiting, and what a handle has for itself: whether it may write, its cipher, its downloads. Local
 * reads never wait; everything that does ends with what was asked or with an error that says why not, also
 * when this handle is closed. Bytes that come out are the caller's.
 *
 * Long because it is the one place where people look for what a log can do: most methods are
 * a sentence about what they do and a call of who does it.
 */

import { systemClock } from '../base/clock.ts'
import { Emitter, type Listener } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { RECLAIM_BYTES_MIN } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { type Appended, type AppendFromOptions, appendFrom, type Pieces } from './append-from.ts'
import type { AuditOptions, AuditReport } from './audit.ts'
import { type BlocksOptions, BlockWalk } from './blocks.ts'
import { type BytesOptions, readBytes } from './byte-range.ts'
import { type Cipher, cipherFor } from './cipher.ts'
import { clearInSlices } from './clear.ts'
import type { CopyClaim, ReplicatedOptions } from './copies.ts'
import { Downloads } from './downloads.ts'
import { type Draft, draftNames, openDraft } from './draft.ts'
import type { ReplicaEvents } from './events.ts'
import {
  type EncodedHandler,
  type Extension,
  type ExtensionHandler,
  openExtension,
} from './extensions.ts'
import type { Generation } from './generation.ts'
import type { Holder } from './holders.ts'
import { infoOf } from './info.ts'
import type { Manifest } from './manifest.ts'
import type { HandleOwner, LogEvents, LogInfo, LogOptions, SessionOptions } from './options.ts'
import { openedForReading } from './refusal.ts'
import type { Download, PeerStats, RangeRequest, WaitOptions } from './remote.ts'
import type { AppendOptions, Replica, TruncateOptions } from './replica.ts'
import { type BytePlace, checkIndex, seekByte } from './seeking.ts'
import { checkDataName } from './state.ts'
import { LogView } from './view.ts'
import { Waits } from './waits.ts'

export type { Appended, AppendFromOptions, Pieces } from './append-from.ts'
export type { AuditOptions, AuditProgress, AuditReport, Finding } from './audit.ts'
export type { BlocksOptions } from './blocks.ts'
export type { BytesOptions } from './byte-range.ts'
export type { HandleOwner, LogEvents, LogInfo, LogOptions, SessionOptions } from './options.ts'

export class Log implements Holder {
  /** The log itself, shared with all other handles and with replication. */
  readonly replica: Replica
  /** What stands between blocks and stored bytes, if anything does. */
  readonly cipher: Cipher | undefined
  readonly #mayWrite: boolean
  readonly #options: LogOptions
  readonly #owner: HandleOwner | undefined
  // Made when first needed: ten thousand handles may be open, and most of them rest.
  #madeWaits: Waits | undefined
  #downloads: Downloads | undefined
  #own: Emitter<ReplicaEvents> | undefined
  #listening: Set<() => void> | undefined
  #pace: Pace | undefined
  #closing: Promise<void> | undefined

  constructor(replica: Replica, options: LogOptions = {}, owner?: HandleOwner) {
    this.replica = replica
    this.cipher = cipherFor(replica, options)
    this.#mayWrite = options.writable ?? true
    this.#options = options
    this.#owner = owner
    replica.hold(this)
    owner?.opened(this)
    options.onOpen?.(this)
  }

  get #waits(): Waits {
    this.#madeWaits ??= new Waits(this.replica, this.#options)
    return this.#madeWaits
  }

  // ---- Other ways to hold it ---------------------------------------------------------------------

  /** Another handle on this log, with waits, downloads and listeners of its own; it is closed by itself. */
  session(options: SessionOptions = {}): Log {
    this.checkOpen()
    const { cipher, encryptionKey, isBlockKey, ...inherited } = this.#options
    const isOwn = options.cipher !== undefined || options.encryptionKey !== undefined
    const own = {
      ...inherited,
      ...(!isOwn && this.cipher !== undefined && { cipher: this.cipher }),
      ...options,
      writable: this.#mayWrite && (options.writable ?? true),
    }
    return new Log(this.replica, own, this.#owner)
  }

  /** The log as it is now, for reading, whatever becomes of it. Close it when done. */
  snapshot(): LogView {
    return this.checkout(this.length)
  }

  /** The log as it is at a length that it has. */
  checkout(length: number): LogView {
    this.checkOpen()
    return new LogView(this, length)
  }

  // ---- State -------------------------------------------------------------------------------------

  get key(): Uint8Array {
    return this.replica.key
  }

  get discoveryKey(): Uint8Array {
    return this.replica.discoveryKey
  }

  get generation(): Generation {
    return this.replica.generation
  }

  get manifest(): Manifest | undefined {
    return this.replica.manifest
  }

  get length(): number {
    return this.replica.length
  }

  /** Bytes of all blocks, without encryption padding. */
  get byteLength(): number {
    return this.replica.byteLength - this.replica.length * this.paddingBytes
  }

  get fork(): number {
    return this.replica.fork
  }

  /** Blocks held from 0 on without a gap. */
  get contiguousLength(): number {
    return this.replica.slot.contiguousLength
  }

  get writable(): boolean {
    return this.#mayWrite && !this.closed && this.replica.writable
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  get peerCount(): number {
    return this.replica.peerCount
  }

  /** Bytes in front of each stored block that readers do not see: 0, or 8 when encrypted. */
  get paddingBytes(): number {
    return this.cipher?.paddingBytes ?? 0
  }

  /** Most blocks from 0 on that a peer of this fork was ever known to hold without a gap. A claim, no proof. */
  get remoteContiguousLength(): number {
    return this.replica.remote?.remoteContiguousLength ?? 0
  }

  /** The peers of the moment: what they claim, sent and got. */
  peers(): PeerStats[] {
    return this.replica.remote?.peers() ?? []
  }

  info(): LogInfo {
    return infoOf(this)
  }

  /** Speaks under a name with the peers of this log, those of now and later, until it or this handle is closed. */
  extension<T>(name: string, handler: EncodedHandler<T>): Extension<T>
  extension(name: string, handler: ExtensionHandler<Uint8Array>): Extension<Uint8Array>
  extension<T>(
    name: string,
    handler: EncodedHandler<T> | ExtensionHandler<Uint8Array>,
  ): Extension<T> | Extension<Uint8Array> {
    this.checkOpen()
    const { replica } = this
    const peers = () => replica.remote?.extensionPeers() ?? []
    const extension = openExtension(replica.extensions, name, handler, peers)
    const close = (): void => {
      extension.close()
      this.#listening?.delete(close)
    }
    this.#listening ??= new Set()
    this.#listening.add(close)
    return { ...extension, close }
  }

  /** Adds a listener, until the returned function is called, `signal` fires or the handle is closed. */
  on<K extends keyof LogEvents>(
    event: K,
    listener: Listener<LogEvents[K]>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    if (event === 'closed') this.#own ??= new Emitter()
    const emitter = (event === 'closed' && this.#own) || this.replica.events
    const stop = emitter.on(event, listener, options)
    const off = (): void => {
      stop()
      this.#listening?.delete(off)
    }
    if (event === 'closed') return off
    this.#listening ??= new Set()
    this.#listening.add(off)
    return off
  }

  // ---- Reading -----------------------------------------------------------------------------------

  /** For walks: when the event loop is due a turn among reads that need not wait. */
  get pace(): Pace {
    this.#pace ??= new Pace(this.#options.clock ?? systemClock)
    return this.#pace
  }

  /** The block if it is here; the bytes are the caller's. Never waits, unless the disk is slow. */
  peek(index: number): Uint8Array | undefined {
    const stored = this.replica.slot.read(index)
    if (stored === undefined || this.cipher === undefined) return stored
    return this.cipher.decrypt(index, stored)
  }

  /**
   * The block, from here or from a peer; the bytes are the caller's. An index beyond the length is waited
   * for. Not `async`: a local hit costs one promise. A loop of hits lets others have a turn now and then.
   */
  get(index: number, options: WaitOptions = {}): Promise<Uint8Array> {
    try {
      checkIndex(index)
      this.checkOpen()
      if (this.replica.slot.isCold(index, index + 1)) return this.#getCold(index, options)
      const block = this.peek(index)
      if (block === undefined) return this.#fetch(index, options)
      return this.pace.give(block)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #getCold(index: number, options: WaitOptions): Promise<Uint8Array> {
    await this.replica.slot.warm(index, index + 1)
    return this.peek(index) ?? this.#fetch(index, options)
  }

  async #fetch(index: number, options: WaitOptions): Promise<Uint8Array> {
    const isThere = (): boolean => this.replica.has(index)
    this.#options.onWait?.(index)
    await this.#waits.run(options, (wait) =>
      this.#waits.ask(wait, isThere, (remote, left) => remote.block(index, left)),
    )
    const block = this.peek(index)
    if (block !== undefined) return block
    throw new DatError('NOT_AVAILABLE', 'The block came and was dropped again.', { index })
  }

  /** Are all blocks of `start .. end` (default: the one) here? */
  has(start: number, end: number = start + 1): boolean {
    return this.replica.slot.nextMissing(start, end) >= end
  }

  /** Block after block, read ahead. Throws `SNAPSHOT_GONE` if what was read is replaced meanwhile. */
  blocks(options: BlocksOptions = {}): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => new BlockWalk(this, options) }
  }

  /** The bytes `start .. start + length` (default: all there are now), in pieces as they come. */
  bytes(options: BytesOptions = {}): AsyncIterable<Uint8Array> {
    return readBytes(this, options)
  }

  /** Asks peers for a longer history: did the log grow? A log of our own grows by us alone: false at once. */
  async update(options: WaitOptions = {}): Promise<boolean> {
    this.checkOpen()
    if (this.replica.writable) return false
    const { length } = this
    const grew = await this.#waits.run(options, (wait) =>
      this.#waits.ask(
        wait,
        () => this.length > length,
        (remote, left) => remote.update(left),
      ),
    )
    return grew ?? true
  }

  /** Resolves when the log has `length` blocks, however long that takes. */
  grown(length: number, signal?: AbortSignal): Promise<void> {
    return this.#waits.grown(length, signal === undefined ? {} : { signal })
  }

  /** Bytes before block `index` (`length` for the end), or undefined if that is not known here. */
  byteOffset(index: number): number | undefined {
    checkIndex(index)
    if (index > this.length) return undefined
    const stored = this.replica.byteOffset(index)
    return stored === undefined ? undefined : stored - index * this.paddingBytes
  }

  /**
   * Hash over the first `length` blocks (default: all): equal exactly for equal blocks. Undefined if that is longer
   * than the log, or not known here.
   */
  rootHash(length: number = this.length): Uint8Array | undefined {
    checkIndex(length)
    return length > this.length ? undefined : this.replica.rootHash(length)
  }

  /** The block in which byte `byte` lies and the place in it; undefined beyond the end. */
  seek(byte: number, options: WaitOptions = {}): Promise<BytePlace | undefined> {
    return seekByte(this, this.#waits, byte, options)
  }

  /** Fetches blocks until all of the range are held, or for ever if it has no end. Default: everything. */
  download(range: Partial<RangeRequest> = {}): Download {
    this.checkOpen()
    this.#downloads ??= new Downloads(this.replica, this.#waits)
    return this.#downloads.start({ start: 0, end: -1, ...range })
  }

  // ---- Elsewhere ---------------------------------------------------------------------------------

  /** What peers claim to hold of this log, those of now and of before. A claim is no proof. */
  copies(): CopyClaim[] {
    return this.replica.remote?.copies() ?? []
  }

  /**
   * Resolves when so many distinct peers claim to hold the blocks, with their claims; that is remembered then.
   *
   * @throws DatError TIMEOUT if they do not say so in time, NO_PEERS if there never was a connection
   */
  replicated(options: ReplicatedOptions = {}): Promise<CopyClaim[]> {
    this.checkOpen()
    return this.#waits.run(options, async (wait) => {
      const claims = await this.#waits.ask(
        wait,
        () => false,
        (remote, left) => remote.replicated({ ...options, ...left }),
      )
      return claims ?? []
    })
  }

  /** Evidence that the owner has signed two histories, for `verifyConflict` of `log/conflict`; undefined if none is known. */
  get conflict(): Uint8Array | undefined {
    return this.replica.conflict
  }

  /**
   * Takes evidence that others have. False if nothing changed: the log is frozen already, or has left that fork.
   *
   * @throws DatError as `verifyConflict`: what does not prove anything changes nothing
   */
  async acceptConflict(evidence: Uint8Array): Promise<boolean> {
    this.checkOpen()
    const isFrozen = this.replica.acceptConflict(evidence)
    if (isFrozen) await this.replica.commit()
    return isFrozen
  }

  // ---- Changing ----------------------------------------------------------------------------------

  /** All blocks or none, copied; appends of one moment share one commit. Resolves as durable as the store is. */
  append(
    blocks: Uint8Array | readonly Uint8Array[],
    options: AppendOptions = {},
  ): Promise<Appended> {
    try {
      this.checkMayWrite()
      const list = blocks instanceof Uint8Array ? [blocks] : blocks
      if (list.length > 0) this.replica.append(list, options, this.cipher)
      const { length, byteLength } = this
      return this.replica.commit().then(() => ({ length, byteLength }))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Appends what comes from a source, as it comes, and asks it for more only as fast as that is written. */
  appendFrom(pieces: Pieces, options: AppendFromOptions = {}): Promise<Appended> {
    return appendFrom(this, pieces, options)
  }

  /**
   * Blocks that are meant for this log, kept under a name until they are committed or discarded: the draft of that
   * name, or a new one that begins at the log's end. `CONFLICT` if it is open already.
   */
  async draft(name: string): Promise<Draft> {
    this.checkMayWrite()
    return openDraft(this, name)
  }

  /** Names of all drafts of this log. */
  drafts(): string[] {
    return draftNames(this.replica.store, this.replica.slot)
  }

  /** Shortens our log and begins a new fork. */
  async truncate(length: number, options: TruncateOptions = {}): Promise<void> {
    this.checkMayWrite()
    this.replica.truncate(length, options)
    await this.replica.commit()
  }

  /**
   * Drops blocks here (default: the one), and peers are told; they can be fetched again. What remains can still be
   * served. When this resolves the file system has the bytes back, or soon after if they are few
   * (`RECLAIM_BYTES_MIN`).
   */
  async clear(start: number, end: number = start + 1): Promise<void> {
    this.checkOpen()
    await clearInSlices(this.replica, start, end, this.#options.clock ?? systemClock)
    await this.replica.store.reclaim({ minBytes: RECLAIM_BYTES_MIN })
  }

  /** Verifies head, nodes and blocks as they are stored here, in slices; repairs what can be if asked to. */
  async audit(options: AuditOptions = {}): Promise<AuditReport> {
    this.checkOpen()
    return this.replica.audit(this.#options.clock ?? systemClock, options)
  }

  /** A small value kept beside the log on this machine. */
  userData(name: string): Uint8Array | undefined {
    return this.replica.slot.userData(name)
  }

  async setUserData(name: string, value: Uint8Array | undefined): Promise<void> {
    this.checkOpen()
    checkDataName(name)
    this.replica.setUserData(name, value)
    await this.replica.commit()
  }

  /** Resolves when everything written so far is signed and on the disk. */
  async flush(): Promise<void> {
    await this.replica.commit()
    await this.replica.sealed()
    await this.replica.store.sync()
  }

  /** Ends all waits and downloads of this handle with `CLOSED`. The log itself stays while others hold it. */
  close(): Promise<void> {
    return this.#close(undefined)
  }

  /** For the replica, when it is closed by another way: ends everything with `error`. */
  lost(error: DatError | undefined): void {
    void this.#close(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #close(error: DatError | undefined): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.#closing = Promise.resolve().then(() => {
      this.replica.release(this)
      this.#owner?.closed(this)
      return this.#options.onClose?.(this)
    })
    for (const off of [...(this.#listening ?? [])]) off()
    this.#madeWaits?.endAll(() => error ?? closed())
    this.#downloads?.cancelAll(() => error ?? closed())
    this.#own?.emit('closed', { error })
    return this.#closing
  }

  /** Throws `CLOSED` if this handle is closed. */
  checkOpen(): void {
    if (this.closed) throw closed()
  }

  /** Throws unless this handle may write: what brings a complete signature needs no more than that. */
  checkMayWrite(): void {
    this.checkOpen()
    if (!this.#mayWrite) throw openedForReading('handle')
  }

  /** Throws unless it is `writable`, with the reason: `NOT_WRITABLE` (see `RefusalReason`), `FORKED` or `CLOSED`. */
  checkWritable(): void {
    this.checkMayWrite()
    this.replica.checkWritable()
  }
}

function closed(): DatError {
  return new DatError('CLOSED', 'The log is closed.')
}

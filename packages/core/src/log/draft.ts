/**
 * Blocks that are meant for a log and are not in it yet.
 *
 *   log at its base ──append, append──▶ draft, kept in the store ──commit──▶ the log, in one record; no draft any more
 *
 * Owns: drafts. A draft has a name and stays until it is committed or discarded, also over restarts; peers never
 * see it. It is kept as a log of its own, under a key that derives from the store's primary key and that nobody
 * else can know, with its blocks encrypted as they will be in the log. It knows the fork and the length
 * that it begins at: committing to a log that has moved is refused, and its blocks stay readable.
 */

import { DatError } from '../base/errors.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { readU64LE, writeU64LE } from '../bytes/integers.ts'
import { childNamespace, deriveKeyPair } from '../crypto/derive.ts'
import type { Alias, Slot, Store } from '../store/store.ts'
import { atomic, checkAt } from './atomic.ts'
import type { BlocksOptions } from './blocks.ts'
import type { Cipher } from './cipher.ts'
import { logIdentity } from './identity.ts'
import type { Log } from './log.ts'
import type { WaitOptions } from './remote.ts'
import { type AppendOptions, Replica } from './replica.ts'
import { OWN_DATA_PREFIX } from './state.ts'
import type { LogView } from './view.ts'

/** Where a draft begins. */
export interface DraftBase {
  readonly fork: number
  readonly length: number
}

/** Of a draft's own log: where it begins. */
const DRAFT = `${OWN_DATA_PREFIX}draft`
/** Of the log that drafts are meant for: their names. One may be there whose making was cut short. */
const NAMES = `${OWN_DATA_PREFIX}drafts`

/** Names of drafts that are open, by the log they are meant for. */
const openNames = new WeakMap<Replica, Set<string>>()

/** One draft, open. Two handles on one name would overtake each other: the second is refused with `CONFLICT`. */
export class Draft {
  readonly name: string
  /** The handle that it was opened with; it is closed with that. */
  readonly log: Log
  readonly base: DraftBase
  readonly #replica: Replica
  /** The log's blocks below the base, unless its history was replaced before this was opened. */
  readonly #below: LogView | undefined
  readonly #cipher: Cipher | undefined
  readonly #stopListening: () => void
  #closed = false

  /** Use `Log.draft`. */
  constructor(log: Log, name: string, base: DraftBase, replica: Replica) {
    this.log = log
    this.name = name
    this.base = base
    this.#replica = replica
    const isIntact = log.fork === base.fork && log.length >= base.length
    this.#below = isIntact ? log.checkout(base.length) : undefined
    this.#cipher = log.cipher && shifted(log.cipher, base)
    this.#stopListening = log.on('closed', () => this.#end())
  }

  /** Of the log as it would be after a commit. */
  get length(): number {
    return this.base.length + this.#replica.length
  }

  /** Is the log where it was when the draft began, so that it can be committed? */
  get isCurrent(): boolean {
    return this.log.length === this.base.length && this.log.fork === this.base.fork
  }

  get closed(): boolean {
    return this.#closed
  }

  // ---- Reading -----------------------------------------------------------------------------------

  /** The block if it is here, of the log or of the draft; the bytes are the caller's. */
  peek(index: number): Uint8Array | undefined {
    this.#checkOpen()
    const own = index - this.base.length
    if (own < 0) return this.#below?.peek(index)
    const stored = this.#replica.read(own)
    return stored === undefined ? undefined : (this.#cipher?.decrypt(own, stored) ?? stored)
  }

  /** Like `peek`, and asks peers for blocks of the log that are not here. */
  async get(index: number, options: WaitOptions = {}): Promise<Uint8Array> {
    const block = this.peek(index)
    if (block !== undefined) return block
    if (index >= this.length) {
      throw new DatError('NOT_FOUND', 'The draft ends before that block.', { index })
    }
    if (this.#below !== undefined) return this.#below.get(index, options)
    const message = 'The history that the draft begins with was replaced.'
    throw new DatError('SNAPSHOT_GONE', message, { index })
  }

  /** Block after block: of the log, then of the draft. */
  async *blocks(options: Omit<BlocksOptions, 'live'> = {}): AsyncGenerator<Uint8Array, void> {
    const { start = 0, end = this.length } = options
    const below = this.#below
    const middle = Math.min(end, this.base.length)
    if (below !== undefined && start < middle) {
      yield* below.blocks({ ...options, start, end: middle })
    }
    for (let i = below === undefined ? start : Math.max(start, middle); i < end; i++) {
      yield await this.get(i, options)
    }
  }

  // ---- Changing ----------------------------------------------------------------------------------

  /** All blocks or none, copied. Resolves as durable as the store is. */
  async append(blocks: Uint8Array | readonly Uint8Array[]): Promise<{ length: number }> {
    this.#checkOpen()
    const list = blocks instanceof Uint8Array ? [blocks] : blocks
    if (list.length > 0) this.#replica.append(list, {}, this.#cipher)
    const { length } = this
    await this.#replica.commit()
    return { length }
  }

  /**
   * Appends all blocks to the log and ends the draft, in one record of the store.
   *
   * @throws DatError CONFLICT if the log has moved since the draft began; NOT_WRITABLE; nothing has changed then
   */
  async commit(options: AppendOptions = {}): Promise<{ length: number; byteLength: number }> {
    this.#checkOpen()
    await atomic((group) => group.commit(this, options))
    const { length, byteLength } = this.log
    return { length, byteLength }
  }

  /** For `atomic`: stages what `commit` does. */
  stageCommit(options: AppendOptions): void {
    this.#checkOpen()
    const { log, base } = this
    checkAt(log, base.length, base.fork)
    const { slot } = this.#replica
    const blocks = Array.from({ length: slot.head.length }, (_, i) => storedBlock(slot, i))
    if (blocks.length > 0) log.replica.append(blocks, options)
    stageRemoval(log, this.name, slot)
  }

  /** For `atomic`: what `stageCommit` has staged has lasted. */
  committed(): void {
    this.#end()
  }

  /** Forgets the draft and all that it holds. */
  async discard(): Promise<void> {
    this.#checkOpen()
    const { slot } = this.#replica
    this.#end()
    stageRemoval(this.log, this.name, slot)
    await this.log.replica.commit()
  }

  /** Lets go of it; `Log.draft` opens it again. */
  close(): Promise<void> {
    this.#end()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stopListening()
    void this.#below?.close()
    openNames.get(this.log.replica)?.delete(this.name)
    // With an error, so that no head is signed: nobody is ever shown one.
    void this.#replica.close(new DatError('CLOSED', 'The draft is closed.'))
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'The draft is closed.')
  }
}

/** The draft of that name: the one in the store, or a new one that begins at the log's end. */
export async function openDraft(log: Log, name: string): Promise<Draft> {
  const { replica } = log
  const { store } = replica
  if (name === '') throw new DatError('BAD_ARGUMENT', 'A draft needs a name.')
  const open = openNames.get(replica) ?? new Set()
  if (open.has(name)) throw new DatError('CONFLICT', 'This draft is open already.')
  openNames.set(replica, open.add(name))
  try {
    const alias: Alias = { namespace: draftsOf(log.key), name }
    const found = store.findAlias(alias)
    const slot = found === undefined ? await createDraft(log, alias) : store.slot(found)
    log.checkOpen()
    const base = readBase(slot) ?? (await stageBase(log, slot))
    log.checkOpen()
    return new Draft(log, name, base, Replica.open(store, slot))
  } catch (error) {
    open.delete(name)
    throw error
  }
}

/** Names of a log's drafts, in order of creation. */
export function draftNames(store: Store, slot: Slot): string[] {
  const namespace = draftsOf(slot.identity.key)
  return readNames(slot).filter((name) => store.findAlias({ namespace, name }) !== undefined)
}

/** Numbers of the logs that a log's drafts are kept in. */
export function draftLogs(store: Store, slot: Slot): number[] {
  const namespace = draftsOf(slot.identity.key)
  const logs = readNames(slot).map((name) => store.findAlias({ namespace, name }))
  return logs.filter((log) => log !== undefined)
}

/** Numbers of all logs in which drafts are kept: no logs that anybody else should see. */
export function allDraftLogs(store: Store): number[] {
  return store.logsWith(DRAFT)
}

/** Those of them that belong to no log any more. */
export function orphanDraftLogs(store: Store): number[] {
  const owned = new Set(store.logsWith(NAMES).flatMap((log) => draftLogs(store, store.slot(log))))
  return allDraftLogs(store).filter((log) => !owned.has(log))
}

function draftsOf(key: Uint8Array): Uint8Array {
  return childNamespace(key, DRAFT)
}

/** Its name is written down first, so that no draft is ever without an owner. */
function createDraft(log: Log, alias: Alias): Promise<Slot> {
  const { store, slot } = log.replica
  const names = readNames(slot)
  if (!names.includes(alias.name)) stageNames(slot, [...names, alias.name])
  const keyPair = deriveKeyPair(store.primaryKey, alias.namespace, alias.name)
  return store.create(logIdentity({ key: keyPair.publicKey, keyPair, alias }))
}

function stageRemoval(log: Log, name: string, draft: Slot): void {
  const { store, slot } = log.replica
  store.remove(draft.log)
  stageNames(
    slot,
    readNames(slot).filter((other) => other !== name),
  )
}

function readNames(slot: Slot): string[] {
  const bytes = slot.userData(NAMES)
  if (bytes === undefined) return []
  const r = new Reader(bytes)
  return Array.from({ length: r.count(1) }, () => r.string())
}

function stageNames(slot: Slot, names: readonly string[]): void {
  const w = new Writer(64)
  w.uint(names.length)
  for (const name of names) w.string(name)
  slot.stageUserData(NAMES, names.length === 0 ? undefined : w.take())
}

/** A draft without a base is one whose making was cut short: it begins now. */
async function stageBase(log: Log, slot: Slot): Promise<DraftBase> {
  const { fork, length } = log
  const bytes = new Uint8Array(16)
  writeU64LE(bytes, 0, fork)
  writeU64LE(bytes, 8, length)
  slot.stageUserData(DRAFT, bytes)
  await log.replica.commit()
  return { fork, length }
}

function readBase(slot: Slot): DraftBase | undefined {
  const bytes = slot.userData(DRAFT)
  if (bytes === undefined) return undefined
  return { fork: readU64LE(bytes, 0), length: readU64LE(bytes, 8) }
}

function storedBlock(slot: Slot, index: number): Uint8Array {
  const block = slot.read(index)
  if (block !== undefined) return block
  throw new DatError('CORRUPT_STORE', 'A block of a draft is not here.', { index })
}

/** Blocks of a draft are encrypted for the place that they will have in the log. */
function shifted(cipher: Cipher, base: DraftBase): Cipher {
  return {
    paddingBytes: cipher.paddingBytes,
    encrypt(index, _fork, bytes, at, size) {
      cipher.encrypt(base.length + index, base.fork, bytes, at, size)
    },
    decrypt: (index, stored) => cipher.decrypt(base.length + index, stored),
  }
}

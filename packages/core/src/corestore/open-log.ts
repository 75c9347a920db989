/**
 * One log that is open in memory: its replica, its replicator, and who holds it.
 *
 * Owns: the count of handles. A log that nobody holds lingers in its conversations for a while (the replicator's
 * matter); once those have ended and it has been idle for `IDLE_MS` it may be closed. Always true: it is
 * `downloading` while somebody holds it.
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import type { AuditOptions, AuditReport } from '../log/audit.ts'
import type { ReplicaEvents } from '../log/events.ts'
import type { ReplicaHost, ReplicaOptions } from '../log/holders.ts'
import { type HandleOwner, Log, type LogOptions } from '../log/log.ts'
import { Replica } from '../log/replica.ts'
import { type IdleRows, mayBeIdle } from '../replicator/idle.ts'
import { type IdleHost, IdleLog } from '../replicator/idle-log.ts'
import type { IdlePeer } from '../replicator/idle-peer.ts'
import type { Passage } from '../replicator/passage.ts'
import { type AttachOptions, type PeerHandler, Replicator } from '../replicator/replicator.ts'
import type { Slot, Store } from '../store/store.ts'
import type { Sender } from '../wire/messages.ts'
import type { CorestoreEvents } from './events.ts'

/** How long a log must have been of no use to anybody before it is closed. */
const IDLE_MS = 6_000

/** What open logs ask of whoever opens them, once for all. */
export interface OpenLogHost {
  readonly clock: Clock
  readonly wallNow: () => number
  readonly events: Emitter<CorestoreEvents>
  /** Options of handles for whom nothing is said: one object for all of them. */
  readonly usual: LogOptions
  /** Told when the first handle is made, and when the last one is closed. */
  held(log: OpenLog, isHeld: boolean): void
  /** Its replicator was made. */
  replicating(log: OpenLog): void
}

/** A log in memory with its replication, for all who hold it. */
export class OpenLog implements IdleHost, ReplicaHost {
  readonly replica: Replica
  /** Of the key that it was opened with, if one was brought. */
  readonly publicKey: Uint8Array | undefined
  readonly #host: OpenLogHost
  /** Made when peers have something to say, or somebody waits for something that is not here: most of many logs rest. */
  #replicator: Replicator | undefined
  /** Until then: those who are spoken to. Made with the first. */
  #idle: IdleLog | undefined
  /** Conversations that we have opened and the remote has not answered yet. */
  #opening = 0
  #idleSince: number
  #audits = 0

  constructor(host: OpenLogHost, store: Store, slot: Slot, options: ReplicaOptions) {
    this.#host = host
    this.replica = Replica.open(store, slot, options, this)
    this.publicKey = options.keyPair?.publicKey
    this.#idleSince = host.clock.now()
  }

  get replicator(): Replicator {
    if (this.#replicator === undefined) {
      const { clock, wallNow } = this.#host
      const { isHeld } = this
      const downloading = this.#idle?.downloading ?? isHeld
      const replicator = new Replicator(this.replica, { clock, wallNow, downloading })
      this.#replicator = replicator
      replicator.opening(this.#opening)
      this.#idle?.moveTo(replicator)
      this.#idle = undefined
      replicator.setDownloading(isHeld)
      this.#host.replicating(this)
    }
    return this.#replicator
  }

  makeRemote(): void {
    void this.replicator
  }

  get peerCount(): number {
    return this.#replicator?.peerCount ?? this.#idle?.count ?? 0
  }

  /** Who is spoken to while there is no replicator. */
  get idlePeerKeys(): Iterable<Uint8Array> {
    return this.#idle?.peerKeys() ?? []
  }

  /** A new conversation about this log; give the handler to the wire that `sender` writes to. */
  attach(sender: Sender, options: AttachOptions): PeerHandler | IdlePeer {
    const { abilities, wantsAcks } = sender
    const mayRest = this.#mayRest && !abilities.waitsForEnd && !wantsAcks
    return mayRest ? this.#idleLog.attach(sender, options) : this.replicator.attach(sender, options)
  }

  /** The same for one that is a row of today's conversations; false if it can't rest there: then `attach` is for it. */
  attachRow(rows: IdleRows, row: number, passage: Passage): boolean {
    if (!this.#mayRest) return false
    this.#idleLog.begin(rows, row, passage)
    return true
  }

  get #mayRest(): boolean {
    return this.#replicator === undefined && mayBeIdle(this.replica)
  }

  get #idleLog(): IdleLog {
    this.#idle ??= new IdleLog(this)
    return this.#idle
  }

  /** So many more conversations are being opened; fewer when they were answered. */
  opening(change: number): void {
    this.#opening += change
    this.#replicator?.opening(change)
  }

  /** The same if it was needed so far. */
  get replicatorIfAny(): Replicator | undefined {
    return this.#replicator
  }

  get clock(): Clock {
    return this.#host.clock
  }

  get key(): Uint8Array {
    return this.replica.key
  }

  get discoveryKey(): Uint8Array {
    return this.replica.discoveryKey
  }

  /** Does somebody here hold it? */
  get isHeld(): boolean {
    return this.replica.holders.length > 0
  }

  /** Has nobody wanted anything of it for long enough? */
  get isIdle(): boolean {
    const now = this.clock.now()
    const isUsed = this.isHeld || this.#audits > 0 || this.#isSpokenAbout
    if (isUsed) this.#idleSince = now
    return now - this.#idleSince >= IDLE_MS
  }

  get #isSpokenAbout(): boolean {
    return this.#opening > 0 || this.peerCount > 0 || this.#replicator?.idle === false
  }

  // ---- Who holds it ----

  /** A new handle. `owner` is told of it, of its sessions, and when each of them is closed. */
  handle(options: LogOptions, owner: HandleOwner): Log {
    const { clock, usual } = this.#host
    const own = options === usual ? options : { clock, ...options }
    return new Log(this.replica, own, owner)
  }

  /** The first handle was made. */
  taken(): void {
    this.#talkers?.setDownloading(true)
    this.#host.held(this, true)
  }

  /** The last handle was closed. */
  left(): void {
    this.#idleSince = this.clock.now()
    this.#talkers?.setDownloading(false)
    this.#host.held(this, false)
  }

  get #talkers(): Replicator | IdleLog | undefined {
    return this.#replicator ?? this.#idle
  }

  /** Is nobody here or elsewhere interested, so that it may be closed at once? */
  get isUnused(): boolean {
    return !this.isHeld && this.#audits === 0 && this.#talkers === undefined
  }

  /** Audits what is stored. It stays open for that, and no peer hears of it. */
  async audit(options: AuditOptions): Promise<AuditReport> {
    this.#audits++
    try {
      return await this.replica.audit(this.clock, options)
    } finally {
      this.#audits--
    }
  }

  /** Closes the handles; conversations go on for a while. */
  async closeHandles(): Promise<void> {
    await Promise.all(this.replica.holders.map((holder) => holder.close()))
  }

  /** Closes the handles, the conversations and the replica. */
  async close(): Promise<void> {
    try {
      await this.closeHandles()
    } finally {
      this.#talkers?.close()
      await this.replica.close()
    }
  }

  // ---- What the store tells of it ----

  conflict(): void {
    this.#host.events.emit('conflict', { key: this.key })
  }

  'wrong-proof'(event: ReplicaEvents['wrong-proof']): void {
    this.#host.events.emit('wrong-proof', { key: this.key, ...event })
  }

  'storage-error'({ error }: ReplicaEvents['storage-error']): void {
    this.#host.events.emit('storage-error', { key: this.key, error })
  }
}

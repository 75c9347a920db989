/**
 * One log that is open in memory: its replica, its replicator, and who holds it.
 *
 * Owns: the count of handles. A log that nobody holds lingers in its conversations for a while (the replicator's
 * matter); once those have ended and it has been idle for `IDLE_MS` it may be closed. Always true: it is
 * `downloading` while somebody holds it.
 */

import type { Clock } from '../base/clock.ts'
import type { AuditOptions, AuditReport } from '../log/audit.ts'
import { Log, type LogOptions } from '../log/log.ts'
import type { RemoteMaker } from '../log/remote.ts'
import { Replica, type ReplicaOptions } from '../log/replica.ts'
import type { IdlePeer } from '../replicator/idle.ts'
import { mayBeIdle } from '../replicator/idle.ts'
import { type IdleHost, IdleLog } from '../replicator/idle-log.ts'
import { type AttachOptions, type PeerHandler, Replicator } from '../replicator/replicator.ts'
import type { Slot, Store } from '../store/store.ts'
import type { Sender } from '../wire/messages.ts'

/** How long a log must have been of no use to anybody before it is closed. */
const IDLE_MS = 6_000

/** Who closes handles with itself. */
export interface HandleOwner {
  opened(log: Log): void
  closed(log: Log): void
}

/** A log in memory with its replication, for all who hold it. */
export class OpenLog implements IdleHost, RemoteMaker {
  readonly replica: Replica
  readonly clock: Clock
  readonly #wallNow: () => number
  readonly #handles = new Set<Log>()
  /** Told when the first handle is made, and when the last one is closed. */
  readonly #onHeld: (isHeld: boolean) => void
  /** Made when peers have something to say, or somebody waits for something that is not here: most of many logs rest. */
  #replicator: Replicator | undefined
  /** Until then: those who are spoken to. Made with the first. */
  #idle: IdleLog | undefined
  /** Conversations that we have opened and the remote has not answered yet. */
  #opening = 0
  readonly #onReplicator: () => void
  #idleSince: number
  #audits = 0

  constructor(
    store: Store,
    slot: Slot,
    options: ReplicaOptions,
    times: { readonly clock: Clock; readonly wallNow: () => number },
    onHeld: (isHeld: boolean) => void,
    onReplicator: () => void,
  ) {
    this.replica = Replica.open(store, slot, { ...options, remoteMaker: this })
    const { clock, wallNow } = times
    this.clock = clock
    this.#wallNow = wallNow
    this.#onHeld = onHeld
    this.#onReplicator = onReplicator
    this.#idleSince = clock.now()
  }

  get replicator(): Replicator {
    if (this.#replicator === undefined) {
      const { clock, isHeld } = this
      const downloading = this.#idle?.downloading ?? isHeld
      const options = { clock, wallNow: this.#wallNow, downloading }
      const replicator = new Replicator(this.replica, options)
      this.#replicator = replicator
      replicator.opening(this.#opening)
      this.#idle?.moveTo(replicator)
      this.#idle = undefined
      replicator.setDownloading(isHeld)
      this.#onReplicator()
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
    if (this.#replicator !== undefined || !mayBeIdle(this.replica, sender)) {
      return this.replicator.attach(sender, options)
    }
    this.#idle ??= new IdleLog(this)
    return this.#idle.attach(sender, options)
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

  get key(): Uint8Array {
    return this.replica.key
  }

  get discoveryKey(): Uint8Array {
    return this.replica.discoveryKey
  }

  /** Does somebody here hold it? */
  get isHeld(): boolean {
    return this.#handles.size > 0
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

  /** A new handle. `owner` is told of it, of its sessions, and when each of them is closed. */
  handle(options: LogOptions, owner: HandleOwner): Log {
    return new Log(this.replica, {
      clock: this.clock,
      ...options,
      onOpen: (log) => {
        this.#handles.add(log)
        owner.opened(log)
        if (this.#handles.size > 1) return
        this.#talkers?.setDownloading(true)
        this.#onHeld(true)
      },
      onClose: (log) => {
        this.#handles.delete(log)
        owner.closed(log)
        if (this.#handles.size > 0) return
        this.#idleSince = this.clock.now()
        this.#talkers?.setDownloading(false)
        this.#onHeld(false)
      },
    })
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
    await Promise.all([...this.#handles].map((log) => log.close()))
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
}

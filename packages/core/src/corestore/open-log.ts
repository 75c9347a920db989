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
import { Replica, type ReplicaOptions } from '../log/replica.ts'
import { Replicator } from '../replicator/replicator.ts'
import type { Slot, Store } from '../store/store.ts'

/** How long a log must have been of no use to anybody before it is closed. */
const IDLE_MS = 6_000

/** Who closes handles with itself. */
export interface HandleOwner {
  opened(log: Log): void
  closed(log: Log): void
}

/** A log in memory with its replication, for all who hold it. */
export class OpenLog {
  readonly replica: Replica
  readonly #clock: Clock
  readonly #wallNow: () => number
  readonly #handles = new Set<Log>()
  /** Told when the first handle is made, and when the last one is closed. */
  readonly #onHeld: (isHeld: boolean) => void
  /** Made when somebody first is spoken to, or waits for something that is not here: most of many logs rest. */
  #replicator: Replicator | undefined
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
    this.replica = Replica.open(store, slot, { ...options, makeRemote: () => this.replicator })
    const { clock, wallNow } = times
    this.#clock = clock
    this.#wallNow = wallNow
    this.#onHeld = onHeld
    this.#onReplicator = onReplicator
    this.#idleSince = clock.now()
  }

  get replicator(): Replicator {
    if (this.#replicator === undefined) {
      const times = { clock: this.#clock, wallNow: this.#wallNow }
      const options = { ...times, downloading: this.isHeld }
      this.#replicator = new Replicator(this.replica, options)
      this.#onReplicator()
    }
    return this.#replicator
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
    const now = this.#clock.now()
    const isUsed = this.isHeld || this.#audits > 0 || this.#replicator?.idle === false
    if (isUsed) this.#idleSince = now
    return now - this.#idleSince >= IDLE_MS
  }

  /** A new handle. `owner` is told of it, of its sessions, and when each of them is closed. */
  handle(options: LogOptions, owner: HandleOwner): Log {
    return new Log(this.replica, {
      clock: this.#clock,
      ...options,
      onOpen: (log) => {
        this.#handles.add(log)
        owner.opened(log)
        if (this.#handles.size > 1) return
        this.#replicator?.setDownloading(true)
        this.#onHeld(true)
      },
      onClose: (log) => {
        this.#handles.delete(log)
        owner.closed(log)
        if (this.#handles.size > 0) return
        this.#idleSince = this.#clock.now()
        this.#replicator?.setDownloading(false)
        this.#onHeld(false)
      },
    })
  }

  /** Is nobody here or elsewhere interested, so that it may be closed at once? */
  get isUnused(): boolean {
    return !this.isHeld && this.#audits === 0 && this.#replicator === undefined
  }

  /** Audits what is stored. It stays open for that, and no peer hears of it. */
  async audit(options: AuditOptions): Promise<AuditReport> {
    this.#audits++
    try {
      return await this.replica.audit(this.#clock, options)
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
      this.#replicator?.close()
      await this.replica.close()
    }
  }
}

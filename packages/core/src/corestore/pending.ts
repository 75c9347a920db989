/**
 * Logs whose generation nobody knows yet: a bare key.
 *
 *   key ──▶ one log in memory for each generation ──spoken about──▶ the first head that verifies ──▶ the store
 *
 * Owns: those logs until then. Each is spoken about as what it may be; nothing that a peer says counts before the
 * signature of a head is the key's. Then the log moves into the store with its conversations, as the generation whose
 * writers sign so, and the others are closed. Always true: nothing of it is stored before; whoever waits is told
 * how it ended; when nobody waits any more all of it is closed.
 */

import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DatError, isCode } from '../base/errors.ts'
import { GENERATIONS } from '../log/generations.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import { openMemoryStore } from '../store/memory.ts'
import type { LogIdentity, Slot, Store } from '../store/store.ts'
import type { OpenLog } from './open-log.ts'
import type { Generations } from './talks.ts'

/** What a pending log needs of the store that it waits for. */
export interface PendingHost {
  readonly clock: Clock
  /** A log in another store, with all that an open log has. */
  open(store: Store, slot: Slot): OpenLog
  /** Makes the log in the store itself. */
  create(identity: LogIdentity): Promise<Slot>
  /** The log, if somebody has opened it in the store itself. */
  opened(): OpenLog | undefined
  /** The log is in the store now, and is this one. */
  settled(log: OpenLog): void
  /** The log is none: nothing more is said about it. */
  dropped(log: OpenLog): void
}

interface Candidate {
  readonly identity: LogIdentity
  readonly log: OpenLog
  readonly handle: Log
}

/** One key that is asked for in every generation. */
export class Pending {
  readonly #host: PendingHost
  readonly #store: Store
  readonly #identities: readonly LogIdentity[]
  #candidates: Candidate[] = []
  #waiting = 0
  #isOver = false
  #settle: (log: OpenLog) => void = () => {}
  #fail: (error: unknown) => void = () => {}
  readonly #outcome: Promise<OpenLog>
  /** Told when it is over, either way. */
  readonly #onOver: () => void

  constructor(
    host: PendingHost,
    store: Store,
    identities: readonly LogIdentity[],
    onOver: () => void,
  ) {
    this.#host = host
    this.#store = store
    this.#identities = identities
    this.#onOver = onOver
    this.#outcome = new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
    })
    // Nobody may be waiting any more when the store is closed.
    this.#outcome.catch(() => {})
  }

  /** Begins to speak about it. */
  async start(): Promise<void> {
    for (const identity of this.#identities) {
      const memory = openMemoryStore()
      const slot = await memory.create(identity)
      if (this.#isOver) return
      const log = this.#host.open(memory, slot)
      log.replica.events.on('append', () => this.#verified(log))
      const owner = { opened: () => {}, closed: () => {} }
      this.#candidates.push({ identity, log, handle: log.handle({}, owner) })
    }
    void this.#ask()
  }

  get logs(): OpenLog[] {
    return this.#candidates.map(({ log }) => log)
  }

  /** The log as one of these generations. */
  find(generations: Generations): OpenLog | undefined {
    return this.#candidates.find(({ identity }) => generations.has(identity.generation))?.log
  }

  /**
   * The log, once it is settled.
   *
   * @throws DatError ABORTED, TIMEOUT; NO_PEERS when those who looked for peers found none; CLOSED with the store
   */
  async wait(limits: WaitOptions): Promise<OpenLog> {
    this.#waiting++
    try {
      return await within(this.#outcome, this.#host.clock, limits)
    } catch (error) {
      const isAlone = this.logs.every(({ replicator }) => replicator.peers().length === 0)
      if (!isCode(error, 'TIMEOUT') || !isAlone) throw error
      throw new DatError('NO_PEERS', 'No peer could be reached.', {}, error)
    } finally {
      this.#waiting--
      if (this.#waiting === 0 && !this.#isOver) {
        this.close(new DatError('ABORTED', 'Nobody waits for this log any more.'))
      }
    }
  }

  close(error: DatError): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const log of this.logs) this.#drop(log)
    this.#candidates = []
    this.#fail(error)
    this.#onOver()
  }

  /** Asks whoever is there, and hears when nobody is. */
  async #ask(): Promise<void> {
    const asked = this.logs.map(({ replicator }) => replicator.update({}))
    const ends = await Promise.allSettled(asked)
    const isNobody = ends.every(
      (end) => end.status === 'rejected' && isCode(end.reason, 'NO_PEERS'),
    )
    if (isNobody) this.close(new DatError('NO_PEERS', 'No peer could be reached.'))
  }

  /** Somebody has shown a head that the key stands behind. */
  #verified(log: OpenLog): void {
    const won = this.#candidates.find((candidate) => candidate.log === log)
    if (this.#isOver || won === undefined) return
    this.#isOver = true
    for (const other of this.logs) if (other !== log) this.#drop(other)
    this.#candidates = [won]
    this.#move(won)
      .then(this.#settle, (error: unknown) => {
        this.#drop(log)
        this.#fail(error)
      })
      .finally(this.#onOver)
  }

  /** Moves the log into the store, unless somebody has opened it there meanwhile. */
  async #move({ log, identity, handle }: Candidate): Promise<OpenLog> {
    const { replica } = log
    // A head without a signature tells nothing more: it is what it was asked for as.
    const signed = this.#identities.find(({ generation }) => {
      return replica.isMadeBy(GENERATIONS[generation])
    })
    const slot = await this.#host.create(signed ?? identity)
    const other = this.#host.opened()
    if (other !== undefined) {
      this.#drop(log)
      return other
    }
    const moving = replica.moveInto(this.#store, slot)
    this.#host.settled(log)
    // Those who wait take their handles before this one is given up.
    this.#host.clock.soon(() => void handle.close())
    await moving
    return log
  }

  #drop(log: OpenLog): void {
    this.#host.dropped(log)
    log.close().catch(() => {})
  }
}

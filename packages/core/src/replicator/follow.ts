/**
 * What happens to the replica, and what its peers and waiters must know of it.
 *
 * Owns: the reactions to the replica's events. Growth wakes who waits and is announced as soon as it is sealed;
 * lost history takes the requests about it along; a conflict ends all conversations. Always true: a head is
 * sealed only while there is a peer to show it to, because a signature that nobody sees need not be made.
 */

import type { Hearer } from '../base/emitter.ts'
import { forkedError } from '../log/conflict.ts'
import type { ReplicaEvents } from '../log/events.ts'
import type { Announcer } from './announce.ts'
import type { Copies } from './copies.ts'
import type { Horizon } from './horizon.ts'
import { tell } from './negotiate.ts'
import type { Receiver } from './receive.ts'
import type { Shared } from './shared.ts'

/** A head that could not be written is tried again after this. */
const SEAL_RETRY_MS = 2_000

/** One object that hears of everything, because thousands of logs have one each. */
export class Follow implements Hearer<ReplicaEvents> {
  readonly #shared: Shared
  readonly #announcer: Announcer
  readonly #receiver: Receiver
  readonly #copies: Copies
  readonly #horizon: Horizon
  /** Length before the change that an event tells of. */
  #length: number
  #isSealing = false

  constructor(
    shared: Shared,
    announcer: Announcer,
    receiver: Receiver,
    copies: Copies,
    horizon: Horizon,
  ) {
    this.#copies = copies
    this.#horizon = horizon
    this.#shared = shared
    this.#announcer = announcer
    this.#receiver = receiver
    this.#length = shared.replica.length
    shared.replica.events.hear(this)
  }

  /** Who heard for us until now saw the log with this length the last time. */
  goOnFrom(length: number): void {
    this.#length = length
  }

  /** Makes the newest head one that may be shown, if there is anybody to show it to. */
  seal(): void {
    const { replica, peers, clock, events } = this.#shared
    if (this.#isSealing || peers.length === 0 || replica.closed || this.#isSealed()) return
    this.#isSealing = true
    const { length, fork } = replica
    const done = (): void => {
      this.#isSealing = false
      // A head that nobody here may sign alone stays unsealed: only a newer one is worth another try.
      if (replica.length !== length || replica.fork !== fork) this.seal()
    }
    replica.sealed().then(done, (error: unknown) => {
      this.#isSealing = false
      if (replica.closed) return
      events.emit('storage-error', { error })
      clock.after(SEAL_RETRY_MS, () => this.seal())
    })
  }

  close(): void {
    this.#shared.replica.events.unhear(this)
  }

  #isSealed(): boolean {
    const { replica } = this.#shared
    return replica.announcedLength === replica.length && replica.announcedFork === replica.fork
  }

  // ---- What happens to the replica

  append({ length }: ReplicaEvents['append']): void {
    this.#length = length
    this.#shared.version++
    this.seal()
    this.#shared.wake()
  }

  held({ start, length }: ReplicaEvents['held']): void {
    this.#shared.wants.held(start, length)
    this.#announcer.held(start, length)
    this.#shared.wake()
  }

  clear({ start, length }: ReplicaEvents['clear']): void {
    this.#announcer.dropped(start, length)
  }

  /** Requests speak of a fork; those of the old one can't be answered any more. */
  truncate({ length }: ReplicaEvents['truncate']): void {
    const { wants, peers, replica } = this.#shared
    if (length < this.#length) this.#announcer.dropped(length, this.#length - length)
    this.#length = replica.length
    this.#copies.truncated(length)
    this.#horizon.truncated(length)
    wants.truncated(length)
    for (const peer of peers) {
      if (peer.inFlight === 0) continue
      peer.requests.each((flight) => {
        if (!flight.reorg && flight.fork !== replica.fork) {
          this.#receiver.end(peer, flight, 'cancelled')
        }
      })
    }
    this.#shared.version++
    this.seal()
    this.#shared.wake()
  }

  /** First what we hold, then how long we are, as stock peers tell it. */
  announced(): void {
    this.#announcer.flush(true)
    this.#tellAll()
  }

  /** Who shows no blocks yet is asked for nothing, and tells of the manifest with the first of them. */
  manifest(): void {
    if (this.#shared.replica.announcedLength > 0) this.#tellAll()
  }

  #tellAll(): void {
    for (const peer of this.#shared.peers) tell(this.#shared, peer)
  }

  /** Everybody gets our head, so that they can see the conflict themselves; then nothing more is said. */
  conflict(): void {
    const { replica } = this.#shared
    const error = forkedError(replica.conflict, replica.key)
    for (const { peer, head } of this.#shared.conflict) {
      if (head !== undefined && !peer.closed) peer.sender.data(0, head, 0, () => {})
    }
    for (const peer of [...this.#shared.peers]) peer.sender.close(error)
    this.#shared.wants.close(() => error)
  }
}

/**
 * When a pass of the scheduler is made, and what else goes with one.
 *
 * Owns: the wake-ups of one log. A pass is made after each frame and after whatever changed here, in a turn of its own,
 * and while anything is in flight when it may be late. Always true: no pass is made while the store takes nothing, while
 * more is staged than may be in flight, or while more runs wait for the disk than `RUNS_WAITING_MAX`; whatever ends that
 * wakes us.
 */

import type { Timer } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { IN_FLIGHT_BYTES_MAX } from '../base/limits.ts'
import { Turns, type Worker } from '../base/turns.ts'
import type { Announcer } from './announce.ts'
import { isSettled } from './negotiate.ts'
import { checkDeadlines, TICK_MS, untilOverdueMs } from './overdue.ts'
import type { Passenger } from './passage.ts'
import type { Peer } from './peer.ts'
import type { Receiver } from './receive.ts'
import type { Reorgs } from './reorgs.ts'
import { plan } from './schedule.ts'
import type { Shared } from './shared.ts'
import { whyClosed } from './store-rest.ts'
import { unwantAll } from './want.ts'

const RUNS_WAITING_MAX = 4_096
/** So many requests go out at once: what else has come in this turn may take longer to go through than their answers. */
const FLUSH_BLOCKS = 32
const FLUSH_BYTES = 131_072

/** Was somebody looked for, and is nobody here or on the way? */
export function isLonely({ peers, finding, opening, lookedUp }: Shared): boolean {
  return lookedUp && peers.length + finding + opening === 0
}

/** Makes the passes of one log. */
export class Pulse implements Worker, Passenger {
  /** That of the peer for which most is at stake. */
  priority = 0
  readonly #shared: Shared
  readonly #announcer: Announcer
  readonly #receiver: Receiver
  readonly #reorgs: Reorgs
  #isWaking = false
  /** The last pass ended because a frame was full, or its time over. */
  #isMore = false
  /** The end of the turn is noted. */
  #isEnding = false
  #areDeadlinesDue = false
  #tick: Timer | undefined = undefined
  /** When that is. */
  #tickAt = 0
  #closed = false
  readonly #turns: Turns

  constructor(shared: Shared, announcer: Announcer, receiver: Receiver, reorgs: Reorgs) {
    this.#shared = shared
    this.#turns = Turns.on(shared.clock)
    this.#announcer = announcer
    this.#receiver = receiver
    this.#reorgs = reorgs
  }

  /** Peers or what may pass between us have changed. */
  prioritize(): void {
    const { peers } = this.#shared
    this.priority = peers.length === 0 ? 0 : Math.max(...peers.map((peer) => peer.passage.priority))
  }

  /** A lane, or a connection, has room again. */
  onRoom(): void {
    this.#shared.version++
    this.wake()
  }

  /** A pass after what is going on now. Many calls make one. */
  wake(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    this.#turns.add(this)
  }

  /** A mistake of ours here ends the conversations about this log, and nothing else. */
  onTurn(): void {
    this.#isWaking = false
    try {
      this.#pass()
    } catch (error) {
      const reason = error instanceof Error ? error : new DatError('INVARIANT', String(error))
      for (const peer of [...this.#shared.peers]) peer.sender.close(reason)
    }
  }

  #pass(): void {
    const { replica, wants, peers, clock } = this.#shared
    if (this.#closed || replica.frozen) return
    const now = clock.now()
    if (!wants.idle) wants.advance()
    const closed = whyClosed(this.#shared)
    if (closed !== undefined) wants.close(() => closed)
    if (wants.abandoned) this.#cancelUnwanted()
    if (this.#areDeadlinesDue) {
      this.#areDeadlinesDue = false
      checkDeadlines(this.#shared, this.#ablePeers(now), (peer, flight) => {
        this.#receiver.giveUp(peer, flight)
      })
    }
    if (peers.length > 0 && closed === undefined && this.#mayAsk(now)) {
      const able = this.#ablePeers(now)
      this.#reorgs.plan(able)
      this.#isMore = plan(this.#shared, able)
      for (const peer of able) {
        if (peer.frameBlocks >= FLUSH_BLOCKS || peer.frameBytes >= FLUSH_BYTES) peer.endFrame()
      }
      this.#endTurn()
      for (const { budget, passage } of peers) {
        if (!budget.hasRoom) budget.wait(this)
        if (passage.down.isLimited && !wants.idle) passage.down.wait(this)
      }
    }
    if (wants.updates.length > 0) this.#settleUpdates()
    if (wants.idle) {
      for (const peer of peers) {
        unwantAll(peer)
        peer.rest()
      }
    }
    this.#arm(now)
  }

  close(): void {
    this.#closed = true
    this.#tick?.cancel()
  }

  /** Does the store take more, and what has come so far? */
  #mayAsk(now: number): boolean {
    const { restUntil, uncommitted } = this.#shared
    if (now < restUntil || this.#announcer.waiting > RUNS_WAITING_MAX) return false
    let bytes = 0
    for (const batch of uncommitted) bytes += batch.bytes
    return bytes < IN_FLIGHT_BYTES_MAX
  }

  #ablePeers(now: number): Peer[] {
    const able: Peer[] = []
    for (const peer of this.#shared.peers) if (peer.askable(now)) able.push(peer)
    return able
  }

  /** Those who ask for news are told when every peer of the moment was heard. */
  #settleUpdates(): void {
    const { replica, wants, peers, finding, opening, uncommitted } = this.#shared
    if (isLonely(this.#shared)) {
      for (const { waiter } of [...wants.updates]) waiter.expire()
    }
    if (uncommitted.length > 0 || this.#reorgs.isBusy()) return
    if (peers.length === 0 || !peers.every((peer) => isSettled(this.#shared, peer))) return
    for (const { length, fork, waiter } of [...wants.updates]) {
      const grew = replica.length > length || replica.fork !== fork
      if (grew || finding + opening === 0) waiter.answer(grew)
    }
    wants.updates = wants.updates.filter((update) => !update.waiter.ended)
  }

  /** Nobody waits any more for what is in flight: the peer may forget it. */
  #cancelUnwanted(): void {
    const { wants, peers } = this.#shared
    wants.abandoned = false
    for (const peer of peers) {
      if (peer.inFlight === 0) continue
      peer.requests.each((flight) => {
        if (flight.upgradeLength > 0 || flight.reorg) return
        const isWanted =
          flight.seek === undefined ? wants.wants(flight.block) : wants.seeks.includes(flight.seek)
        if (!isWanted) this.#receiver.end(peer, flight, 'cancelled')
      })
    }
  }

  /** What is left of this turn goes out with its end, as one frame, however many passes there were. */
  #endTurn(): void {
    const { peers, clock } = this.#shared
    if (this.#isEnding || !(this.#isMore || peers.some((peer) => peer.frameBlocks > 0))) return
    this.#isEnding = true
    clock.soon(() => {
      this.#isEnding = false
      for (const peer of peers) {
        peer.frameBlocks = 0
        peer.frameBytes = 0
      }
      if (this.#isMore) this.wake()
    })
  }

  /** Deadlines are looked at only while there may be one. */
  #arm(now: number): void {
    const { peers, wants, clock } = this.#shared
    const isWaiting = wants.updates.length > 0 || this.#reorgs.isBusy()
    const isOften = isWaiting || peers.length > 1
    // The only peer is looked at when it may be late, as was found out when this was set.
    if (this.#tick !== undefined && !isOften) return
    if (!isWaiting && !peers.some((peer) => peer.inFlight > 0)) return
    const [only] = peers
    const at = now + (isOften || only === undefined ? TICK_MS : untilOverdueMs(only, now))
    if (this.#tick !== undefined && this.#tickAt <= at) return
    this.#tick?.cancel()
    this.#tickAt = at
    this.#tick = clock.after(at - now, () => {
      this.#tick = undefined
      this.#areDeadlinesDue = true
      this.wake()
    })
  }
}

/**
 * What the rooms of one log's replicator have in common.
 *
 * Owns: the object itself and the order that goes from the scheduler to the exchange. Who changes what:
 * `exchange.ts` takes and gives back reservations (flights, windows, `upgrade`), `negotiate.ts` the peers'
 * state, `announce.ts` what they were told, `wants.ts` its lists. Everybody reads everything.
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import type { DatError } from '../base/errors.ts'
import type { ReplicaEvents } from '../log/events.ts'
import type { Replica } from '../log/replica.ts'
import type { Proof } from '../tree/proof.ts'
import type { Flights } from './flights.ts'
import type { Peer } from './peer.ts'
import type { Flight } from './requests.ts'
import type { SeekWant, Wants } from './wants.ts'

/** News of one log and its peers: told by the replica, whose handles hear them too. */
export type ReplicatorEvents = ReplicaEvents

/** What one frame brought. */
export interface Batch {
  /** Lowest block number in it; Infinity for none. */
  lowest: number
  blocks: number
  bytes: number
}

/** The state of one log among its peers. */
export interface Shared {
  readonly replica: Replica
  readonly clock: Clock
  readonly events: Emitter<ReplicatorEvents>
  readonly flights: Flights
  readonly wants: Wants
  readonly peers: Peer[]
  /** A number in 0 .. 1 from the seeded generator. */
  readonly random: () => number
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** The one upgrade that is in flight, with any peer. */
  upgrade: { readonly peer: Peer; readonly flight: Flight } | undefined
  /** Grows whenever there may be something new to ask for; peers remember where they ran dry. */
  version: number
  /** Somebody here wants this log: heads are fetched as they appear. */
  downloading: boolean
  /** Look-ups for peers that are under way, and whether one has ended. */
  finding: number
  lookedUp: boolean
  /** Conversations that we have opened and the remote has not answered yet. */
  opening: number
  /** What is verified and staged, and not yet known to be kept; one entry per frame. */
  uncommitted: Batch[]
  /** Two histories are known: our head for each peer, to be sent when that is on the disk. */
  conflict: readonly { readonly peer: Peer; readonly head: Proof | undefined }[]
  /** No requests before this: the store did not take what came last. */
  restUntil: number
  /** The store had no room for a block: until it has, none is asked for. */
  full: DatError | undefined
  /** Until then it counts as full, whatever it says of its room. */
  fullUntil: number
  /** Look for something to ask, after what is going on now. */
  wake(): void
}

/** One request as the scheduler wants it; the exchange adds the id and, for a block, the nodes. */
export interface Order {
  block: number
  /** Node of a hash request, or -1. */
  hash: number
  nodes: number
  seek: SeekWant | undefined
  upgradeStart: number
  upgradeLength: number
  manifest: boolean
  urgent: boolean
  /** The fork that is asked about. */
  fork: number
  reorg: boolean
}

/** A request about `fork` that asks for nothing yet. */
export function newOrder(fork: number): Order {
  return {
    block: -1,
    hash: -1,
    nodes: 0,
    seek: undefined,
    upgradeStart: 0,
    upgradeLength: 0,
    manifest: false,
    urgent: false,
    fork,
    reorg: false,
  }
}

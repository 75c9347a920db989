/**
 * Who comes in, which logs are spoken about with whom, and how fast.
 *
 * Owns: what decides that: the policy's rules (`policy.ts`), the bans (`bans.ts`), how peers have behaved
 * (`standing.ts`), and the lanes in which bytes are counted: two for the store, two for each peer that is connected, two
 * for each log that has a rule. It decides and counts; connections act. Always true: lanes of a peer or a log go on
 * counting while it is connected, or has a rule, whatever the policy becomes.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { fromHex, hex } from '../bytes/bytes.ts'
import { keyBytes } from '../crypto/links.ts'
import { Lane, type Passage, Way } from '../replicator/passage.ts'
import type { Store } from '../store/store.ts'
import { Bans } from './bans.ts'
import { type Limits, type Policy, Rules } from './policy.ts'
import { isOffence, Standing } from './standing.ts'

/** What passed one way. Blocks with their proofs, as `uploadRate` and `downloadRate` count them. */
export interface Flow {
  readonly bytes: number
  /** In the last second or more. */
  readonly bytesPerSecond: number
  /** Bytes per second; `Infinity` for no limit. */
  readonly limit: number
}

/** What passed both ways. */
export interface Flows {
  readonly up: Flow
  readonly down: Flow
}

/** What passed with one peer, and how it has behaved. */
export interface PeerTraffic extends Flows {
  readonly remotePublicKey: Uint8Array
  /** Times that it broke the rules of a conversation, or of the connection. */
  readonly offences: number
  /** Logs that are not spoken about with it for a while because of that. */
  readonly resting: number
}

/** A store's traffic at one moment. */
export interface Traffic extends Flows {
  /** Those that are connected. */
  readonly peers: readonly PeerTraffic[]
  /** Those that the policy has a rule about. */
  readonly logs: readonly ({ readonly key: Uint8Array } & Flows)[]
}

interface Lanes {
  readonly up: Lane
  readonly down: Lane
}

interface PeerLanes extends Lanes {
  connections: number
  /** Of all logs that have no rule of their own. */
  plain: Passage | undefined
}

export class Gate {
  readonly #clock: Clock
  readonly #bans: Bans
  readonly #standing = new Standing()
  #lastKey: Uint8Array | undefined
  #lastId = ''
  readonly #store: Lanes
  readonly #peers = new Map<string, PeerLanes>()
  readonly #logs = new Map<string, Lanes>()
  #rules = new Rules({})

  constructor(store: Store, clock: Clock, policy: Policy) {
    this.#clock = clock
    this.#bans = new Bans(store)
    this.#store = newLanes(clock)
    this.setPolicy(policy)
  }

  get policy(): Policy {
    return this.#rules.policy
  }

  get bans(): Bans {
    return this.#bans
  }

  /** Holds for what is asked from now on. @throws DatError BAD_ARGUMENT, and the policy is as before */
  setPolicy(policy: Policy): void {
    this.#rules = new Rules(policy)
    setLimits(this.#store, policy)
    for (const [id, lanes] of this.#peers) {
      lanes.plain = undefined
      setLimits(lanes, this.#rules.peer(fromHex(id)) ?? {})
    }
    for (const [id, lanes] of this.#logs) {
      if (this.#rules.log(fromHex(id)) !== undefined) continue
      close(lanes)
      this.#logs.delete(id)
    }
    for (const rule of policy.logs ?? []) {
      const id = hex(keyBytes(rule.key))
      const lanes = this.#logs.get(id) ?? newLanes(this.#clock)
      this.#logs.set(id, lanes)
      setLimits(lanes, rule)
    }
  }

  // ---- Connections ----

  /** Why there may be no connection with this peer now. */
  excludes(remotePublicKey: Uint8Array): DatError | undefined {
    const peer = hex(remotePublicKey)
    const restMs = this.#standing.restMs(peer, '', this.#clock.now())
    let message: string | undefined
    if (this.#bans.has(remotePublicKey)) message = 'The peer is banned; `unban` lets it in.'
    else if (!this.#rules.admits(remotePublicKey)) message = 'The policy excludes the peer.'
    else if (restMs > 0) message = 'The peer broke the rules of a connection; try again later.'
    return message === undefined ? undefined : new DatError('DENIED', message, { peer, restMs })
  }

  /** A connection begins. */
  enter(remotePublicKey: Uint8Array): void {
    const id = hex(remotePublicKey)
    let lanes = this.#peers.get(id)
    if (lanes === undefined) {
      lanes = { ...newLanes(this.#clock), connections: 0, plain: undefined }
      setLimits(lanes, this.#rules.peer(remotePublicKey) ?? {})
      this.#peers.set(id, lanes)
    }
    lanes.connections++
  }

  /** It has ended, with what went wrong. */
  leave(remotePublicKey: Uint8Array, error: Error | undefined): void {
    const id = hex(remotePublicKey)
    const lanes = this.#peers.get(id)
    if (isOffence(error)) this.#standing.offence(id, '', this.#clock.now())
    if (lanes === undefined || --lanes.connections > 0) return
    close(lanes)
    this.#peers.delete(id)
  }

  // ---- Conversations ----

  /** Are all logs treated alike with all peers, so that it need not even be known which is asked about? */
  get isBlind(): boolean {
    return this.#standing.isEmpty && this.#rules.isBlind
  }

  /** May the log be spoken about with the peer now? */
  offers(key: Uint8Array, remotePublicKey: Uint8Array): boolean {
    if (!this.#rules.offers(key, remotePublicKey)) return false
    return this.restMs(key, remotePublicKey) === 0
  }

  restMs(key: Uint8Array, remotePublicKey: Uint8Array): number {
    if (this.#standing.isEmpty) return 0
    return this.#standing.restMs(hex(remotePublicKey), hex(key), this.#clock.now())
  }

  /** A conversation has ended by the remote's fault. Returns for how many milliseconds there is no other one. */
  offence(key: Uint8Array, remotePublicKey: Uint8Array): number {
    return this.#standing.offence(hex(remotePublicKey), hex(key), this.#clock.now())
  }

  /** What may pass in a conversation, as of now. */
  passage(key: Uint8Array, remotePublicKey: Uint8Array): Passage {
    const peer = this.#peers.get(this.#idOf(remotePublicKey))
    const rule = this.#rules.log(key)
    if (rule !== undefined) {
      return this.#compose(remotePublicKey, [this.#logs.get(hex(key)), peer], [rule])
    }
    if (peer?.plain !== undefined) return peer.plain
    const passage = this.#compose(remotePublicKey, [peer], [])
    if (peer !== undefined) peer.plain = passage
    return passage
  }

  /** Ten thousand logs are asked about with one peer after another: its key is the same object each time. */
  #idOf(remotePublicKey: Uint8Array): string {
    if (this.#lastKey !== remotePublicKey) {
      this.#lastKey = remotePublicKey
      this.#lastId = hex(remotePublicKey)
    }
    return this.#lastId
  }

  traffic(): Traffic {
    const now = this.#clock.now()
    const peers: PeerTraffic[] = []
    for (const [id, lanes] of this.#peers) {
      const standing = this.#standing.of(id, now)
      peers.push({ remotePublicKey: fromHex(id), ...flows(lanes), ...standing })
    }
    const logs = [...this.#logs].map(([id, lanes]) => ({ key: fromHex(id), ...flows(lanes) }))
    return { ...flows(this.#store), peers, logs }
  }

  /** No lane has a timer any more. */
  close(): void {
    for (const lanes of [this.#store, ...this.#peers.values(), ...this.#logs.values()]) close(lanes)
  }

  #compose(
    remotePublicKey: Uint8Array,
    narrow: readonly (Lanes | undefined)[],
    rules: readonly (Limits & { readonly priority?: number })[],
  ): Passage {
    const peerRule = this.#rules.peer(remotePublicKey)
    const all = peerRule === undefined ? rules : [peerRule, ...rules]
    const limits: readonly Limits[] = [this.policy, ...all]
    const lanes = [...narrow, this.#store].filter((each) => each !== undefined)
    return {
      uploads: limits.every(({ upload = true }) => upload),
      downloads: limits.every(({ download = true }) => download),
      priority: all.reduce((sum, { priority = 0 }) => sum + priority, 0),
      up: new Way(lanes.map(({ up }) => up)),
      down: new Way(lanes.map(({ down }) => down)),
    }
  }
}

function newLanes(clock: Clock): Lanes {
  return { up: new Lane(clock), down: new Lane(clock) }
}

function setLimits(lanes: Lanes, limits: Limits): void {
  lanes.up.limit = limits.uploadRate ?? Number.POSITIVE_INFINITY
  lanes.down.limit = limits.downloadRate ?? Number.POSITIVE_INFINITY
}

function close({ up, down }: Lanes): void {
  up.close()
  down.close()
}

function flows({ up, down }: Lanes): Flows {
  return { up: flow(up), down: flow(down) }
}

function flow({ bytes, bytesPerSecond, limit }: Lane): Flow {
  return { bytes, bytesPerSecond, limit }
}

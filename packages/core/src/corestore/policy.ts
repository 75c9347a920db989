/**
 * What a store says to whom: the rules of its owner, and what follows from them for one peer or one log.
 *
 * Owns: the type `Policy`, its checks, and `Rules`, the same as look-ups. Nothing here has a life: no clock, no
 * connection, no log. Always true: rules only take away. A conversation takes place if every rule that concerns
 * it allows it, its switches are on where all of them are, and its bytes count against the rate of each.
 */

import { DatError } from '../base/errors.ts'
import { hex } from '../bytes/bytes.ts'
import { type KeyLike, keyBytes } from '../crypto/links.ts'

/** Switches and rates; what is left out takes nothing away. */
export interface Limits {
  /** Serve blocks. Default true. */
  readonly upload?: boolean
  /** Ask for blocks and for news. Default true. */
  readonly download?: boolean
  /** Bytes per second, above 0. Default `Infinity`. */
  readonly uploadRate?: number
  readonly downloadRate?: number
}

/** Which logs are spoken about: all, those with these keys, or those for which the function says so. */
export type Offer = 'all' | 'none' | readonly KeyLike[] | OfferFunction

/** Asked when a conversation is to begin, and of all that go on when the policy is set. Must be quick; throwing is no. */
export type OfferFunction = (key: Uint8Array, remotePublicKey: Uint8Array) => boolean

/** What holds for one log, with every peer. */
export interface LogRule extends Limits {
  readonly key: KeyLike
  /** The only peers that the log is spoken about with. Default: all. */
  readonly peers?: readonly KeyLike[]
  /** Higher is served and asked for first; it adds to that of the peer. Default 0. */
  readonly priority?: number
}

/** What holds for one peer, about every log. */
export interface PeerRule extends Limits {
  readonly remotePublicKey: KeyLike
  /** Which logs are spoken about with it. Default: all. */
  readonly offer?: Offer
  /** Higher is served and asked first. Default 0. */
  readonly priority?: number
}

/** What holds for a store. `{}` allows everything. */
export interface Policy extends Limits {
  readonly offer?: Offer
  readonly logs?: readonly LogRule[]
  readonly peers?: readonly PeerRule[]
  /** Only these peers are connected with. Default: all. */
  readonly allow?: readonly KeyLike[]
  /** These peers are not, whatever else is said. */
  readonly deny?: readonly KeyLike[]
}

/** A policy as look-ups. */
export class Rules {
  readonly policy: Policy
  readonly #offer: OfferFunction | undefined
  readonly #logs = new Map<string, LogRule>()
  readonly #logPeers = new Map<string, ReadonlySet<string>>()
  readonly #peers = new Map<string, PeerRule>()
  readonly #peerOffers = new Map<string, OfferFunction>()
  readonly #allow: ReadonlySet<string> | undefined
  readonly #deny: ReadonlySet<string>

  /** @throws DatError BAD_ARGUMENT for keys of the wrong length, rates that are none, and two rules about one thing */
  constructor(policy: Policy) {
    this.policy = policy
    checkLimits(policy)
    this.#offer = offerFunction(policy.offer)
    for (const rule of policy.logs ?? []) this.#addLog(rule)
    for (const rule of policy.peers ?? []) this.#addPeer(rule)
    this.#allow = policy.allow === undefined ? undefined : keySet(policy.allow)
    this.#deny = keySet(policy.deny ?? [])
  }

  /** May there be a connection with this peer? */
  admits(remotePublicKey: Uint8Array): boolean {
    if (this.#allow === undefined && this.#deny.size === 0) return true
    const id = hex(remotePublicKey)
    return !this.#deny.has(id) && (this.#allow?.has(id) ?? true)
  }

  /** Is there no rule about any log? */
  get isBlind(): boolean {
    return this.#offer === undefined && this.#logs.size === 0 && this.#peerOffers.size === 0
  }

  /** May the log with this key be spoken about with this peer? */
  offers(key: Uint8Array, remotePublicKey: Uint8Array): boolean {
    if (this.#offer?.(key, remotePublicKey) === false) return false
    if (this.#logPeers.size > 0) {
      if (this.#logPeers.get(hex(key))?.has(hex(remotePublicKey)) === false) return false
    }
    if (this.#peerOffers.size === 0) return true
    return this.#peerOffers.get(hex(remotePublicKey))?.(key, remotePublicKey) ?? true
  }

  log(key: Uint8Array): LogRule | undefined {
    return this.#logs.size === 0 ? undefined : this.#logs.get(hex(key))
  }

  peer(remotePublicKey: Uint8Array): PeerRule | undefined {
    return this.#peers.size === 0 ? undefined : this.#peers.get(hex(remotePublicKey))
  }

  #addLog(rule: LogRule): void {
    checkLimits(rule)
    const id = checkKey(rule.key)
    if (this.#logs.has(id)) throw twice('log')
    this.#logs.set(id, rule)
    if (rule.peers !== undefined) this.#logPeers.set(id, keySet(rule.peers))
  }

  #addPeer(rule: PeerRule): void {
    checkLimits(rule)
    const id = checkKey(rule.remotePublicKey)
    if (this.#peers.has(id)) throw twice('peer')
    this.#peers.set(id, rule)
    const offer = offerFunction(rule.offer)
    if (offer !== undefined) this.#peerOffers.set(id, offer)
  }
}

/** `undefined` for all. */
function offerFunction(offer: Offer | undefined): OfferFunction | undefined {
  if (offer === undefined || offer === 'all') return undefined
  if (offer === 'none') return () => false
  if (typeof offer === 'function') return guarded(offer)
  const keys = keySet(offer)
  return (key) => keys.has(hex(key))
}

/** It is called from within connections, which a mistake in it must not end. */
function guarded(offer: OfferFunction): OfferFunction {
  return (key, remotePublicKey) => {
    try {
      return offer(key, remotePublicKey)
    } catch {
      return false
    }
  }
}

function keySet(keys: readonly KeyLike[]): ReadonlySet<string> {
  return new Set(keys.map(checkKey))
}

function checkKey(key: KeyLike): string {
  return hex(keyBytes(key, 'key in a policy'))
}

function checkLimits({ uploadRate, downloadRate }: Limits): void {
  for (const rate of [uploadRate, downloadRate]) {
    if (rate === undefined || rate > 0) continue
    const message = 'A rate is a number of bytes per second above 0; to stop, switch upload off.'
    throw new DatError('BAD_ARGUMENT', message, { rate })
  }
}

function twice(what: string): DatError {
  return new DatError('BAD_ARGUMENT', `The policy has two rules about one ${what}; make them one.`)
}

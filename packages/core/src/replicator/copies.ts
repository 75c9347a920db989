/**
 * What each peer claims to hold of this log: remembered, taken back, and waited for.
 *
 *     have, bitfield ──▶ claim of the peer ──soon──▶ the log's own data
 *     unhave, bitfield ──▶ less of it       ──at once──▶
 *
 * Owns: the claims by public key. They outlive connections and restarts, and are kept for logs that are written
 * here and for those that somebody asked about. Always true: a claim shrinks as soon as its peer says so or the
 * history is cut; it is about blocks that exist; at most `COPY_PEERS_MAX` peers are remembered, those heard
 * last. Our own side announces only what is on its disk, so a peer that dies before that is not counted.
 * While somebody waits, peers are asked again what they hold, since they do not tell the author what he has.
 */

import type { Timer } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DatError } from '../base/errors.ts'
import {
  CHALLENGE_BLOCKS,
  CHALLENGE_BLOCKS_MAX,
  COPIES_SAVE_MS,
  COPY_PEERS_MAX,
  WANT_BLOCKS_MAX,
} from '../base/limits.ts'
import { Turns, type Worker } from '../base/turns.ts'
import { equal, hex } from '../bytes/bytes.ts'
import type { CopyClaim, ReplicatedOptions } from '../log/copies.ts'
import { Availability } from './availability.ts'
import type { Challenges, Outcome } from './challenges.ts'
import { COPIES_RECORD, decodeClaims, encodeClaims, runsOf } from './copies-record.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'
import { wantAgain } from './want.ts'

/** Is never added to. */
const NOBODY: Set<Wait> = new Set()
/** First and longest pause between two questions while somebody waits. */
const ASK_MS = 250
const ASK_MS_MAX = 4_000
/** Batches of blocks that one question is about. */
const ASK_BATCHES_MAX = 8

interface Claim {
  readonly remotePublicKey: Uint8Array
  readonly held: Availability
  /** When it last passed a challenge, and took nothing back since; 0 for never. */
  verifiedAt: number
}

interface Wait {
  readonly start: number
  readonly end: number
  readonly copies: number
  readonly connected: boolean
  /** Blocks of a challenge; 0 if claims are believed. */
  readonly verify: number
  /** Who passed one, by public key. */
  readonly verified: Set<string>
  resolve(): void
  reject(error: DatError): void
}

export class Copies implements Worker {
  readonly priority = 0
  readonly #shared: Shared
  readonly #challenges: Challenges
  /** By public key, those heard last at the end; undefined while nobody wants to know. */
  #claims: Map<string, Claim> | undefined
  /** Are claims about this log remembered? */
  #kept: boolean | undefined
  #saved: Uint8Array | undefined
  #timer: Timer | undefined
  #asking: Timer | undefined
  #askMs = ASK_MS
  #waits: Set<Wait> = NOBODY
  #isClosed = false

  constructor(shared: Shared, challenges: Challenges) {
    this.#shared = shared
    this.#challenges = challenges
  }

  // ---- What peers say ----

  have(peer: Peer, start: number, length: number): void {
    if (!this.#isKept() || !this.#isOurs(peer)) return
    const end = Math.min(start + length, this.#shared.replica.length)
    const claim = this.#claimOf(peer)
    if (start >= end || claim.held.nextMissing(start, end) >= end) return
    claim.held.have(start, end - start)
    this.#changed(peer.remotePublicKey, COPIES_SAVE_MS)
  }

  /** Claims only become less by this, so it holds whatever history the peer is at. */
  unhave(peer: Peer, start: number, length: number): void {
    const claim = this.#isKept() ? this.#load().get(hex(peer.remotePublicKey)) : undefined
    if (claim === undefined || claim.held.nextHeld(start, start + length) >= start + length) return
    claim.held.unhave(start, length)
    claim.verifiedAt = 0
    this.#changed(peer.remotePublicKey, 0)
  }

  /** A bitfield is the whole truth about its range. */
  bitfield(peer: Peer, start: number, words: Uint32Array): void {
    if (!this.#isKept() || !this.#isOurs(peer)) return
    const { length } = this.#shared.replica
    const end = Math.min(start + 32 * words.length, length)
    const claim = this.#claimOf(peer)
    const { held } = claim
    const before = runsOf(held, length)
    held.words(start, words, length)
    const lost = before.some((run) => {
      const from = Math.max(run.start, start)
      return from < end && held.nextMissing(from, Math.min(run.end, end)) < Math.min(run.end, end)
    })
    if (lost) claim.verifiedAt = 0
    this.#changed(peer.remotePublicKey, lost ? 0 : COPIES_SAVE_MS)
  }

  /** Our history was cut: what lay above were other blocks. */
  truncated(length: number): void {
    if (!this.#isKept()) return
    for (const claim of this.#load().values()) {
      claim.held.truncate(length)
      claim.verifiedAt = 0
    }
    this.#later(0)
  }

  // ---- What is asked of us ----

  list(): CopyClaim[] {
    const { length } = this.#shared.replica
    const claims: CopyClaim[] = []
    for (const { remotePublicKey, held, verifiedAt } of this.#load().values()) {
      const ranges = runsOf(held, length)
      if (ranges.length === 0) continue
      claims.push({
        remotePublicKey,
        ranges,
        connected: this.#isConnected(remotePublicKey),
        verifiedAt: verifiedAt === 0 ? undefined : verifiedAt,
      })
    }
    return claims
  }

  /** Blocks from 0 on that somebody claims without a gap, as far as claims are remembered. */
  get contiguous(): number {
    const { length } = this.#shared.replica
    let most = 0
    for (const { held } of this.#claims?.values() ?? []) {
      most = Math.max(most, held.nextMissing(0, length))
    }
    return most
  }

  /** Resolves, with the claims, when enough peers claim the range, prove it if they must, and that is kept. */
  async replicated(options: ReplicatedOptions): Promise<CopyClaim[]> {
    const { replica, clock } = this.#shared
    const { start = 0, copies = 1, connected = false } = options
    const { length = Math.max(0, replica.length - start) } = options
    const verify = challengeBlocks(options.verify)
    check(start, length, copies)
    this.#load()
    const wait = newWait({ start, end: start + length, copies, connected, verify })
    if (!this.#isMet(wait)) {
      this.#begin(wait)
      try {
        await within(wait.promise, clock, options)
      } finally {
        this.#waits.delete(wait)
      }
    }
    await this.#save()
    const holders = this.#holders(wait)
    return this.list().filter((claim) => holders.some((key) => equal(key, claim.remotePublicKey)))
  }

  /** A conversation begins or ends: who waits is interested. */
  peersChanged(): void {
    this.#look()
  }

  close(errorOf: () => DatError): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#asking?.cancel()
    for (const wait of this.#waits) wait.reject(errorOf())
    void this.#save().catch(() => {})
  }

  // ---- Inside ----

  /** Found out when a peer first says something: most logs that are opened hear nothing. */
  #isKept(): boolean {
    const { replica } = this.#shared
    this.#kept ??= replica.writable || replica.slot.userData(COPIES_RECORD) !== undefined
    return this.#kept
  }

  /** Remembers from now on, beginning with what is stored and what peers have said already. */
  #load(): Map<string, Claim> {
    if (this.#claims !== undefined) return this.#claims
    const claims = new Map<string, Claim>()
    this.#claims = claims
    this.#kept = true
    const { replica, peers } = this.#shared
    this.#saved = replica.slot.userData(COPIES_RECORD)
    const stored = this.#saved === undefined ? [] : decodeClaims(this.#saved, replica.fork)
    for (const { remotePublicKey, verifiedAt, runs } of stored) {
      const held = new Availability()
      for (const { start, end } of runs) held.have(start, end - start)
      claims.set(hex(remotePublicKey), { remotePublicKey, held, verifiedAt })
    }
    for (const peer of peers) {
      for (const { start, end } of runsOf(peer.has, replica.length)) {
        this.have(peer, start, end - start)
      }
    }
    return claims
  }

  /** A peer without a name can't be told from another one. */
  #isOurs(peer: Peer): boolean {
    return peer.remotePublicKey.length > 0 && peer.fork === this.#shared.replica.fork
  }

  #isConnected(key: Uint8Array): boolean {
    return this.#shared.peers.some((peer) => equal(peer.remotePublicKey, key))
  }

  #claimOf({ remotePublicKey }: Peer): Claim {
    const claims = this.#load()
    const id = hex(remotePublicKey)
    const claim = claims.get(id) ?? { remotePublicKey, held: new Availability(), verifiedAt: 0 }
    claims.delete(id)
    claims.set(id, claim)
    const oldest = claims.keys().next().value
    if (claims.size > COPY_PEERS_MAX && oldest !== undefined) claims.delete(oldest)
    return claim
  }

  #holders({ start, end, connected, verify, verified }: Wait): Uint8Array[] {
    const keys: Uint8Array[] = []
    for (const { remotePublicKey, held } of this.#claims?.values() ?? []) {
      if (held.nextMissing(start, end) < end) continue
      if (verify > 0 && !verified.has(hex(remotePublicKey))) continue
      if (!connected || this.#isConnected(remotePublicKey)) keys.push(remotePublicKey)
    }
    return keys
  }

  #isMet(wait: Wait): boolean {
    return this.#holders(wait).length >= wait.copies
  }

  #changed(remotePublicKey: Uint8Array, saveMs: number): void {
    this.#later(saveMs)
    this.#look()
    this.#shared.replica.events.emit('copies', { remotePublicKey })
  }

  #look(): void {
    for (const wait of this.#waits) {
      if (this.#isMet(wait)) wait.resolve()
      else if (wait.verify > 0) this.#challenge(wait)
    }
  }

  // ---- Waiting ----

  #begin(wait: Wait): void {
    if (this.#waits === NOBODY) this.#waits = new Set()
    this.#waits.add(wait)
    this.#askMs = ASK_MS
    this.#asking?.cancel()
    this.#ask()
    if (wait.verify > 0) this.#challenge(wait)
  }

  /** Asks those who claim the range, and were not asked for this wait or were late, for blocks of it. */
  #challenge(wait: Wait): void {
    const { start, end, verify, verified } = wait
    for (const peer of this.#shared.peers) {
      const id = hex(peer.remotePublicKey)
      const held = this.#claims?.get(id)?.held
      if (held === undefined || held.nextMissing(start, end) < end || verified.has(id)) continue
      const isAble = this.#isOurs(peer) && peer.askable(this.#shared.clock.now())
      if (!isAble || this.#challenges.isOpen(peer)) continue
      this.#challenges.begin(peer, start, end, verify, (outcome, block) =>
        this.#onChallenged(wait, peer, outcome, block),
      )
    }
  }

  #onChallenged(wait: Wait, peer: Peer, outcome: Outcome, block: number): void {
    if (this.#isClosed) return
    if (outcome === 'passed') {
      wait.verified.add(hex(peer.remotePublicKey))
      this.#claimOf(peer).verifiedAt = this.#shared.wallNow()
      this.#changed(peer.remotePublicKey, 0)
    } else if (outcome === 'lacks') this.unhave(peer, block, 1)
    // Whoever has other blocks than he says has none.
    else if (outcome === 'lied') this.unhave(peer, 0, this.#shared.replica.length)
  }

  /** Asks those who may have come to hold what is waited for, and again later. */
  #ask(): void {
    this.#asking = undefined
    if (this.#isClosed || this.#waits.size === 0) return
    for (const wait of this.#waits) {
      const { start, end } = wait
      if (wait.verify > 0) this.#challenge(wait)
      const last = Math.min(end, start + ASK_BATCHES_MAX * WANT_BLOCKS_MAX)
      for (const peer of this.#shared.peers) {
        if (!this.#isOurs(peer) || peer.closed) continue
        const from = this.#claimOf(peer).held.nextMissing(start, end)
        for (let at = from; at < last; at += WANT_BLOCKS_MAX) wantAgain(this.#shared, peer, at)
      }
    }
    this.#asking = this.#shared.clock.after(this.#askMs, () => this.#ask())
    this.#askMs = Math.min(2 * this.#askMs, ASK_MS_MAX)
  }

  // ---- Keeping ----

  #later(ms: number): void {
    const { clock } = this.#shared
    if (ms > 0) {
      // Ten thousand logs that heard something in one moment have their timers in one, too.
      this.#timer ??= clock.after(ms, () => Turns.on(clock).add(this))
      return
    }
    this.#timer?.cancel()
    this.onTurn()
  }

  /** What was heard is kept now. */
  onTurn(): void {
    this.#timer = undefined
    if (!this.#isClosed) this.#saveOrTell()
  }

  #saveOrTell(): void {
    this.#save().catch((error: unknown) => {
      if (!this.#isClosed) this.#shared.events.emit('storage-error', { error })
    })
  }

  #save(): Promise<void> {
    const { replica } = this.#shared
    if (this.#claims === undefined || replica.closed || !replica.store.writable) {
      return Promise.resolve()
    }
    const claims = [...this.#claims.values()].map(({ remotePublicKey, held, verifiedAt }) => {
      return { remotePublicKey, verifiedAt, runs: runsOf(held, replica.length) }
    })
    const bytes = encodeClaims(
      replica.fork,
      claims.filter(({ runs }) => runs.length > 0),
    )
    if (this.#saved !== undefined && equal(this.#saved, bytes)) return Promise.resolve()
    if (this.#saved === undefined && claims.length === 0) return Promise.resolve()
    replica.setUserData(COPIES_RECORD, bytes)
    this.#saved = bytes
    return replica.commit().catch((error: unknown) => {
      this.#saved = undefined
      throw error
    })
  }
}

function newWait(
  wanted: Pick<Wait, 'start' | 'end' | 'copies' | 'connected' | 'verify'>,
): Wait & { promise: Promise<void> } {
  let resolve: () => void = () => {}
  let reject: (error: DatError) => void = () => {}
  const promise = new Promise<void>((onMet, onError) => {
    resolve = onMet
    reject = onError
  })
  // Nobody may be listening any more when the log is closed.
  promise.catch(() => {})
  return { ...wanted, verified: new Set(), resolve, reject, promise }
}

function challengeBlocks(verify: boolean | number = false): number {
  const blocks = typeof verify === 'number' ? verify : verify ? CHALLENGE_BLOCKS : 0
  if (Number.isSafeInteger(blocks) && blocks >= 0 && blocks <= CHALLENGE_BLOCKS_MAX) return blocks
  throw new DatError('BAD_ARGUMENT', 'A challenge has 1 to 256 blocks.', { blocks })
}

function check(start: number, length: number, copies: number): void {
  for (const value of [start, length, copies]) {
    if (Number.isSafeInteger(value) && value >= 0) continue
    throw new DatError('BAD_ARGUMENT', 'A whole number from 0 on is needed.', { value })
  }
}

/**
 * The idle conversations about one log, until somebody wants its replicator.
 *
 * Owns: the list of them, and hearing what happens to the log meanwhile: anything that a peer must know of makes the
 * replicator, which takes over all of them and hears that event itself. Also the time for which a log that nobody holds
 * is still spoken about.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Hearer } from '../base/emitter.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { ReplicaEvents } from '../log/events.ts'
import type { Replica } from '../log/replica.ts'
import type { Sender } from '../wire/messages.ts'
import type { Follow } from './follow.ts'
import type { AttachOptions } from './handler.ts'
import { type IdleCarrier, type IdleHome, IdleRows } from './idle.ts'
import { IdleClaims } from './idle-claims.ts'
import { IdlePeer } from './idle-peer.ts'
import { lingerMs } from './negotiate.ts'
import { OPEN, type Passage } from './passage.ts'
import type { Replicator } from './replicator.ts'

/** The log as its holder has it. */
export interface IdleHost {
  readonly replica: Replica
  readonly clock: Clock
  /** Does somebody here hold it? */
  readonly isHeld: boolean
  /** Made now if need be; then the conversations are moved there, by `IdleLog.moveTo`. */
  readonly replicator: Replicator
}

/** Where one of the conversations is. */
interface Place {
  readonly rows: IdleRows
  readonly row: number
}

/** The list is replaced, never changed in place: most have one. */
const NONE: readonly Place[] = []

/** What carries one conversation that has an object. */
class Alone implements IdleCarrier {
  readonly #sender: Sender
  readonly #options: AttachOptions

  constructor(sender: Sender, options: AttachOptions) {
    this.#sender = sender
    this.#options = options
  }

  get remotePublicKey(): Uint8Array {
    return this.#options.remotePublicKey ?? EMPTY
  }

  brief(): Sender {
    return this.#sender
  }

  sender(): Sender {
    return this.#sender
  }

  options(): AttachOptions {
    return this.#options
  }
}

/** Those about one log. */
export class IdleLog implements IdleHome, Hearer<ReplicaEvents> {
  downloading: boolean
  readonly #host: IdleHost
  #peers: readonly Place[] = NONE
  /** Length before the change that an event tells of. */
  readonly #length: number
  readonly #random: () => number
  #linger: Timer | undefined = undefined

  constructor(host: IdleHost, random: () => number = Math.random) {
    this.#random = random
    const { replica, isHeld } = host
    this.#host = host
    this.downloading = isHeld
    this.#length = replica.length
    replica.events.hear(this)
  }

  get replica(): Replica {
    return this.#host.replica
  }

  get claims(): IdleClaims {
    return IdleClaims.on(this.#host.clock)
  }

  get replicator(): Replicator {
    return this.#host.replicator
  }

  get count(): number {
    return this.#peers.length
  }

  /** Who is spoken to. */
  *peerKeys(): Generator<Uint8Array> {
    for (const { rows } of this.#peers) yield rows.carrier.remotePublicKey
  }

  /** A new conversation, for which `mayBeIdle` holds, has a row. */
  begin(rows: IdleRows, row: number, passage: Passage): void {
    const place = { rows, row }
    this.#peers = this.#peers === NONE ? [place] : [...this.#peers, place]
    rows.begin(row, this, passage)
    const { events } = this.replica
    const { remotePublicKey } = rows.carrier
    if (events.has('peer-add')) events.emit('peer-add', { remotePublicKey })
  }

  /** The same for one that has an object: it is the only row of its own. */
  attach(sender: Sender, options: AttachOptions): IdlePeer {
    const rows = new IdleRows(new Alone(sender, options))
    this.begin(rows, 0, options.passage ?? OPEN)
    return new IdlePeer(rows, 0)
  }

  idleEnded(rows: IdleRows, row: number): void {
    const left = this.#peers.filter((place) => place.rows !== rows || place.row !== row)
    this.#peers = left.length === 0 ? NONE : left
  }

  /** Somebody holds the log again, or nobody does any more: then it lingers for a while. */
  setDownloading(wanted: boolean): void {
    this.#linger?.cancel()
    this.#linger = undefined
    if (wanted === this.downloading) return
    if (wanted || this.#peers.length === 0) this.#tellDownloading(wanted)
    else {
      this.#linger = this.#host.clock.after(lingerMs(this.#random()), () => {
        this.#tellDownloading(false)
      })
    }
  }

  #tellDownloading(wanted: boolean): void {
    this.downloading = wanted
    for (const { rows, row } of this.#peers) rows.tellAgain(row)
  }

  /** The replicator is made. */
  moveTo(replicator: Replicator): void {
    this.#linger?.cancel()
    this.replica.events.unhear(this)
    for (const { rows, row } of this.#peers) rows.moveTo(row, replicator)
    this.#peers = NONE
  }

  /** The log is being closed. */
  close(): void {
    this.#linger?.cancel()
    this.replica.events.unhear(this)
    for (const { rows, row } of this.#peers) rows.carrier.brief(row).close()
    this.claims.settle()
  }

  // ---- What happens to the log

  append(event: ReplicaEvents['append']): void {
    this.#next?.append(event)
  }

  held(event: ReplicaEvents['held']): void {
    this.#next?.held(event)
  }

  clear(event: ReplicaEvents['clear']): void {
    this.#next?.clear(event)
  }

  truncate(event: ReplicaEvents['truncate']): void {
    this.#next?.truncate(event)
  }

  announced(): void {
    this.#next?.announced()
  }

  manifest(): void {
    this.#next?.manifest()
  }

  conflict(): void {
    this.#next?.conflict()
  }

  /** Who hears it for us, if there is anybody to be told. */
  get #next(): Follow | undefined {
    return this.#peers.length === 0 ? undefined : this.#host.replicator.following(this.#length)
  }
}

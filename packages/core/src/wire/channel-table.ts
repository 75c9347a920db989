/**
 * Which channel has which numbers, and which openings belong together.
 *
 * Owns: the ids of both sides and the pairs (protocol, id) of a connection (replication.md section 3). It
 * decides and remembers; what is sent and who is told is `Mux`'s matter.
 *
 * Ids are per side, from 1. A remote may open with a number that is known and free, or one above the highest
 * so far. Ours is free again when the channel was paired; a channel that we closed before keeps its number until
 * the remote has answered, because its answer names no number: openings of one pair are answered in order.
 *
 * Always true: a pair has at most one open channel of ours and one waiting opening of the remote, never both;
 * what is in no list is free.
 */

import { DatError } from '../base/errors.ts'
import { CHANNEL_NUMBERS_MAX, CHANNEL_PROTOCOL_BYTES_MAX } from '../base/limits.ts'
import { EMPTY, equal, fromUtf8, mapKey, utf8 } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import type { MuxChannel, WaitingOpen } from './mux-channel.ts'

/** One pair of openings: at most one open channel each side. */
interface Pair {
  channel: MuxChannel | undefined
  waiting: WaitingOpen | undefined
  /** Openings of ours that the remote has not answered, oldest first; all but the last are closed. */
  unanswered: MuxChannel[] | undefined
}

/** One per connection. Throws for what a remote may not do; what that ends is for the caller to say. */
export class ChannelTable {
  readonly #local: (MuxChannel | undefined)[] = []
  readonly #free: number[] = []
  readonly #remote: (MuxChannel | WaitingOpen | undefined)[] = []
  readonly #pairs = new Map<string, Pair>()
  /** Channels open on both sides. */
  pairedCount = 0
  waitingCount = 0

  hasChannel(pairKey: string): boolean {
    return this.#pairs.get(pairKey)?.channel !== undefined
  }

  /** Gives our opening a number. Returns the remote's opening that it answers, if there is one. */
  addLocal(channel: MuxChannel): WaitingOpen | undefined {
    const pair = this.#pair(channel.pairKey)
    const number = this.#free.pop() ?? this.#local.push(undefined)
    channel.localId = number
    this.#local[number - 1] = channel
    pair.channel = channel
    const waiting = pair.waiting
    if (waiting === undefined) {
      // One place for one channel: `push` would make room for sixteen more.
      if (pair.unanswered === undefined) pair.unanswered = [channel]
      else pair.unanswered.push(channel)
      return undefined
    }
    this.#settle(pair, waiting)
    this.#bind(channel, waiting.remoteId)
    return waiting
  }

  /**
   * Takes a number that the remote chose for an opening.
   *
   * @throws DatError BAD_FRAME if it may not choose that, OVER_LIMIT if it uses too many
   */
  claimRemote(remoteId: number): void {
    if (remoteId > CHANNEL_NUMBERS_MAX) {
      throw new DatError('OVER_LIMIT', 'The remote uses too many channel numbers.', { remoteId })
    }
    const known = this.#remote.length
    if (remoteId < 1 || remoteId > known + 1 || this.#remote[remoteId - 1] !== undefined) {
      throw new DatError(
        'BAD_FRAME',
        'The remote opens a channel under a number that is not free.',
        {
          remoteId,
        },
      )
    }
    if (remoteId === known + 1) this.#remote.push(undefined)
  }

  /**
   * The opening of ours that a remote's opening of this pair answers: now paired, or one that we have
   * closed meanwhile (the remote will hear of that, and its number is free again already).
   */
  answerLocal(pairKey: string, remoteId: number): MuxChannel | undefined {
    const pair = this.#pairs.get(pairKey)
    const channel = pair === undefined ? undefined : this.#shift(pair)
    if (pair === undefined || channel === undefined) return undefined
    if (channel.closed) {
      this.#release(channel)
      this.#drop(channel.pairKey, pair)
    } else this.#bind(channel, remoteId)
    return channel
  }

  /** May an opening of the remote wait for ours? Not if the pair is open, or waits already. */
  mayWait(pairKey: string): boolean {
    const pair = this.#pairs.get(pairKey)
    return pair === undefined || (pair.channel === undefined && pair.waiting === undefined)
  }

  wait(waiting: WaitingOpen): void {
    this.#pair(waiting.pairKey).waiting = waiting
    this.#remote[waiting.remoteId - 1] = waiting
    this.waitingCount++
  }

  /** The remote's opening will not be answered by one of ours. */
  refuse(waiting: WaitingOpen): void {
    const pair = this.#pair(waiting.pairKey)
    this.#settle(pair, waiting)
    this.#remote[waiting.remoteId - 1] = undefined
    this.#drop(waiting.pairKey, pair)
  }

  /** What the remote's number stands for. */
  remote(remoteId: number): MuxChannel | WaitingOpen | undefined {
    return this.#remote[remoteId - 1]
  }

  /**
   * The remote refused our opening.
   *
   * @throws DatError BAD_FRAME if that opening does not wait for an answer
   */
  rejected(localId: number): MuxChannel {
    const channel = this.#local[localId - 1]
    const pair = channel === undefined ? undefined : this.#pairs.get(channel.pairKey)
    const at = channel === undefined ? -1 : (pair?.unanswered?.indexOf(channel) ?? -1)
    if (channel === undefined || pair === undefined || at === -1) {
      throw new DatError('BAD_FRAME', 'The remote refuses what was not asked.', { localId })
    }
    pair.unanswered?.splice(at, 1)
    this.#release(channel)
    if (pair.channel === channel) pair.channel = undefined
    this.#drop(channel.pairKey, pair)
    return channel
  }

  /** Ends our channel: frees its number, or keeps it until the remote has answered. */
  close(channel: MuxChannel): void {
    const pair = this.#pair(channel.pairKey)
    if (pair.channel === channel) pair.channel = undefined
    if (channel.remoteId !== 0) {
      this.pairedCount--
      this.#remote[channel.remoteId - 1] = undefined
      this.#release(channel)
    }
    this.#drop(channel.pairKey, pair)
  }

  /** Forgets everything and returns the channels that were not closed. */
  clear(): MuxChannel[] {
    const open: MuxChannel[] = []
    for (const channel of this.#local)
      if (channel !== undefined && !channel.closed) open.push(channel)
    this.#local.length = 0
    this.#remote.length = 0
    this.#free.length = 0
    this.#pairs.clear()
    this.pairedCount = 0
    this.waitingCount = 0
    return open
  }

  /** Openings of the remote that came at `sinceMs` or before. */
  waitingSince(sinceMs: number): WaitingOpen[] {
    const found: WaitingOpen[] = []
    for (const { waiting } of this.#pairs.values()) {
      if (waiting !== undefined && waiting.sinceMs <= sinceMs) found.push(waiting)
    }
    return found
  }

  #pair(pairKey: string): Pair {
    let pair = this.#pairs.get(pairKey)
    if (pair === undefined) {
      pair = { channel: undefined, waiting: undefined, unanswered: undefined }
      this.#pairs.set(pairKey, pair)
    }
    return pair
  }

  #bind(channel: MuxChannel, remoteId: number): void {
    channel.remoteId = remoteId
    this.#remote[remoteId - 1] = channel
    this.pairedCount++
  }

  #settle(pair: Pair, waiting: WaitingOpen): void {
    waiting.settled = true
    pair.waiting = undefined
    this.waitingCount--
  }

  #shift(pair: Pair): MuxChannel | undefined {
    const first = pair.unanswered?.shift()
    if (pair.unanswered?.length === 0) pair.unanswered = undefined
    return first
  }

  #release(channel: MuxChannel): void {
    this.#local[channel.localId - 1] = undefined
    this.#free.push(channel.localId)
  }

  #drop(pairKey: string, pair: Pair): void {
    if (pair.unanswered?.length === 0) pair.unanswered = undefined
    if (pair.channel === undefined && pair.waiting === undefined && pair.unanswered === undefined) {
      this.#pairs.delete(pairKey)
    }
  }
}

/** What was made of the last protocol: mostly it is the same for each of ten thousand openings. */
let lastProtocol = ''
let lastPrefix = '\u0000'
let lastBytes: Uint8Array = EMPTY

function remember(protocol: string): void {
  lastProtocol = protocol
  lastPrefix = `${protocol}\u0000`
  lastBytes = utf8(protocol)
}

/** The bytes of a protocol's name, for reading only. */
export function protocolBytes(protocol: string): Uint8Array {
  if (protocol !== lastProtocol) remember(protocol)
  return lastBytes
}

/** The name in an opening. @throws DatError BAD_FRAME, OVER_LIMIT */
export function readProtocol(from: Reader): string {
  const bytes = from.buffer(CHANNEL_PROTOCOL_BYTES_MAX)
  return equal(bytes, lastBytes) ? lastProtocol : fromUtf8(bytes)
}

/** Name of the pair (protocol, id); ids are arbitrary bytes. */
export function pairKeyOf(protocol: string, id: Uint8Array | undefined): string {
  if (id === undefined || id.length === 0) return protocol
  if (protocol !== lastProtocol) remember(protocol)
  return lastPrefix + mapKey(id)
}

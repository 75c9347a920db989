/**
 * What differs between the wires of generations 1 and 2 above the bytes, as one table each.
 *
 * Owns: the rows. The conversation about a log asks a row, never which generation it is.
 */

import type { Clock } from '../base/clock.ts'
import {
  GEN1_CHANNELS_MAX,
  GEN1_KEEP_ALIVE_MS,
  GEN2_CHANNEL_NUMBERS_MAX,
  GEN2_KEEP_ALIVE_MS,
} from '../base/limits.ts'
import type { FeedOptions } from './feed-messages.ts'
import type { Abilities } from './messages.ts'

/** One wire. */
export interface FeedDialect {
  readonly generation: 1 | 2
  /** Options come on each channel and again when they change; otherwise once, with the connection's handshake. */
  readonly hasOptions: boolean
  /** A channel can be closed. */
  readonly hasClose: boolean
  /** Peers die of a request for a block when they have not got a bitfield before. */
  readonly needsBitfield: boolean
  /** What can be said on it, for those who know no wire. */
  readonly abilities: Abilities
  /** Number of the first channel of a side, and the first number that none may have. */
  readonly channelMin: number
  readonly channelEnd: number
  readonly keepAliveMs: number
}

const ABILITIES: Abilities = {
  seek: true,
  hash: false,
  cancel: false,
  refuse: false,
  waitsForEnd: true,
}

/** Generation 1: hypercore 5 to 7. */
export const DIALECT_1: FeedDialect = {
  generation: 1,
  hasOptions: false,
  hasClose: false,
  needsBitfield: true,
  abilities: ABILITIES,
  channelMin: 0,
  channelEnd: GEN1_CHANNELS_MAX,
  keepAliveMs: GEN1_KEEP_ALIVE_MS,
}

/** Generation 2: hypercore 8 and 9. */
export const DIALECT_2: FeedDialect = {
  generation: 2,
  hasOptions: true,
  hasClose: true,
  needsBitfield: false,
  abilities: ABILITIES,
  channelMin: 1,
  channelEnd: GEN2_CHANNEL_NUMBERS_MAX,
  keepAliveMs: GEN2_KEEP_ALIVE_MS,
}

/** What nodes of this project say about old logs on today's connections, where whoever wants to end does. */
export const DIALECT_MUX: FeedDialect = {
  ...DIALECT_2,
  abilities: { ...ABILITIES, waitsForEnd: false },
}

/** What all conversations on one connection have in common. */
export interface FeedLink {
  readonly dialect: FeedDialect
  readonly clock: Clock
  /** What we want and know; where options come on each channel, the list grows there and this one is empty. */
  readonly ours: FeedOptions
  /** The same of the remote, as far as it was said for the connection. */
  theirs: FeedOptions
}

/** Nothing was said. */
export const NO_OPTIONS: FeedOptions = { extensions: [], ack: false }

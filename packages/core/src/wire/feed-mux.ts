/**
 * Old logs on today's connections: what Dat Rhino nodes say to each other about logs of generations 1 and 2.
 *
 * Owns: the channel `dat-rhino/feed` of a multiplexed connection, one per log. Its id is the log's discovery key, its
 * handshake the capability of today's logs; then come the feed messages of generation 2, with its Options. A peer that
 * does not know the protocol refuses the channel, as any that it does not know.
 *
 * Always true: nothing about a log is sent or answered before the remote's capability was checked, and a remote without
 * the key is refused exactly as for a log that is not here.
 */

import type { Clock } from '../base/clock.ts'
import { equal } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { Muxer } from './channel.ts'
import { FeedConversation } from './feed-conversation.ts'
import { DIALECT_MUX, NO_OPTIONS } from './feed-dialect.ts'
import type { FeedChannel, FeedOpening } from './feeds.ts'
import type { LogDirectory } from './gen3.ts'
import { checkHandshake, writeHandshake } from './gen3-capability.ts'

/** Name of the protocol in openings. */
const FEED_PROTOCOL = 'dat-rhino/feed'

/** What all old logs on one connection have in common. */
export interface FeedMuxOptions {
  readonly clock: Clock
  /** Ask for receipts of what we send. Default: false. */
  readonly acks?: boolean
}

/** While a remote's opening is being answered: the key that it has proved to know. */
const proved = new WeakMap<Muxer, Uint8Array>()

/**
 * Opens the conversation about a log of generation 1 or 2 on our side.
 *
 * @throws DatError CONFLICT if it is open already on this connection, CLOSED after the end
 */
export function openFeed(mux: Muxer, opening: FeedOpening, options: FeedMuxOptions): FeedChannel {
  const { key, discoveryKey } = opening
  const link = {
    dialect: DIALECT_MUX,
    clock: options.clock,
    ours: { extensions: [], ack: options.acks === true },
    theirs: NO_OPTIONS,
  }
  const known = proved.get(mux)
  const wasChecked = known !== undefined && equal(known, key)
  const conversation = new FeedConversation(
    link,
    opening,
    (handshake) => wasChecked || checkHandshake(mux, key, handshake),
  )
  conversation.begun(
    mux.open({
      protocol: FEED_PROTOCOL,
      id: discoveryKey,
      handshake: writeHandshake(mux, key),
      handler: conversation,
    }),
  )
  return conversation
}

/** Is our side of the conversation about this log open? */
export function hasFeed(mux: Muxer, discoveryKey: Uint8Array): boolean {
  return mux.has(FEED_PROTOCOL, discoveryKey)
}

/** Answers the remote's openings: call `openFeed` from `directory.open`. */
export function pairFeeds(mux: Muxer, directory: LogDirectory): void {
  mux.pair(FEED_PROTOCOL, undefined, (discoveryKey, handshake) => {
    if (discoveryKey?.length !== KEY_BYTES) return false
    const key = directory.keyOf(discoveryKey)
    if (key === undefined) return false
    // Where it cannot be seen yet, the conversation checks it when both sides are open, before any word.
    if (handshake !== undefined && !checkHandshake(mux, key, handshake)) return false
    if (handshake !== undefined) proved.set(mux, key)
    try {
      directory.open(discoveryKey)
    } finally {
      proved.delete(mux)
    }
    return false
  })
}

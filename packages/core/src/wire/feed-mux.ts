/** Old logs on today's connections: the channel `dat-rhino/feed`. */

import { DatError } from '../base/errors.ts'
import type { Muxer } from './channel.ts'
import type { FeedChannel, FeedOpening } from './feeds.ts'
import type { LogDirectory } from './gen3.ts'

/** As `openLog` of today's wire, for a log of generation 1 or 2. */
export function openFeed(_mux: Muxer, _opening: FeedOpening): FeedChannel {
  throw new DatError('UNSUPPORTED', 'Not there yet.')
}

/** As `hasLog`. */
export function hasFeed(_mux: Muxer, _discoveryKey: Uint8Array): boolean {
  return false
}

/** As `pairLogs`. */
export function pairFeeds(_mux: Muxer, _directory: LogDirectory): void {
  throw new DatError('UNSUPPORTED', 'Not there yet.')
}

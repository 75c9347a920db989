/** Connections of generations 1 and 2 on any byte stream. */

import { DatError } from '../base/errors.ts'
import type { ByteStream } from './byte-stream.ts'
import type { FeedMuxer, FeedStreamOptions } from './feeds.ts'

/** Takes over the stream: sets its handler. */
export function openFeedStream(_bytes: ByteStream, _options: FeedStreamOptions): FeedMuxer {
  throw new DatError('UNSUPPORTED', 'Not there yet.')
}

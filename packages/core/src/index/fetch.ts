/** Waiting for a block that an index refers to. */

import { DatError } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { LogReader } from './source.ts'

/**
 * Waits until block `seq` is on this machine, so that the step that lacked it can be tried again.
 *
 * @throws DatError BAD_CONTENT if the log has no such block, and what `LogReader.get` throws
 */
export async function fetchBlock(
  source: LogReader,
  seq: number,
  options: WaitOptions,
): Promise<void> {
  if (seq >= source.length) {
    throw new DatError(
      'BAD_CONTENT',
      `Block ${seq} is referred to and does not exist: the log is not what it says.`,
      { seq },
    )
  }
  await source.get(seq, options)
}

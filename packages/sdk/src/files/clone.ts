/**
 * A folder that is a clone: a drive written out as verified files, once or for as long as it is open.
 *
 * Owns: the life of one clone.
 */

import type { Drive } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { FolderEvent, FolderState, Report } from './news.ts'

export interface Clone extends AsyncDisposable {
  readonly link: string
  /** The folder that is written, absolute. */
  readonly dir: string
  readonly drive: Drive
  readonly state: FolderState
  /** Each new state, the present one first; a slow reader skips to the newest. */
  states(signal?: AbortSignal): AsyncIterable<FolderState>
  /** News from now on. Ends when the clone is closed. */
  events(signal?: AbortSignal): AsyncIterable<FolderEvent>
  /**
   * Resolves when the newest version (or the one asked for) is written out. Rejects with `NO_PEERS`,
   * `NOT_AVAILABLE`, `TIMEOUT`, `UNSUPPORTED`, `BAD_CONTENT` …; the next `clone` goes on where this one stopped.
   */
  done(options?: WaitOptions): Promise<Report>
  close(): Promise<void>
}

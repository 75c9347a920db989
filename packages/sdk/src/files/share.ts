/**
 * A folder that is shared: kept as a drive, watched, and told about.
 *
 * Owns: the life of one share.
 */

import type { Drive } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { FolderEvent, FolderState, Report } from './news.ts'

export interface Share extends AsyncDisposable {
  /** `dat://…`, for people and for `clone`. The same each time this folder is shared. */
  readonly link: string
  /** The shared folder, absolute. */
  readonly dir: string
  readonly drive: Drive
  readonly state: FolderState
  /** Each new state, the present one first; a slow reader skips to the newest. */
  states(signal?: AbortSignal): AsyncIterable<FolderState>
  /** News from now on. Ends when the share is closed. */
  events(signal?: AbortSignal): AsyncIterable<FolderEvent>
  /** Resolves when everything that was in the folder is in the drive. */
  done(options?: WaitOptions): Promise<Report>
  /** Stops watching, leaves the network, closes the drive. */
  close(): Promise<void>
}

/**
 * What a shared or cloned folder tells about itself: its state as a value, and its news as events.
 *
 * Owns: the shapes `FolderState`, `FolderEvent` and `Report`. These statements always hold: a state is a
 * frozen value, newer states never share memory with older ones; events are news, so nobody must listen,
 * and whoever listens too slowly gets one `missed` event instead of an ever growing queue.
 */

import type { Code, DatError } from '@dat-rhino/core/base/errors'

/**
 * Where a folder is in its life.
 *
 * `opening` store and keys · `scanning` the share compares the folder with the drive · `looking` the clone
 * waits for a first peer · `transferring` files are being imported or written · `watching` everything is
 * done and changes are followed · `done` everything is done and nothing is followed · `failed` an error has
 * ended it · `closed` after `close()`, or stopped by the caller's signal.
 */
export type Phase =
  | 'opening'
  | 'scanning'
  | 'looking'
  | 'transferring'
  | 'watching'
  | 'done'
  | 'failed'
  | 'closed'

/** How far a count has come. `total` grows while it is not known yet. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** Everything a progress line needs, as one value. Numbers are of the present pass unless they say more. */
export interface FolderState {
  readonly phase: Phase
  /** Files of this pass: compared and settled, of all that are to be. */
  readonly files: Progress
  /** Bytes of this pass. A share counts bytes read, a clone bytes written. */
  readonly bytes: Progress
  /** Blocks of the drive (rows and contents) held on this machine. */
  readonly have: number
  /** Blocks of the drive that are known to exist. */
  readonly length: number
  /** Version of the drive that was last imported or written out. */
  readonly version: number
  /** Open connections that serve or read this drive. */
  readonly peers: number
  /** Bytes per second received from and sent to peers, over the last seconds. */
  readonly rateDown: number
  readonly rateUp: number
  /** Bytes received and sent in all, as the network counts them. */
  readonly bytesDown: number
  readonly bytesUp: number
  /** Milliseconds until `bytes` is done at the present rate; `undefined` while nobody can tell. */
  readonly etaMs: number | undefined
  /** Files left out since the folder was opened: unreadable, hostile name, unsafe link. */
  readonly skipped: number
  /** Locally edited files that were kept instead of the drive's. */
  readonly conflicts: number
}

/** Why a file was left out. `code` is that of `DatError`; `message` is for people. */
export interface Problem {
  /** Path in the drive or the folder, with a leading `/`. */
  readonly path: string
  readonly code: Code
  readonly message: string
}

/** News of a folder. Paths are the drive's: absolute, `/` between the parts. */
export type FolderEvent =
  | { readonly type: 'phase'; readonly phase: Phase }
  /** Everything of this pass is done; from now on changes follow (or nothing, when not live). */
  | { readonly type: 'ready'; readonly report: Report }
  | { readonly type: 'file-added'; readonly path: string; readonly bytes: number }
  | { readonly type: 'file-changed'; readonly path: string; readonly bytes: number }
  | { readonly type: 'file-removed'; readonly path: string }
  /** A share saw a file move: no byte was stored again. A clone hears of `removed` and `added`. */
  | { readonly type: 'file-renamed'; readonly path: string; readonly from: string }
  | ({ readonly type: 'file-skipped' } & Problem)
  /** A clone kept a locally edited file. `drive` says what the drive wanted to do with it. */
  | {
      readonly type: 'conflict'
      readonly path: string
      readonly drive: 'changed' | 'removed' | 'unchanged'
    }
  /** A new version of the drive: told by its owner (clone) or committed by us (share). */
  | { readonly type: 'version'; readonly version: number }
  | { readonly type: 'peer-added'; readonly peer: string; readonly peers: number }
  | { readonly type: 'peer-removed'; readonly peer: string; readonly peers: number }
  /** At most ten times a second while something is transferred. */
  | { readonly type: 'progress'; readonly state: FolderState }
  /** Something went wrong that does not end the folder: a refused look-up, a pass that will be retried. */
  | { readonly type: 'warning'; readonly error: DatError }
  /** The listener was too slow; so many events were left out. */
  | { readonly type: 'missed'; readonly count: number }

/** What a pass did. */
export interface Report {
  readonly version: number
  /** Files of the folder after the pass. */
  readonly files: number
  readonly bytes: number
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly renamed: number
  readonly unchanged: number
  /** A share: names that begin with a dot, in or left out as the `hidden` option says. */
  readonly hidden: number
  /** A share: other names left out, by `.datignore`, by `ignore` or by default. */
  readonly ignored: number
  /** The first `PROBLEMS_KEPT_MAX` files that were left out, and how many there were. */
  readonly problems: readonly Problem[]
  readonly skipped: number
  readonly conflicts: number
  readonly durationMs: number
  /**
   * Set when the folder is not what it should be: `LOCAL_CHANGES` when edited files were kept, else the
   * code of the first problem. Everything else was done all the same.
   */
  readonly error: DatError | undefined
}

/** Problems listed in a report; the others are only counted. */
export const PROBLEMS_KEPT_MAX = 100

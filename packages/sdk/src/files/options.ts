/**
 * What a caller may say when a folder is shared or cloned.
 *
 * Owns: the option shapes and their defaults, in one place for the SDK, the command line and the docs.
 */

/** Of `share`: a folder that becomes a drive. */
export interface ShareOptions {
  /** Keep watching and import what changes. Default true. */
  readonly watch?: boolean
  /** More ignore rules (gitignore syntax), behind the defaults and before `.datignore`. */
  readonly ignore?: readonly string[]
  /** Read `.datignore` files. Default true. */
  readonly datignore?: boolean
  /** Share hidden files (names that begin with a dot) too. Default true; the report says how many names there are. */
  readonly hidden?: boolean
  /** Compare contents even where size and times say "unchanged". Default false. */
  readonly verify?: boolean
  /** Ends the share when it fires. */
  readonly signal?: AbortSignal
}

/** How a drive is cloned into a folder. */
export interface CloneOptions {
  /** Follow changes after everything is there. Default false. */
  readonly live?: boolean
  /** Write out this version of the drive instead of the newest; not with `live`. */
  readonly version?: number
  /** Overwrite locally edited files. Each is kept beside it as `NAME.orig`. Default false. */
  readonly force?: boolean
  /** Compare contents even where size and times say "as we wrote it". Default false. */
  readonly verify?: boolean
  /** Longest wait for a first peer, and for any one answer. Default `DEFAULT_WAIT_MS`; 0 waits for ever. */
  readonly timeoutMs?: number
  /** Ends the clone when it fires; what is on the disk stays and is gone on with next time. */
  readonly signal?: AbortSignal
}

/** The folder inside a shared or cloned folder that holds store and state. Never shared, never overwritten. */
export const STATE_FOLDER = '.dat-rhino'

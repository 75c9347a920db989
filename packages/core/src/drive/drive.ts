/**
 * What every drive can be asked, whatever format its bytes have.
 *
 * Owns: the interface. `open.ts` finds out which of the three is behind a key: `bee-drive.ts` (hyperdrive 13),
 * `trie-drive.ts` (hyperdrive 10) or `tree-drive.ts` (hyperdrive 9). The generation of the logs is another matter:
 * it is that of `log`. What a format has no way to say is `UNSUPPORTED`, never done by halves; `abilities`
 * tells before.
 */

import type { Log } from '../log/log.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import type {
  DriveChange,
  DriveEntry,
  DriveMount,
  DriveReader,
  PutFileOptions,
  WatchOptions,
} from './types.ts'

export type * from './types.ts'

/** Whose format the rows have. */
export type DriveFormat = 'hyperdrive 9' | 'hyperdrive 10' | 'hyperdrive 13'

/** What a format can say, and what we write of it. */
export interface DriveAbilities {
  /** Do we write it at all? */
  readonly write: boolean
  readonly links: boolean
  /** Folders without files: `mkdir`, `rmdir`. */
  readonly folders: boolean
  /** Mode, owner and times of files. */
  readonly stats: boolean
  /** Which `metadata` a file may have. */
  readonly metadata: 'json' | 'bytes' | 'none'
  readonly mounts: boolean
  /** Names for versions. */
  readonly tags: boolean
}

/** One drive that is open. */
export interface Drive extends DriveReader, AsyncDisposable {
  readonly format: DriveFormat
  readonly abilities: DriveAbilities
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  /** For people to pass on. */
  readonly link: string
  readonly writable: boolean
  /**
   * Throws unless it is `writable`, with the reason: `NOT_WRITABLE` (`facts.reason` says which), `FORKED`, `UNSUPPORTED`
   * or `CLOSED`.
   */
  checkWritable(): void
  /** The log of rows. */
  readonly log: Log
  /** The log of the files' bytes, once it is known which it is. */
  readonly contentLog: Log | undefined
  /** Waits until the content log is known: for a remote drive, until its first block is here. */
  ready(options?: WaitOptions): Promise<void>
  /** Asks peers for a newer version; was there one? */
  update(options?: WaitOptions): Promise<boolean>
  /** The drive at an older version, read-only. */
  checkout(version: number): DriveReader
  /**
   * One step whenever files changed since the step before; `diff(previousVersion)` tells which. Ends when the
   * signal fires or the drive is closed.
   */
  watch(options?: WatchOptions): AsyncIterable<DriveChange>
  /** Asks peers for the blocks of these files, in order, until it is cancelled. Nothing for what is here. */
  fetch(entries: readonly DriveEntry[]): Download[]

  /** Writes a file: bytes first, then its row. Resolves when acknowledged. */
  put(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options?: PutFileOptions,
  ): Promise<void>
  /**
   * Changes what the row of a file, link or folder says beside its bytes, which are not written again; was there one?
   * What the options do not name stays; `metadata` takes the place of all that there was.
   */
  amend(path: string, options: PutFileOptions): Promise<boolean>
  /** `target` is stored as it is. */
  symlink(path: string, target: string, options?: { readonly metadata?: unknown }): Promise<void>
  /** Deletes a file or link; was there one? The bytes stay in the history. */
  del(path: string): Promise<boolean>
  /** Makes a folder that stays without files. `CONFLICT` if something is there. */
  mkdir(path: string, options?: PutFileOptions): Promise<void>
  /** Deletes such a folder; was there one? `CONFLICT` if something is in it. */
  rmdir(path: string): Promise<boolean>
  /** Shows another drive (or, with `kind: 'log'`, the bytes of a log) at a path. */
  mount(path: string, key: Uint8Array, options?: MountOptions): Promise<void>
  /** Takes a mount away; was there one? */
  unmount(path: string): Promise<boolean>
  /** Gives the present version, or another, a name that stays. */
  tag(name: string, version?: number): Promise<void>
  untag(name: string): Promise<boolean>
  /** Versions by name. */
  tags(options?: WaitOptions): Promise<Map<string, number>>
  /** Gives back the space of a file's bytes on this machine, or of all files below a folder. */
  clear(path?: string): Promise<void>
  /** Closes the handles on the logs. The store stays open. */
  close(): Promise<void>
}

/** What a mount shows. */
export interface MountOptions {
  /** Default `drive`. */
  readonly kind?: DriveMount['kind']
  /** Default: the newest, also of later. */
  readonly version?: number
}

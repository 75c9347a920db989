/**
 * The words of a drive: entries, ranges, progress, and what it means to read one.
 *
 * Owns: the interfaces that drives of every format (`drive.ts` says what they have in common), their views and
 * their batches share.
 */

import type { Clock } from '../base/clock.ts'
import type { GetOptions, LogSelector } from '../corestore/corestore.ts'
import type { WantedGeneration } from '../corestore/identify.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { HistoryRange } from '../index/bee.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'

export type { HistoryRange } from '../index/bee.ts'

/** Where a drive gets its logs: the part of a `Corestore` that it touches. */
export interface LogProvider {
  get(selector: LogSelector, options?: GetOptions): Promise<Log>
  namespace(name: string): LogProvider
  keyPair(name: string): KeyPair
  close(): Promise<void>
}

/** Where a file's bytes are in the blobs log. With `blockMap` the numbers speak of the map. */
export interface BlobId {
  readonly blockOffset: number
  readonly byteOffset: number
  readonly blockLength: number
  readonly byteLength: number
  readonly blockMap?: boolean
}

/** What a path is. `other` are devices, pipes and sockets, which only old drives have. */
export type DriveKind = 'file' | 'folder' | 'link' | 'other'

/** What a drive knows of a path beside the bytes, in the shape of POSIX. */
export interface DriveStat {
  readonly kind: DriveKind
  /** With the bits of the kind. Made up from `executable` where the drive keeps none. */
  readonly mode: number
  /** 0 where the drive keeps none. */
  readonly uid: number
  readonly gid: number
  /** Bytes of the file; `undefined` if only its block map can tell (`Blobs.size`). 0 for what is no file. */
  readonly size: number | undefined
  /** Milliseconds since 1970; `undefined` where the drive keeps none. */
  readonly mtimeMs: number | undefined
  readonly ctimeMs: number | undefined
}

/** Something else that is mounted at a path. */
export interface DriveMount {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** A drive with files below the path, or a log whose bytes are the file. */
  readonly kind: 'drive' | 'log'
  /** The version that is shown; `undefined`: the newest. */
  readonly version: number | undefined
}

/** Something that is mounted somewhere below a drive. */
export interface MountPoint extends DriveMount {
  /** In the drive that was asked. */
  readonly path: string
}

/** Which mounts are told. */
export interface MountsOptions extends WaitOptions {
  /** Those inside mounted drives too. Default false. */
  readonly recursive?: boolean
  /** Logs that stand as files too. Only a look at every row finds them. Default false. */
  readonly logs?: boolean
}

/** What stands under one path. */
export interface DriveEntry {
  /** Normalised: starts with `/`. */
  readonly path: string
  /** Block of the log of rows that holds the row; below a mount, of the mounted drive's. */
  readonly seq: number
  /** Version of that drive right after the row was written; in the middle of a batch none that can be checked out. */
  readonly version: number
  readonly stat: DriveStat
  readonly executable: boolean
  readonly linkname: string | undefined
  readonly blob: BlobId | undefined
  readonly mount: DriveMount | undefined
  /**
   * Any JSON value, or `null` if there is none. Hyperdrive 10 keeps bytes by name: there it is an object of
   * `Uint8Array`s.
   */
  readonly metadata: unknown
  /** Members of the row that this version does not know; kept when the row is copied. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Why this row can't be read, if it is one that no honest writer makes. */
  readonly invalid: string | undefined
}

/** What a row is made of; what is left out is false, null or none. */
export interface Row {
  readonly executable?: boolean | undefined
  readonly linkname?: string | undefined
  readonly blob?: BlobId | undefined
  /** Any JSON value. */
  readonly metadata?: unknown
  readonly extra?: Readonly<Record<string, unknown>>
}

/** A name directly below a folder. A file and a folder may have the same one. */
export interface FolderItem {
  readonly name: string
  readonly path: string
  readonly folder: boolean
  readonly entry: DriveEntry | undefined
}

/** What is listed. */
export interface ListOptions extends WaitOptions {
  /** Default true: everything below. False: only files directly below. */
  readonly recursive?: boolean
  /** Paths that are left out with everything below them, or a function that says so. */
  readonly ignore?: readonly string[] | ((path: string) => boolean)
  /** Also rows of folders and mounts, where the drive has such. Default false: files, links, and what is `invalid`. */
  readonly folders?: boolean
  /** Go into mounted drives. Default true. One that can't be read is listed as `invalid`, with the reason. */
  readonly mounts?: boolean
}

/** How a path is looked up. */
export interface EntryOptions extends WaitOptions {
  /** Resolve symlinks (16 at most). Default false. */
  readonly follow?: boolean
}

/** Which part of a file is read, and how it is found. */
export interface ReadOptions extends WaitOptions {
  /** First byte. Default 0. */
  readonly start?: number
  /** Bytes at most. Default: to the end. */
  readonly length?: number
  /** Resolve symlinks. Default true. */
  readonly follow?: boolean
}

/** What a row says of a file beside its bytes. */
export interface PutFileOptions {
  /** Permission bits 0111. With `mode`, `mode` says it. */
  readonly executable?: boolean
  /** Any JSON value; in hyperdrive 10 an object of `Uint8Array`s. */
  readonly metadata?: unknown
  /** Permission bits, such as 0o644. Only where `abilities.stats`. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Milliseconds since 1970. Default now. */
  readonly mtimeMs?: number
  readonly ctimeMs?: number
}

/** What is compared. */
export interface DiffOptions extends WaitOptions {
  /**
   * Also the files that a mount shows in one version and not in the other, because it was made, taken away, or shows
   * another version. A mount of the newest shows the newest in both. Default false: the mount's own row alone.
   */
  readonly mounts?: boolean
}

/** What is watched. */
export interface WatchOptions extends WaitOptions {
  /** Also the drives that are mounted in it at any depth, those that are mounted later too. Default false. */
  readonly mounts?: boolean
}

/** A path whose row is not the same in two versions. */
export interface DriveDifference {
  readonly path: string
  /** The row in this view. */
  readonly left: DriveEntry | undefined
  /** The row in the other version. */
  readonly right: DriveEntry | undefined
}

/** One step of a watcher. */
export interface DriveChange {
  readonly version: number
  /** Version of the step before; `diff(previousVersion)` tells what changed. */
  readonly previousVersion: number
  /** The drive that changed, where it is a mounted one: the versions are its own, and so are its differences. */
  readonly mount?: MountPoint
}

/** What one block of the log of rows changed. */
export interface DriveBlockChange {
  readonly path: string
  /** `undefined` for a deletion. */
  readonly entry: DriveEntry | undefined
}

/** One change, and when it was to be seen. */
export interface DriveHistoryEntry extends DriveBlockChange {
  /** The first version that shows it and can be checked out: of changes that were written in one batch, the same. */
  readonly version: number
}

/** How far a download is. */
export interface TransferProgress {
  /** Files of the download, and those that are whole here. */
  readonly files: number
  readonly filesDone: number
  readonly blocks: number
  readonly blocksDone: number
  readonly bytes: number
  readonly bytesDone: number
}

/** A download that goes on by itself until it is done or cancelled. */
export interface DriveDownload {
  /** Counters of now. They grow while folders are still being listed. */
  readonly progress: TransferProgress
  /** Has everything been listed, so that the totals are final? */
  readonly listed: boolean
  /** Resolves when everything is here. Waits without limit unless the options say otherwise. */
  done(options?: WaitOptions): Promise<void>
  cancel(): void
  /** Calls `listener` after each change of the counters, at most once a turn; returns the way to stop. */
  onProgress(listener: () => void): () => void
}

/** Which drive, from where, and how it behaves. */
export interface DriveOptions {
  readonly store: LogProvider
  /** Open the drive of this key. Without: the drive of this store's namespace (or of `namespace`). */
  readonly key?: Uint8Array
  /** Generation of the log of `key`. Default 3; the content log has that of the log of rows. */
  readonly generation?: WantedGeneration
  /** A handle on its log of rows, instead of a key; once open, the drive closes it. */
  readonly log?: Log
  /** Where to find the drive without key: `store.namespace(namespace)`. */
  readonly namespace?: string
  /** 32 bytes, for both logs. */
  readonly encryptionKey?: Uint8Array
  readonly readOnly?: boolean
  /** Refuse NUL, backslash and scheme-like segments in paths instead of rewriting them. */
  readonly strictPaths?: boolean
  readonly clock?: Clock
  /** Milliseconds since 1970, for the times of files. Default `Date.now`. */
  readonly wallClockMs?: () => number
}

/** Reading, at a version that is fixed or moves along. */
export interface DriveReader {
  readonly version: number
  /** `undefined`: known not to be there. */
  entry(path: string, options?: EntryOptions): Promise<DriveEntry | undefined>
  exists(path: string, options?: WaitOptions): Promise<boolean>
  /** What a path is, also of folders that exist by their files alone. Symlinks are followed unless told not to. */
  stat(path: string, options?: EntryOptions): Promise<DriveStat | undefined>
  /** The whole file; `undefined`: known that there is no file under this path. */
  get(path: string | DriveEntry, options?: EntryOptions): Promise<Uint8Array | undefined>
  /** The file's bytes, or a part. Throws `NOT_FOUND` at the first step if there is none. */
  read(path: string | DriveEntry, options?: ReadOptions): AsyncIterable<Uint8Array>
  /** Rows below a folder, in order of their bytes. */
  list(folder?: string, options?: ListOptions): AsyncIterable<DriveEntry>
  /** Names directly below a folder, each once. */
  readdir(folder?: string, options?: WaitOptions): AsyncIterable<FolderItem>
  /** Paths whose rows are not the same in this view (left) and at `version` (right). */
  diff(version: number, folder?: string, options?: DiffOptions): AsyncIterable<DriveDifference>
  /**
   * Changes in the order in which they were made, up to this version, oldest first unless `reverse`. Bounds are blocks of
   * the log of rows.
   */
  history(range?: HistoryRange, options?: WaitOptions): AsyncIterable<DriveHistoryEntry>
  /** What block `seq` of the log of rows changed; `undefined` if that is no file. */
  changeAt(seq: number, options?: WaitOptions): Promise<DriveBlockChange | undefined>
  /** What is mounted at any path. */
  mounts(options?: MountsOptions): AsyncIterable<MountPoint>
  /** Are all bytes of this file, or of all files below this folder, here? */
  has(path: string, options?: WaitOptions): Promise<boolean>
  /** Fetches a file, or all files below a folder. */
  download(path?: string, options?: WaitOptions): DriveDownload
}

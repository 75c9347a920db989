/**
 * The words of a drive: entries, ranges, progress, and what it means to read one.
 *
 * Owns: the interfaces that the object itself (`drive.ts`), its views and its batches share.
 */

import type { Clock } from '../base/clock.ts'
import type { GetOptions, LogSelector } from '../corestore/corestore.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'

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

/** What stands under one path. */
export interface DriveEntry {
  /** Normalised: starts with `/`. */
  readonly path: string
  /** Block of the db log that holds the row. */
  readonly seq: number
  readonly executable: boolean
  readonly linkname: string | undefined
  readonly blob: BlobId | undefined
  /** Any JSON value; `null` if there is none. */
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
  readonly executable?: boolean
  /** Any JSON value. */
  readonly metadata?: unknown
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
}

/** One change. */
export interface DriveHistoryEntry {
  /** Version of the drive right after it. */
  readonly version: number
  readonly path: string
  /** `undefined` for a deletion. */
  readonly entry: DriveEntry | undefined
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
  /** Where to find the drive without key: `store.namespace(namespace)`. */
  readonly namespace?: string
  /** 32 bytes, for both logs. */
  readonly encryptionKey?: Uint8Array
  readonly readOnly?: boolean
  /** Refuse NUL, backslash and scheme-like segments in paths instead of rewriting them. */
  readonly strictPaths?: boolean
  readonly clock?: Clock
}

/** Reading, at a version that is fixed or moves along. */
export interface DriveReader {
  readonly version: number
  /** `undefined`: known not to be there. */
  entry(path: string, options?: EntryOptions): Promise<DriveEntry | undefined>
  exists(path: string, options?: WaitOptions): Promise<boolean>
  /** The whole file; `undefined`: known that there is no file under this path. */
  get(path: string | DriveEntry, options?: EntryOptions): Promise<Uint8Array | undefined>
  /** The file's bytes, or a part. Throws `NOT_FOUND` at the first step if there is none. */
  read(path: string | DriveEntry, options?: ReadOptions): AsyncIterable<Uint8Array>
  /** Rows below a folder, in order of their bytes. */
  list(folder?: string, options?: ListOptions): AsyncIterable<DriveEntry>
  /** Names directly below a folder, each once. */
  readdir(folder?: string, options?: WaitOptions): AsyncIterable<FolderItem>
  /** Paths whose rows are not the same in this view (left) and at `version` (right). */
  diff(version: number, folder?: string, options?: WaitOptions): AsyncIterable<DriveDifference>
  /** Are all bytes of this file, or of all files below this folder, here? */
  has(path: string, options?: WaitOptions): Promise<boolean>
  /** Fetches a file, or all files below a folder. */
  download(path?: string, options?: WaitOptions): DriveDownload
}

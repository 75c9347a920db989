/**
 * A drive: files by path, in two logs of one store. Hyperdrive 13, byte for byte.
 *
 * Owns: the object that users hold. Skeleton of the signatures; filled in next.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import type { Corestore } from '../corestore/corestore.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import type { DriveBatch } from './drive-batch.ts'

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

/** A name directly below a folder. A file and a folder may have the same one. */
export interface FolderItem {
  readonly name: string
  readonly path: string
  readonly folder: boolean
  readonly entry: DriveEntry | undefined
}

export interface ListOptions extends WaitOptions {
  /** Default true: everything below. False: only files directly below. */
  readonly recursive?: boolean
  /** Paths that are left out with everything below them, or a function that says so. */
  readonly ignore?: readonly string[] | ((path: string) => boolean)
}

export interface EntryOptions extends WaitOptions {
  /** Resolve symlinks (16 at most). Default false. */
  readonly follow?: boolean
}

export interface ReadOptions extends WaitOptions {
  /** First byte. Default 0. */
  readonly start?: number
  /** Bytes at most. Default: to the end. */
  readonly length?: number
  /** Resolve symlinks. Default true. */
  readonly follow?: boolean
}

export interface PutFileOptions {
  readonly executable?: boolean
  /** Any JSON value. */
  readonly metadata?: unknown
}

export interface DriveDifference {
  readonly path: string
  /** The row in this view. */
  readonly left: DriveEntry | undefined
  /** The row in the other version. */
  readonly right: DriveEntry | undefined
}

export interface DriveChange {
  readonly version: number
  /** Version of the step before; `diff(previousVersion)` tells what changed. */
  readonly previousVersion: number
}

export interface TransferProgress {
  /** Files of the download, and those that are whole here. */
  readonly files: number
  readonly filesDone: number
  readonly blocks: number
  readonly blocksDone: number
  readonly bytes: number
  readonly bytesDone: number
}

export interface DriveDownload {
  /** Counters of now. They grow while folders are still being listed. */
  readonly progress: TransferProgress
  /** Has everything been listed, so that the totals are final? */
  readonly listed: boolean
  done(options?: WaitOptions): Promise<void>
  cancel(): void
  /** Calls `listener` after each change of the counters, at most once a turn; returns the way to stop. */
  onProgress(listener: () => void): () => void
}

export interface DriveOptions {
  readonly store: Corestore
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

export class Drive implements DriveReader {
  static open(_options: DriveOptions): Promise<Drive> {
    throw new DatError('INVARIANT', 'not built')
  }
  get key(): Uint8Array {
    throw new DatError('INVARIANT', 'not built')
  }
  get discoveryKey(): Uint8Array {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Key of the blobs log, once it is known. */
  get contentKey(): Uint8Array | undefined {
    throw new DatError('INVARIANT', 'not built')
  }
  /** `dat://…` in hex. */
  get link(): string {
    throw new DatError('INVARIANT', 'not built')
  }
  get version(): number {
    throw new DatError('INVARIANT', 'not built')
  }
  get writable(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }
  /** The log of rows. */
  get log(): Log {
    throw new DatError('INVARIANT', 'not built')
  }
  /** The files' bytes, once the log is known. */
  get blobs(): Blobs | undefined {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Waits until the blobs log is known: for a remote drive, until its first block is here. */
  ready(_options?: WaitOptions): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  entry(_path: string, _options?: EntryOptions): Promise<DriveEntry | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  exists(_path: string, _options?: WaitOptions): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }
  get(_path: string | DriveEntry, _options?: EntryOptions): Promise<Uint8Array | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  read(_path: string | DriveEntry, _options?: ReadOptions): AsyncIterable<Uint8Array> {
    throw new DatError('INVARIANT', 'not built')
  }
  list(_folder?: string, _options?: ListOptions): AsyncIterable<DriveEntry> {
    throw new DatError('INVARIANT', 'not built')
  }
  readdir(_folder?: string, _options?: WaitOptions): AsyncIterable<FolderItem> {
    throw new DatError('INVARIANT', 'not built')
  }
  diff(_version: number, _folder?: string, _options?: WaitOptions): AsyncIterable<DriveDifference> {
    throw new DatError('INVARIANT', 'not built')
  }
  has(_path: string, _options?: WaitOptions): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }
  download(_path?: string, _options?: WaitOptions): DriveDownload {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Operations in their order, oldest first; `entry` is `undefined` for a deletion. */
  history(
    _range?: { gte?: number; lt?: number; reverse?: boolean; limit?: number; live?: boolean },
    _options?: WaitOptions,
  ): AsyncIterable<{ version: number; path: string; entry: DriveEntry | undefined }> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** The drive at an older version, read-only. */
  checkout(_version: number): DriveReader {
    throw new DatError('INVARIANT', 'not built')
  }
  /** One step whenever the drive changed since the step before, until the signal. */
  watch(_options?: { signal?: AbortSignal }): AsyncIterable<DriveChange> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Asks peers for a newer version; was there one? */
  update(_options?: WaitOptions): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Writes a file: bytes first, then its row. Resolves when acknowledged. */
  put(
    _path: string,
    _content: Uint8Array | AsyncIterable<Uint8Array>,
    _options?: PutFileOptions,
  ): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** `target` is stored as it is. */
  symlink(_path: string, _target: string, _options?: { metadata?: unknown }): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Deletes a row; was there one? The bytes stay in the history. */
  del(_path: string): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Writes a row alone: another name, or other flags, for bytes that are here. */
  putEntry(
    _path: string,
    _row: Partial<Omit<DriveEntry, 'path' | 'seq' | 'invalid'>>,
  ): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Many operations: bytes in few appends, all rows in one. */
  batch(): DriveBatch {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Gives back the space of a file's bytes on this machine, or of all files below a folder. */
  clear(_path?: string): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  close(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

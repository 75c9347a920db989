/**
 * The few things a store asks of a file system, so that tests can tear writes, lose syncs and fill disks.
 *
 * Owns: the contract. Reads and writes are positioned and synchronous: with the page cache warm they
 * cost less than a promise. What waits for the device (`sync`) is asynchronous. Errors are `DatError`:
 * `STORE_FULL` for ENOSPC and EDQUOT, `STORE_LOCKED`, else `IO` with the system's error as cause.
 *
 * Names are plain file names in one directory; there are no sub-directories.
 */

/** A folder, as a store uses it. */
export interface Disk {
  /** For messages: where this is. */
  readonly path: string
  readonly readOnly: boolean
  /** Names of the files that are there. */
  list(): string[]
  /** Opens `name`; `undefined` if it is not there and `create` is not set. Owner-only permissions. */
  open(name: string, options?: { create?: boolean }): DiskFile | undefined
  /** Replaces `to` by `from` atomically; durable once `syncNames` has resolved. */
  rename(from: string, to: string): void
  remove(name: string): void
  /** Makes creations, renames and removals durable. */
  syncNames(): Promise<void>
  /**
   * Takes the lock that one writer holds until `unlock` or the end of its process. Throws `STORE_LOCKED`
   * with the holder's description in `facts`. `describe` is what the next one will read about us.
   */
  lock(describe: string): void
  unlock(): void
  /** Bytes that may still be written where this is; Infinity where unknown. */
  freeBytes(): number
  /** Something that changes when the directory is copied (device and inode); '' where unknown. */
  identity(): string
}

/** An open file. Methods that take `into` or `bytes` use them during the call only. */
export interface DiskFile {
  readonly name: string
  size(): number
  /** Fills `into[at .. at + length)` from file offset `from`; returns the bytes read (fewer at the end). */
  read(into: Uint8Array, at: number, length: number, from: number): number
  /** The same in the thread pool, for data that is likely not in the page cache. */
  readLater(into: Uint8Array, at: number, length: number, from: number): Promise<number>
  /** Writes all of `bytes` at file offset `to`, or throws. */
  write(bytes: Uint8Array, to: number): void
  truncate(size: number): void
  /** Gives `length` bytes at `from` back to the file system, keeping offsets; false where it can't. */
  punch(from: number, length: number): boolean
  /** Everything written so far is on the device when this resolves. */
  sync(): Promise<void>
  close(): void
}

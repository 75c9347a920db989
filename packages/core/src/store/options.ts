/**
 * How an on-disk store is opened.
 *
 * Owns: the options of `openStore`, and the sizes that tests make small to see a segment end or a page leave.
 */

import type { Clock } from '../base/clock.ts'
import type { Crc32 } from './crc32.ts'
import type { Disk } from './disk.ts'
import type { Durability } from './store.ts'

/** Options of `openStore`. */
export interface OpenStoreOptions {
  readonly disk: Disk
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default `group`. */
  readonly durability?: Durability
  /** Take no lock and write nothing; another process may go on writing. Default false. */
  readonly readOnly?: boolean
  /**
   * The user's word that a damaged or copied store may be written again from what is left of it. Whoever asks for it
   * first learns from peers whether they hold more. Default false: such a store opens read-only.
   */
  readonly recover?: boolean
  /**
   * 32 bytes: the primary key of the store that is made, instead of a random one. `CONFLICT` where a store with
   * another is there. Two stores of one primary key must never write the same names: their logs would have two
   * histories, and every peer that meets both freezes them.
   */
  readonly primaryKey?: Uint8Array | undefined
  /**
   * Bytes that the store may take on the disk, what was dropped and is not given back yet included. A block that would take
   * it beyond is refused with `STORE_FULL`: an append fails, and nothing is fetched any more until there is room. Everything
   * else goes on, so it may be exceeded by the index (some 90 bytes a block). Default: no quota.
   */
  readonly quotaBytes?: number | undefined
  /** Bytes that are left free on the disk, in the same way. Default 64 MiB; 0 leaves it to the disk to say no. */
  readonly keepFreeBytes?: number | undefined
  /** Fills bytes at random. Default: the crypto provider's. */
  readonly random?: (out: Uint8Array) => void
  /** A native checksum. Default: ours, slower. */
  readonly crc32?: Crc32
  readonly sizes?: Partial<StoreSizes>
}

/** See the constants of the same names in `base/limits.ts`. */
export interface StoreSizes {
  readonly segmentBytes: number
  readonly pageSegmentBytes: number
  readonly checkpointBytes: number
  readonly pageCacheBytes: number
  /** Changed index pages in memory, at most, before a checkpoint starts. */
  readonly dirtyBytes: number
  /** A record of a large commit is ended, and continued in the next one, when it has grown to this. */
  readonly recordBytes: number
}

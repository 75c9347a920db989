/**
 * What a log needs of a store: the contract that the memory engine and the on-disk engine fulfil, and
 * that one suite (`test/suites/store.ts`) proves for both.
 *
 * Owns: the interfaces `Store` and `Slot`. These statements always hold:
 *
 * - A store holds many logs. Each has a number, small and dense, and a `Slot`, through which all its
 *   blocks, nodes and its head are read and staged. The store checks no hash and no signature.
 * - **Reads are synchronous and see what was staged at once.** A read of something that is not in memory
 *   reads the file there and then; `warm` is there to be awaited first by whoever touches cold data.
 * - **Changes are staged, then committed.** `commit` hands everything staged since the last one, of all
 *   logs, to the operating system as one record with a checksum: after a crash a record is there
 *   as a whole or not at all. `rewind` takes back what was staged since a `mark`. **A commit that fails takes
 *   back everything that was staged, of all logs**; reading goes on, and so do later commits if the cause was
 *   a full disk. Whoever keeps state beside a slot reads it again then.
 * - **Addresses grow.** Each staged byte has an address in the data log. What stands on an address below
 *   `syncedAddress` is on the disk. Nothing may be shown to a peer before that.
 * - A head's length rules: blocks and nodes at or beyond it are dropped when the store is opened.
 * - Wrong bytes are never returned as right: reads of damaged pages or blocks throw `CORRUPT_STORE` with the log
 *   and the block in `facts`. A `stageClear` of that block lets it be fetched again.
 */

/** How far an acknowledgement goes. `group`: handed to the operating system; synced within 50 ms. */
export type Durability = 'group' | 'strict' | 'none'

/** Who a log is. Set when it is created; `manifest` may be learnt later. */
export interface LogIdentity {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly generation: 1 | 2 | 3
  /** Encoded manifest (generation 3). */
  readonly manifest: Uint8Array | undefined
  /** What writes this log, if it is ours: a public key, and the secret where it can't be derived. */
  readonly publicKey: Uint8Array | undefined
  readonly secretKey: Uint8Array | undefined
  /** The name it was made under; its key pair derives from the store's primary key. */
  readonly alias: Alias | undefined
}

/** A name that is unique within its namespace. */
export interface Alias {
  /** 32 bytes. */
  readonly namespace: Uint8Array
  readonly name: string
}

/** The newest state of a log that its author stands behind, or will (unsigned heads of our own). */
export interface Head {
  readonly fork: number
  readonly length: number
  /** Stored bytes of all blocks, held or not. */
  readonly byteLength: number
  /** `undefined` while a head of our own is not signed yet (lazy), and for an empty log. */
  readonly signature: Uint8Array | undefined
}

/** A stored log as its record tells it: for lists of very many, where a slot for each would be too much. */
export interface LogEntry {
  /** Its number in this store, which no other log will ever have. */
  readonly log: number
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly generation: LogIdentity['generation']
  readonly alias: Alias | undefined
  /** The key to write it is ours. */
  readonly isOwn: boolean
  readonly length: number
  readonly fork: number
  /** Blocks that are here, of `length`. */
  readonly heldBlocks: number
  /** Bytes of those blocks as they are stored: what deleting the log gives back, but for its index. */
  readonly heldBytes: number
  /** When somebody last used the log, to the hour, in milliseconds since 1970; 0 if that is not known. */
  readonly usedMs: number
}

/** How much is done to give space back. */
export interface ReclaimOptions {
  /** Do nothing while less than this was dropped and not given back. Default 0. */
  readonly minBytes?: number
  /**
   * Also write again what lives in files of which a tenth is dead; otherwise half must be. Takes the time that copying
   * takes. Default false.
   */
  readonly thorough?: boolean
}

/** How large a store is. */
export interface StoreStats {
  readonly logs: number
  /** Bytes of block data and records that are live, and that the files hold. */
  readonly liveBytes: number
  readonly fileBytes: number
}

/** What `Store.commit` returns where nothing has to be waited for. */
export const COMMITTED: Promise<void> = Promise.resolve()

/** Many logs, under one lock and in one sequence of commits. */
export interface Store {
  readonly durability: Durability
  /** False when opened read-only, when damaged or copied: `whyReadOnly` then says why. */
  readonly writable: boolean
  readonly whyReadOnly: string | undefined
  /** The error behind `whyReadOnly`, where there was one: what the system said of the write or sync that failed. */
  readonly cause: unknown
  /**
   * Bytes of blocks that are still taken: what the quota and the space kept free on the disk leave; Infinity without
   * such limits. Asks the file system.
   */
  readonly roomBytes: number
  /**
   * Gives the store another quota than the one that it was opened with, Infinity for none; what is beyond a smaller one
   * stays. Throws `BAD_ARGUMENT`.
   */
  setQuota(bytes: number): void
  /**
   * 32 bytes; made when the store was first opened. Never printed, never sent. Throws `CORRUPT_STORE` where the
   * file that held it is lost.
   */
  readonly primaryKey: Uint8Array

  // ---- Logs ----

  find(discoveryKey: Uint8Array): number | undefined
  findAlias(alias: Alias): number | undefined
  /** The slot of an existing log. Cheap; the same object while it is in use. */
  slot(log: number): Slot
  /**
   * Adds a log; commits what is staged. What identifies a log of ours (`publicKey`) is synced when this
   * resolves, in every durability mode. `CONFLICT` if the log or the alias is there already.
   */
  create(identity: LogIdentity): Promise<Slot>
  /** Removes a log, its alias and all its data, and gives the space back. Staged like any change. */
  remove(log: number): void
  /** Numbers of all logs, in order of creation. */
  logs(): Iterable<number>
  /**
   * All logs, in order of creation. Reads no page and no file, and makes no slot. May be gone through in slices: a log
   * that is made or removed meanwhile is there or not.
   */
  entries(): Iterable<LogEntry>
  /** Numbers of the logs that have user data under this name, in order of creation. As cheap as `entries`. */
  logsWith(userDataName: string): number[]
  /**
   * Somebody uses the log at this time (milliseconds since 1970). Kept to the hour and written with the next
   * checkpoint or on closing, never by itself: a crash may forget it.
   */
  used(log: number, nowMs: number): void

  // ---- Changes ----

  /** A point that `rewind` can go back to; valid until the next `commit`. */
  mark(): number
  rewind(mark: number): void
  /**
   * One record, one write, made before this returns; resolves when acknowledged as `durability` says. Rejects with
   * `STORE_FULL`, or with `IO` after which the store is read-only until it is opened again. Where nothing has to be
   * waited for the promise is `COMMITTED`.
   */
  commit(): Promise<void>
  /** Address behind everything committed so far. */
  readonly writtenAddress: number
  /** Everything below is on the disk (in mode `none`: written). */
  readonly syncedAddress: number
  /** Resolves when everything committed so far is synced. Callers of one moment share one sync. */
  sync(): Promise<void>
  /** Calls `listener` after each rise of `syncedAddress`; returns the way to stop that. */
  onSynced(listener: () => void): () => void

  /** Writes index pages and snapshot now, so that the next opening replays nothing. */
  checkpoint(): Promise<void>
  /**
   * Gives what was dropped by commits so far back to the file system, as far as it can go: when this resolves, it is
   * free. Calls of one moment share the work. Returns the bytes by which the files have shrunk.
   */
  reclaim(options?: ReclaimOptions): Promise<number>
  stats(): StoreStats
  /** Commits, syncs, checkpoints, releases the lock. */
  close(): Promise<void>
}

/**
 * One log in a store. Methods that change anything start with `stage` or `put` and take effect at once
 * for readers; they are on the disk as the store's `commit` and `sync` say.
 */
export interface Slot {
  readonly log: number
  /** That of the identity, for who needs nothing else of it. */
  readonly generation: LogIdentity['generation']
  readonly identity: LogIdentity
  readonly head: Head
  // Most of ten thousand open logs only rest, and what is asked of those is answered without making either of the two.
  /** Copies the key and the discovery key, 32 bytes each, to `into`. */
  copyKeys(into: Uint8Array): void
  /** Does the identity name a public key or an alias, as that of a log that was made here? */
  readonly isOwn: boolean
  /** Is there a manifest, and the key not in it, so that it is the manifest's hash? */
  readonly isHashOfManifest: boolean
  readonly isSigned: boolean
  /** Those of the head, for who does not need its signature. */
  readonly fork: number
  readonly length: number
  readonly byteLength: number
  /** Address behind the record that set `head`, for comparison with `syncedAddress`. */
  readonly headAddress: number
  /** Blocks present from 0 without a gap. */
  readonly contiguousLength: number
  /** Number of blocks held. */
  readonly heldBlocks: number
  /** Stored bytes of the blocks that are held. */
  readonly heldBytes: number

  // ---- Blocks ----

  has(index: number): boolean
  /** First index in `from .. end` that is held (or missing); `end` if there is none. */
  nextHeld(from: number, end: number): number
  nextMissing(from: number, end: number): number
  /** A copy of the stored bytes that the caller owns, or `undefined` if the block is not held. */
  read(index: number): Uint8Array | undefined
  /** Copies the stored bytes to `into` at `at`; the caller knows the size. False if not held. */
  readInto(index: number, into: Uint8Array, at: number): boolean
  /** Is the block held, and would reading it stall on a cold disk? Then await `warm`. */
  isCold(start: number, end: number): boolean
  /** Brings index pages and blocks of `start .. end` into memory. */
  warm(start: number, end: number): Promise<void>
  /** Address behind the block's bytes; 0 if it is not held. */
  addressOf(index: number): number

  // ---- Tree nodes ----

  /** Finds a node; then `nodeBytes[nodeAt .. +32)` is its hash, valid until the next call, and its size `nodeSize`. */
  findNode(index: number): boolean
  readonly nodeBytes: Uint8Array
  readonly nodeAt: number
  readonly nodeSize: number

  // ---- Staging ----

  /**
   * Makes room for a block of `size` bytes and returns where: write the bytes to
   * `staging[at .. at + size)`. The 9 bytes before `at` hold the leaf prefix of the log's
   * generation (`00`, then the size), so that the leaf hash is one call over contiguous memory.
   * The block counts as held when `putBlock` was called. `staging` may be replaced by this call. A
   * store has one reservation at a time: the next one, `mark`, `rewind` and `commit` give up the one
   * before. Throws `STORE_FULL`, and nothing has changed, where `roomBytes` does not suffice.
   */
  reserve(index: number, size: number): number
  readonly staging: Uint8Array
  /** The reserved block is right: it is held from now on. Its leaf node was put, or will be before `commit`. */
  putBlock(index: number): void
  /** The same, and its leaf is the hash `bytes[at .. at + 32)`. */
  putBlockAndLeaf(index: number, bytes: Uint8Array, at: number): void
  /** Stores a node whose hash is `bytes[at .. at + 32)`. */
  putNode(index: number, size: number, bytes: Uint8Array, at: number): void
  stageHead(head: Head): void
  /** Shortens to `head.length`: drops blocks at or above it and nodes that cover any of them. */
  stageTruncate(head: Head): void
  /** Drops blocks `start .. end` and gives their bytes back; nodes stay. */
  stageClear(start: number, end: number): void
  stageManifest(manifest: Uint8Array): void
  /** Signatures kept per length (generations 1 and 2). */
  putSignature(length: number, signature: Uint8Array): void
  signature(length: number): Uint8Array | undefined
  /** Small values beside the log, local only. `undefined` deletes. */
  userData(name: string): Uint8Array | undefined
  userDataNames(): string[]
  stageUserData(name: string, value: Uint8Array | undefined): void
}

/**
 * The words of reading old stores: what was found, what it holds, and what is wrong with it.
 *
 * Owns: the types that `detect.ts`, `open.ts` and `inspect.ts` give. Three statements always hold: a source is never
 * written to; nothing in these structures is verified unless its name says so; and what could not be read is a
 * `StoredProblem`, never silence.
 */

import type { StoredLog } from '@dat-rhino/core/log/stored-log'

/** What a path is. */
export type FoundKind =
  /** One log in SLEEP files: `key`, `tree`, `data`, `bitfield`, `signatures` (hypercore 5 to 9). */
  | 'feed'
  /** `metadata/` and `content/`, a SLEEP folder each (hyperdrive 9, Beaker). */
  | 'archive'
  /** `metadata.*` and `content.*` with all versions in `content.data` (dat-node, `latest: false`). */
  | 'dat-archive'
  /** `.dat/` beside the files themselves, which hold the content (the dat command). */
  | 'dat-folder'
  /** Folders `0`, `1`, … with a SLEEP folder each (multifeed, cabal). */
  | 'multifeed'
  /** Logs under `ab/cd/abcd…`, with `master_key` (corestore 5, hyperdrive 10). */
  | 'corestore-5'
  /** One log in hypercore 10's files: `oplog`, `tree`, `data`, `bitfield`. */
  | 'hypercore-10'
  /** `cores/ab/cd/abcd…` and `primary-key` (corestore 6). */
  | 'corestore-6'
  /** A RocksDB database (corestore 7, hypercore 11). */
  | 'corestore-7'
  /** A store of Dat Rhino, or a folder that has one in `.dat-rhino`. */
  | 'rhino'
  /** `~/.dat/secret_keys`: the secret keys of dat, by discovery key. */
  | 'dat-secrets'
  /** Nothing itself, but stores were found below it (`nested`); a Beaker profile, for instance. */
  | 'folder'
  | 'nothing'

/** What a path is, how sure that is, and why. */
export interface Found {
  readonly kind: FoundKind
  /** The folder to open; the parent of `.dat` for a `dat-folder`. Absolute. */
  readonly path: string
  /** `certain`: files were read and have the right form. `likely`: names and sizes fit, but a file is missing or damaged. */
  readonly sure: 'certain' | 'likely'
  /** One sentence for a person: which files say so. */
  readonly why: string
  /** Stores below `path`, in order of their paths. */
  readonly nested: readonly Found[]
  /** The search below `path` ended at a limit: there may be more. */
  readonly isCut: boolean
}

/** Something that could not be read as it should be. */
export interface StoredProblem {
  /**
   * `missing`, `damaged` and `cut`: of files. `edited`: a file of a `dat-folder` differs from what was published.
   * `inconsistent`: files contradict one another. `unsupported`: a form that we do not read.
   */
  readonly kind: 'missing' | 'damaged' | 'cut' | 'edited' | 'inconsistent' | 'unsupported'
  /** The file, absolute; the folder where no file is to blame. */
  readonly path: string
  /** What is wrong and what follows from it, for a person. */
  readonly message: string
  /** The block that is concerned, if it is one. */
  readonly block?: number
}

/** Which part of an archive a log is. */
export type StoredRole = 'metadata' | 'content' | 'log'

/** One log of a store, with what the store says of it. */
export interface StoredPart {
  readonly role: StoredRole
  readonly log: StoredLog
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array
  /** Name under which the store knows the log: of corestore 5 to 7, or the `localname` of multifeed. */
  readonly name: string | undefined
  /** 32 bytes; with `name` in corestores 6 and 7. */
  readonly namespace: Uint8Array | undefined
  /** Local values beside the log (hypercore 10 and 11); empty elsewhere. */
  readonly userData: ReadonlyMap<string, Uint8Array>
  /** The folder of its files. */
  readonly path: string
  /** What was found wrong so far. Reading blocks may add to it. */
  readonly problems: readonly StoredProblem[]
}

/** What block 0 of the first log says, by the name that stands there. */
export type StoredFormat = 'hyperdrive' | 'hypertrie' | 'hyperbee' | 'append-tree' | 'log'

/** Logs that belong together: an archive, a drive, or a log alone. */
export interface StoredArchive {
  /** Of the first log; 32 bytes. Its address. */
  readonly key: Uint8Array
  readonly format: StoredFormat
  /** Marked as the copy of its owner (`metadata.ogd`), whether the secret key was found or not. */
  readonly isOwners: boolean
  /** Metadata first, then content; or one log. */
  readonly parts: readonly StoredPart[]
}

/** An old store, opened for reading. */
export interface StoredStore {
  readonly found: Found
  readonly archives: readonly StoredArchive[]
  /** `master_key` or `primary-key`: the secret from which named logs get their keys. 32 bytes. */
  readonly primaryKey: Uint8Array | undefined
  /** What concerns no log that could be opened. */
  readonly problems: readonly StoredProblem[]
  close(): Promise<void>
}

/** How to open an old store. */
export interface OpenStoredOptions {
  /** Folder with secret keys by discovery key, as `~/.dat/secret_keys` is, which is the default. */
  readonly secretKeys?: string | undefined
  /** Main file of the package `rocksdb-native`, for corestores 7. Default: as it is installed beside this package. */
  readonly rocksdb?: string | undefined
}

/** One thing that can be done with an archive. */
export type Possibility =
  /** Its files, or blocks, can be read out here. */
  | 'read'
  /** It can be given to others under its own key. */
  | 'serve'
  /** The secret key is here: it can be continued under its own key. */
  | 'continue'
  /** It can be published anew, under the same key (needs the secret key). */
  | 'migrate-same-key'
  /** It can be published anew, under a new key. */
  | 'migrate-new-key'

/** Why a block is not good. */
export interface DamagedBlock {
  readonly block: number
  readonly reason: 'hash' | 'unreadable' | 'no-leaf'
}

/** What a log turned out to be when each block, node and signature was checked. */
export interface Audit {
  /** Bytes of all blocks, held or not; `undefined` if the roots are not all there. */
  readonly byteLength: number | undefined
  /** Blocks and bytes that are here and fit their hashes. */
  readonly blocks: number
  readonly bytes: number
  /** Blocks that are not here, as ranges `[start, end)`, at most `INSPECT_RANGES_MAX`. */
  readonly missing: readonly (readonly [number, number])[]
  readonly missingCount: number
  /** Blocks that should be here and are not good, at most `INSPECT_RANGES_MAX`. */
  readonly damaged: readonly DamagedBlock[]
  readonly damagedCount: number
  /** Parents in the tree that do not fit their children. */
  readonly damagedNodes: number
  /** Largest length at which a signature of the key holds (or the key is the root hash); 0 for none. */
  readonly signedLength: number
  /** Signatures that are not of the key, or over another tree than the one that is there. */
  readonly wrongSignatures: number
}

/** What one log is like: what was found beside it, and what it is by its own hashes and signatures. */
export interface LogInspection extends Audit {
  readonly role: StoredRole
  readonly key: string
  readonly discoveryKey: string
  readonly generation: 1 | 2 | 3
  readonly name: string | undefined
  readonly path: string
  readonly length: number
  readonly fork: number
  readonly secretKey: boolean
  readonly problems: readonly StoredProblem[]
}

/** What one archive is like. */
export interface ArchiveInspection {
  readonly link: string
  readonly key: string
  readonly format: StoredFormat
  /** The newest version by the old count; `undefined` for plain logs. */
  readonly version: number | undefined
  /** Everything that its length speaks of is here and good. */
  readonly isComplete: boolean
  /** `owned`: the secret key is here. `owner-without-secret`: marked as the owner's copy, but no key was found. */
  readonly ownership: 'owned' | 'owner-without-secret' | 'copy'
  readonly logs: readonly LogInspection[]
  /** Files that were edited since they were published (`dat-folder`). */
  readonly edited: readonly string[]
  readonly possible: readonly Possibility[]
}

/** What a path is and what could be done with it. Plain data: `JSON.stringify` gives all of it. */
export interface Inspection {
  readonly path: string
  readonly found: Found
  readonly archives: readonly ArchiveInspection[]
  readonly problems: readonly StoredProblem[]
}

/** How to inspect. */
export interface InspectOptions extends OpenStoredOptions {
  /** Blocks looked at so far, and all that are held by the store's account. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

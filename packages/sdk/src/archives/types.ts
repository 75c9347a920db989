/**
 * The words of old archives that live again: which of them is meant, what was taken over, and what was opened.
 *
 * Owns: the types that `archives.ts`, `take.ts`, `served.ts` and `look.ts` share. Plain data where it says what was
 * found; secret keys are never in it.
 */

import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Bee } from '@dat-rhino/core/index/bee'
import type { Trie } from '@dat-rhino/core/index/trie/trie'
import type { AdoptReport } from '@dat-rhino/core/log/adopt'
import type { Log } from '@dat-rhino/core/log/log'
import type {
  OpenStoredOptions,
  StoredFormat,
  StoredProblem,
  StoredRole,
} from '../migrate/types.ts'
import type { Ending } from './closing.ts'

/** Which archive of an old store, and how it is taken over. */
export interface OldOptions extends OpenStoredOptions {
  /** Which, if several lie there: its link or key, the beginning of its key in hex, or the name its store gives it. */
  readonly archive?: string | undefined
  /** Blocks looked at so far, of all that there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** How old archives are taken into the store of a node. */
export interface ImportOptions extends OldOptions {
  /**
   * Take the secret keys too, so that this store can go on writing. Only if the old program never writes again: two
   * that write one log sign two histories, which ends it for everybody. Default false.
   */
  readonly writable?: boolean | undefined
}

/** What became of one log of the old files. */
export interface TakenLog {
  readonly role: StoredRole
  /** Hex. */
  readonly key: string
  readonly generation: 1 | 2 | 3
  readonly name: string | undefined
  /** `undefined`: nothing in its files is signed by its key, and nothing was taken; `problem` says so. */
  readonly report: AdoptReport | undefined
  readonly problem: string | undefined
  /** Found in its files. Blocks that were read may have added to it. */
  readonly problems: readonly StoredProblem[]
}

/** What became of one archive. */
export interface TakenArchive {
  /** As it is passed on. */
  readonly link: string
  /** Hex. */
  readonly key: string
  readonly format: StoredFormat
  readonly logs: readonly TakenLog[]
}

/** Something that was opened without being told what it is. Close it when done. */
export type Opened = OpenedDrive | OpenedBee | OpenedTrie | OpenedLog

interface OpenedSomething extends Ending {
  readonly link: string
  /** Where it comes from: peers and our store, a folder of ours, or files of another program. */
  readonly source: 'link' | 'folder' | 'files'
  /** The log of rows; of a plain log, itself. */
  readonly log: Log
  /** What was taken over from the files; `undefined` for other sources. */
  readonly taken: TakenArchive | undefined
}

/** A drive of any of the three formats. */
export interface OpenedDrive extends OpenedSomething {
  readonly kind: 'drive'
  readonly drive: Drive
}

/** A hyperbee that names no files. */
export interface OpenedBee extends OpenedSomething {
  readonly kind: 'bee'
  readonly bee: Bee
}

/** A hypertrie that names no files. */
export interface OpenedTrie extends OpenedSomething {
  readonly kind: 'trie'
  readonly trie: Trie
}

/** Blocks, and nothing that tells what they are. */
export interface OpenedLog extends OpenedSomething {
  readonly kind: 'log'
}

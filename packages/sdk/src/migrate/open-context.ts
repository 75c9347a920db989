/**
 * What all that open parts of an old store share.
 *
 * Owns: the descriptors and the list of what was found wrong, once for each store.
 */

import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { ProblemList } from './problems.ts'
import { FilePool } from './stored-file.ts'
import type { StoredArchive, StoredPart } from './types.ts'

/** Made for each store that is opened. */
export class OpenContext {
  readonly pool: FilePool = new FilePool()
  /** What concerns no log that could be opened. */
  readonly problems: ProblemList = new ProblemList()
  /** Folder with secret keys by discovery key. */
  readonly secretKeys: string

  constructor(secretKeys: string) {
    this.secretKeys = secretKeys
  }
}

/** What a kind of store gives when it is opened. */
export interface Opened {
  readonly archives: readonly StoredArchive[]
  readonly primaryKey?: Uint8Array | undefined
  /** Closes what is not in the context. */
  readonly close?: () => Promise<void>
}

/** How a log is known in its store. */
export interface PartNames {
  readonly name?: string | undefined
  readonly namespace?: Uint8Array | undefined
  readonly userData?: ReadonlyMap<string, Uint8Array>
}

/** A log with what its store says of it. Its role is settled when logs are joined to archives. */
export function partOf(
  log: StoredLog,
  path: string,
  problems: ProblemList,
  names: PartNames = {},
): StoredPart {
  return {
    role: 'log',
    log,
    discoveryKey: discoveryKey(log.key),
    name: names.name,
    namespace: names.namespace,
    userData: names.userData ?? new Map(),
    path,
    problems: problems.all,
  }
}

/** What the parts of an export share. */

import type { Drive, DriveReader } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { FolderWriter } from './folder-writer.ts'
import type { Ledger } from './ledger.ts'
import type { Teller } from './teller.ts'

/** One export: from where, to where, and what it may do. */
export interface ExportContext {
  readonly drive: Drive
  /** The drive at the version that is written out. */
  readonly target: DriveReader
  readonly writer: FolderWriter
  readonly ledger: Ledger
  readonly teller: Teller
  /** For every wait on peers. */
  readonly wait: WaitOptions
  readonly signal: AbortSignal
  /** Overwrite what was edited here, keeping it aside. */
  readonly force: boolean
  /** Compare contents whatever stats say. */
  readonly verify: boolean
}

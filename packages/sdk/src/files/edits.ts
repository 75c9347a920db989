/**
 * Which files of a folder are not as they were left when folder and drive agreed last.
 *
 * Owns: a look at size, times and kind of each file that the ledger knows. No content is read, so a file that was
 * changed and changed back counts as changed, and one that changed in the very moment of the last pass may not.
 */

import { lstatSync, type Stats } from 'node:fs'
import { systemClock } from '@dat-rhino/core/base/clock'
import { Pace } from '@dat-rhino/core/base/pace'
import { Ledger } from './ledger.ts'
import type { LedgerRow } from './ledger-row.ts'
import { localPath } from './paths.ts'
import { isMissing } from './problems.ts'
import { fileStat, isUntouched } from './stat.ts'

/** What has happened to a folder since its last pass, as far as a look from outside tells. */
export interface LocalEdits {
  /** Version of the drive at the last pass. */
  readonly version: number
  /** When the last pass wrote down what it had found, in milliseconds since 1970. */
  readonly at: number
  /** Files that the last pass left as they should be. */
  readonly files: number
  readonly changed: number
  readonly missing: number
}

/**
 * Looks at each file that the ledger knows; works while another process writes the ledger.
 *
 * @param ledgerPath `undefined` is returned where there is none yet
 */
export async function localEdits(
  root: string,
  ledgerPath: string,
  signal?: AbortSignal,
): Promise<LocalEdits | undefined> {
  const ledger = await Ledger.read(ledgerPath)
  if (ledger === undefined) return undefined
  const pace = new Pace(systemClock)
  const counts = { files: 0, changed: 0, missing: 0 }
  try {
    for (const cursor = ledger.cursor(); cursor.row !== undefined; cursor.advance()) {
      counts.files++
      const what = compare(root, cursor.row)
      if (what !== 'same') counts[what]++
      if (!pace.isOver) continue
      signal?.throwIfAborted()
      await pace.turn()
    }
    return { version: ledger.version, at: Math.round(ledger.clockMs), ...counts }
  } finally {
    ledger.close()
  }
}

function compare(root: string, row: LedgerRow): 'same' | 'changed' | 'missing' {
  let stats: Stats
  try {
    stats = lstatSync(localPath(root, row.path))
  } catch (error) {
    return isMissing(error) ? 'missing' : 'same'
  }
  if (row.kind === 'link' ? !stats.isSymbolicLink() : !stats.isFile()) return 'changed'
  const now = fileStat(stats)
  if (row.stat.executable !== now.executable && row.kind === 'file') return 'changed'
  const isUncertain = row.stat.mtimeMs === 0
  const isSame = isUncertain ? row.stat.size === now.size : isUntouched(row.stat, now)
  return isSame ? 'same' : 'changed'
}

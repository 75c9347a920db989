/**
 * Brings a share's ledger back in step with its drive.
 *
 * Owns: what happens when the two speak of different versions: a process died between them, the ledger was lost, or
 * somebody wrote to the drive otherwise. Rows that the drive has kept since they were recorded stay as they are; all
 * others are recorded as "compare by content", which costs reading and stores nothing twice.
 */

import type { Drive, DriveEntry } from '@dat-rhino/core/drive/drive'
import type { Ledger } from './ledger.ts'
import type { LedgerRow } from './ledger-row.ts'
import { comparePaths } from './paths.ts'

const BATCH_ROWS = 2_048

export async function relearn(drive: Drive, ledger: Ledger, signal: AbortSignal): Promise<void> {
  const { version } = drive
  const before = ledger.version
  const cursor = ledger.cursor()
  let rows: LedgerRow[] = []
  let removed: string[] = []
  const record = (until: number): void => {
    ledger.record({ rows, removed, version: until })
    rows = []
    removed = []
  }
  for await (const entry of drive.list('/', { signal })) {
    for (let row = cursor.row; row !== undefined && isBehind(entry, row); row = cursor.row) {
      removed.push(row.path)
      cursor.advance()
    }
    const known = cursor.row?.path === entry.path ? cursor.row : undefined
    if (known !== undefined) cursor.advance()
    if (known === undefined || entry.seq >= known.seq) rows.push(unseen(entry, version))
    if (rows.length + removed.length >= BATCH_ROWS) record(before)
  }
  for (let row = cursor.row; row !== undefined; row = cursor.row) {
    removed.push(row.path)
    cursor.advance()
  }
  record(version)
}

function isBehind(entry: DriveEntry, row: LedgerRow): boolean {
  return comparePaths(row.path, entry.path) < 0
}

/** A row that matches no file: whatever is there will be compared with the drive. */
function unseen(entry: DriveEntry, version: number): LedgerRow {
  const size = entry.blob?.byteLength ?? 0
  return {
    path: entry.path,
    kind: entry.linkname === undefined ? 'file' : 'link',
    stat: { size, mtimeMs: 0, ctimeMs: 0, inode: 0, executable: entry.executable },
    seq: version,
  }
}

/**
 * `dat ls LINK|DIR [PATH]`: what a drive holds, without cloning it.
 *
 * Owns: the form of a listing. Folders end with a slash; names are escaped for the terminal by the output.
 */

import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import { bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { notThere, type OpenedDrive, type ReadFlags, withDrive } from './open-drive.ts'

export interface ListFlags extends ReadFlags {
  readonly recursive?: boolean
  readonly long?: boolean
}

export async function list(
  session: Session,
  where: string,
  path: string | undefined,
  flags: ListFlags,
): Promise<void> {
  await withDrive(session, where, path, flags, async (opened) => {
    const { drive, path: below, wait } = opened
    const entry = below === '/' ? undefined : await drive.entry(below, wait)
    if (entry !== undefined && !isFolder(entry)) return showEntry(session, entry, flags)

    const shown = await (flags.recursive === true
      ? listAll(session, opened, flags)
      : listFolder(session, opened, flags))
    if (shown === 0 && (await drive.stat(below, wait)) === undefined) throw notThere(below)
  })
}

/** Everything below a folder; returns how many there were. */
async function listAll(session: Session, opened: OpenedDrive, flags: ListFlags): Promise<number> {
  const { drive, path, wait } = opened
  let shown = 0
  for await (const entry of drive.list(path, wait)) {
    showEntry(session, entry, flags)
    shown++
  }
  return shown
}

async function listFolder(
  session: Session,
  { drive, path, wait }: OpenedDrive,
  flags: ListFlags,
): Promise<number> {
  let shown = 0
  for await (const item of drive.readdir(path, wait)) {
    const { entry } = item
    if (entry !== undefined && !isFolder(entry)) showEntry(session, entry, flags, item.name)
    if (item.folder) showFolder(session, item.path, item.name, flags)
    shown++
  }
  return shown
}

function showEntry(
  { output }: Session,
  entry: DriveEntry,
  flags: ListFlags,
  name: string = entry.path,
): void {
  const target = entry.linkname === undefined ? '' : ` -> ${entry.linkname}`
  const invalid = entry.invalid === undefined ? '' : `  (invalid: ${entry.invalid})`
  const bytes = entry.stat.size ?? entry.blob?.byteLength ?? 0
  output.result(
    'entry',
    {
      path: entry.path,
      version: entry.version,
      bytes,
      executable: entry.executable,
      ...(entry.stat.mtimeMs === undefined ? {} : { mtimeMs: entry.stat.mtimeMs }),
      ...(entry.linkname === undefined ? {} : { linkname: entry.linkname }),
      ...(entry.invalid === undefined ? {} : { invalid: entry.invalid }),
    },
    longForm(flags, kindOf(entry), size(bytes)) + name + target + invalid,
  )
}

function showFolder({ output }: Session, path: string, name: string, flags: ListFlags): void {
  output.result('folder', { path }, `${longForm(flags, 'd', '-')}${name}/`)
}

/** Older drives have rows of folders too. */
function isFolder(entry: DriveEntry): boolean {
  return entry.stat.kind === 'folder'
}

function kindOf(entry: DriveEntry): string {
  if (entry.linkname !== undefined) return 'l'
  return entry.executable ? 'x' : 'f'
}

function longForm(flags: ListFlags, kind: string, sizeText: string): string {
  return flags.long === true ? `${kind} ${sizeText.padStart(8)}  ` : ''
}

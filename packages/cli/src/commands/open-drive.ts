/**
 * What `ls`, `cat` and `log` read from: a drive by its link, the stored drive of a folder, or an old archive in its files.
 *
 * Owns: what the first argument means, and that everything is closed again. A text that reads as a link is one
 * (`./NAME` means a folder whatever its name); anything else is a folder, or lies in one, that was shared or cloned
 * here, or that an older program keeps an archive in. A folder's store is opened for reading only and without network, so
 * that this works while another process shares it; old files are read where they lie.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import type { Drive, DriveReader } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { open, type Rhino } from '@dat-rhino/sdk'
import { AT_ONCE_MS } from '@dat-rhino/sdk/network/network'
import {
  type ArchiveFlags,
  archiveOptions,
  type LegacyFlags,
  type NetworkFlags,
  networkOptions,
} from '../options.ts'
import type { Session } from '../session.ts'
import { findPlace } from './find-folder.ts'
import { linkOf } from './link-of.ts'
import { showLooking, showProgress } from './show-progress.ts'

export interface ReadFlags extends NetworkFlags, LegacyFlags, ArchiveFlags {
  readonly checkout?: number
  /** Milliseconds. */
  readonly timeout?: number
  readonly storage?: string
}

/** A drive that is being read. */
export interface OpenedDrive {
  readonly whole: Drive
  /** The drive as it is at `version`. */
  readonly drive: DriveReader
  readonly version: number
  /** What the arguments name inside the drive; `/` is everything. */
  readonly path: string
  readonly wait: WaitOptions
}

/** What the first argument and the path behind it name. */
type Place =
  | {
      readonly kind: 'link'
      readonly link: string
      readonly version: number | undefined
      readonly path: string
    }
  | { readonly kind: 'folder'; readonly dir: string; readonly path: string }
  | { readonly kind: 'old'; readonly files: string; readonly path: string }

/**
 * Opens what `where` names, gives it to `work`, and closes it.
 *
 * @param where a link or a folder
 * @param path inside it, or `undefined`
 * @throws DatError BAD_LINK, NOT_FOUND, UNSUPPORTED, NO_PEERS, NOT_AVAILABLE, TIMEOUT …
 */
export async function withDrive(
  session: Session,
  where: string,
  path: string | undefined,
  flags: ReadFlags,
  work: (opened: OpenedDrive) => Promise<void>,
): Promise<void> {
  const place = readPlace(where, path, flags.storage)
  try {
    await openAndWork(session, place, flags, work)
  } catch (error) {
    if (!isCode(error, 'ABORTED') || !session.signal.aborted) throw error
    throw new DatError('ABORTED', 'Stopped.', {}, error)
  }
}

async function openAndWork(
  session: Session,
  place: Place,
  flags: ReadFlags,
  work: (opened: OpenedDrive) => Promise<void>,
): Promise<void> {
  const { signal } = session
  const storage = flags.storage === undefined ? {} : { storage: flags.storage }
  if (place.kind === 'folder') {
    await using node = await open({ network: false, readOnly: true, ...storage })
    await using folder = await node.folder(place.dir)
    const wait = { signal, timeoutMs: AT_ONCE_MS }
    const missing = `This part of the drive has not arrived in ${place.dir} yet. Read it by its link, or let dat clone go on.`
    return await local(missing, place.dir, () =>
      work(at(folder.drive, flags.checkout, place.path, wait)),
    )
  }
  if (place.kind === 'old') {
    await using node = await open({ network: false })
    await using drive = await oldDrive(session, node, place.files, flags)
    const wait = { signal, timeoutMs: AT_ONCE_MS }
    const missing = `This part of the archive is not in ${place.files}. Others may have it: dat inspect ${drive.link}`
    return await local(missing, place.files, () =>
      work(at(drive, flags.checkout, place.path, wait)),
    )
  }
  const wait = { signal, ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }) }
  await using node = await open({ network: networkOptions(flags), ...storage })
  await using drive = await findDrive(session, node, place.link, wait)
  await work(at(drive, flags.checkout ?? place.version, place.path, wait))
}

/** The error for a path that the drive does not have: known from its verified rows. */
export function notThere(path: string): DatError {
  return new DatError('NOT_FOUND', `${path} does not exist in the drive.`, { path })
}

function readPlace(where: string, path: string | undefined, storage: string | undefined): Place {
  const link = linkOf(where)
  if (link !== undefined) {
    const { version, path: inside } = link
    return { kind: 'link', link: where, version, path: joinPath(inside ?? '/', path) }
  }
  const found = findPlace(where, storage)
  const inside = joinPath(found.inside, path)
  return found.kind === 'folder'
    ? { kind: 'folder', dir: found.dir, path: inside }
    : { kind: 'old', files: found.path, path: inside }
}

/** `path` as seen from `base`, in the form that drives use. */
function joinPath(base: string, path: string | undefined): string {
  const whole = path === undefined ? base : path.startsWith('/') ? path : `${base}/${path}`
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Opens an old archive. What is no drive has no files to show. */
async function oldDrive(
  session: Session,
  node: Rhino,
  files: string,
  flags: ReadFlags,
): Promise<Drive> {
  const line = 'Verifying the old files …'
  const stop = showProgress(session, () => ({ fields: { phase: 'verifying' }, line }))
  try {
    const opened = await node.open(files, { ...archiveOptions(flags), signal: session.signal })
    if (opened.kind === 'drive') return opened.drive
    const what = opened.kind === 'log' ? 'a plain log' : `a ${opened.kind}`
    const message = `${opened.link} in ${files} is ${what}, not a drive: there are no files to show. dat inspect tells more.`
    await opened.close()
    throw new DatError('UNSUPPORTED', message, { path: files, kind: opened.kind })
  } finally {
    stop()
  }
}

/** Finds a drive on the network; people see that it takes its time. */
async function findDrive(
  session: Session,
  node: Rhino,
  link: string,
  wait: WaitOptions,
): Promise<Drive> {
  const stop = showLooking(session, node)
  try {
    return await node.drive(link, wait)
  } finally {
    stop()
  }
}

function at(
  whole: Drive,
  version: number | undefined,
  path: string,
  wait: WaitOptions,
): OpenedDrive {
  const newest = whole.version
  if (version === undefined) return { whole, drive: whole, version: newest, path, wait }
  if (version > newest) {
    throw new DatError('NOT_FOUND', `The drive has versions 1 to ${newest}, as far as is known.`, {
      version,
      newest,
    })
  }
  return { whole, drive: whole.checkout(version), version, path, wait }
}

/** Reading a folder asks nobody: what is missing is just not here, and `message` says what that means. */
async function local(message: string, dir: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isCode(error, 'NO_PEERS')) throw error
    throw new DatError('NOT_AVAILABLE', message, { dir }, error)
  }
}

/**
 * What `ls`, `cat` and `log` read from: a drive by its link, or the stored drive of a folder.
 *
 * Owns: what the first argument means, and that everything is closed again. A text that reads as a link is one
 * (`./NAME` means a folder whatever its name); anything else is a folder, or lies in one, that was shared or cloned
 * here. A folder's store is opened for reading only and without network, so that this works while another process
 * shares it.
 */

import { existsSync } from 'node:fs'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { type Link, parseLink } from '@dat-rhino/core/crypto/links'
import type { Drive, DriveReader } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { open, type Rhino } from '@dat-rhino/sdk'
import { AT_ONCE_MS } from '@dat-rhino/sdk/network/network'
import { count } from '../format.ts'
import { type NetworkFlags, networkOptions } from '../options.ts'
import type { Session } from '../session.ts'
import { findFolder } from './find-folder.ts'
import { showProgress } from './show-progress.ts'

export interface ReadFlags extends NetworkFlags {
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
    return await local(place.dir, () => work(at(folder.drive, flags.checkout, place.path, wait)))
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
  const link = readLink(where)
  if (typeof link === 'object') {
    const { version, path: inside } = link
    return { kind: 'link', link: where, version, path: joinPath(inside ?? '/', path) }
  }
  const { dir, inside } = findFolder(where, storage)
  return { kind: 'folder', dir, path: joinPath(inside, path) }
}

/** The link that `where` is; `undefined` if it is a place on this machine, or may be meant as one. */
function readLink(where: string): Link | undefined {
  try {
    return parseLink(where)
  } catch (error) {
    const isMeantAsLink =
      where.includes('://') || (/^[\w-]{40,}$/.test(where) && !existsSync(where))
    if (isMeantAsLink || !isCode(error, 'BAD_LINK')) throw error
    return undefined
  }
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

/** Finds a drive on the network; people see that it takes its time. */
async function findDrive(
  session: Session,
  node: Rhino,
  link: string,
  wait: WaitOptions,
): Promise<Drive> {
  const stop = showProgress(session, () => {
    const peers = node.network.peers.length
    return {
      fields: { phase: 'looking', peers },
      line: `Looking for peers … ${count(peers, 'peer')}`,
    }
  })
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

/** Reading a folder asks nobody: what is missing has just not arrived. */
async function local(dir: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isCode(error, 'NO_PEERS')) throw error
    const message = `This part of the drive has not arrived in ${dir} yet. Read it by its link, or let dat clone go on.`
    throw new DatError('NOT_AVAILABLE', message, { dir }, error)
  }
}

/**
 * `dat clone LINK|DIR [DIR]`: write a drive out as verified files; with `--live`, follow it.
 *
 * Owns: what a person sees of a clone. Interrupted by anything, the same command goes on where it stopped. Made of old
 * files, it asks nobody else unless a way to others was named.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { formatKey, formatLink } from '@dat-rhino/core/crypto/links'
import { type Clone, open, type Report } from '@dat-rhino/sdk'
import { changes, count, bytes as size } from '../format.ts'
import {
  type ArchiveFlags,
  archiveOptions,
  type LegacyFlags,
  type NetworkFlags,
  networkOptions,
  type RateFlags,
  type RoomFlags,
  ratePolicy,
  roomOptions,
} from '../options.ts'
import type { Session } from '../session.ts'
import { findPlace } from './find-folder.ts'
import { followFolder, progressLine, reportFields, shownSoFar } from './folder.ts'
import { linkOf } from './link-of.ts'

export interface CloneFlags extends NetworkFlags, LegacyFlags, ArchiveFlags, RateFlags, RoomFlags {
  readonly live?: boolean
  readonly checkout?: number
  readonly force?: boolean
  readonly verify?: boolean
  /** Milliseconds. */
  readonly timeout?: number
  readonly storage?: string
}

export async function clone(
  session: Session,
  from: string,
  dir: string | undefined,
  flags: CloneFlags,
): Promise<void> {
  const { output, signal } = session
  const isLive = flags.live === true
  const { source, target } = checkTarget(from, dir, flags)
  const isAlone = source.kind === 'files' && !asksOthers(flags)
  await using node = await open({
    network: isAlone ? false : networkOptions(flags),
    ...ratePolicy(flags),
    ...roomOptions(flags),
    ...(flags.storage === undefined ? {} : { storage: flags.storage }),
  })
  await using cloned = await node.clone(source.text, target, {
    ...archiveOptions(flags),
    live: isLive,
    ...(flags.checkout === undefined ? {} : { version: flags.checkout }),
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.verify === true ? { verify: true } : {}),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    signal,
  })
  output.note('cloning', { link: cloned.link, dir: cloned.dir }, `Cloning into ${cloned.dir}`)
  const following = followFolder(session, cloned, describe)

  const report = await written(cloned, session)
  await shownSoFar()
  showReport(session, cloned, report)
  if (isLive) {
    output.note('following', { link: cloned.link }, 'Following changes. Press Ctrl-C to stop.')
    await session.stopped
  }
  await cloned.close()
  await following
  if (!isLive && report.error !== undefined) throw report.error
}

/** What is cloned: a link, or files of an old archive. */
interface Source {
  readonly kind: 'link' | 'files'
  /** For the SDK. */
  readonly text: string
}

/** Is there somebody to ask for what old files lack? Nobody is, unless the user names a way. */
function asksOthers({ live, peer, legacy, bootstrap }: CloneFlags): boolean {
  return live === true || [peer, legacy, bootstrap].some((option) => option !== undefined)
}

/** Finds mistakes before anything is made on the disk. Returns what is cloned and the folder to write to. */
function checkTarget(
  from: string,
  dir: string | undefined,
  flags: CloneFlags,
): { source: Source; target: string } {
  const link = linkOf(from)
  if (flags.live === true && (flags.checkout ?? link?.version) !== undefined) {
    const message = 'A fixed version cannot be followed: leave out the version, or --live.'
    throw new DatError('BAD_ARGUMENT', message, {})
  }
  if (link === undefined) return checkFiles(from, dir, flags)
  const { key, path } = link
  if (path !== undefined) checkIsWhole(path)
  return { source: { kind: 'link', text: from }, target: dir ?? formatKey(key) }
}

function checkFiles(
  from: string,
  dir: string | undefined,
  flags: CloneFlags,
): { source: Source; target: string } {
  const found = findPlace(from, flags.storage)
  if (found.kind === 'folder') {
    const link = formatLink({ key: found.role.key })
    const message = `${found.dir} is of today. It is cloned by its link: dat clone ${link} ${dir ?? 'COPY'}`
    throw new DatError('BAD_ARGUMENT', message, { dir: found.dir, link })
  }
  checkIsWhole(found.inside)
  if (dir === undefined) {
    const message = `Where to? dat clone ${from} COPY writes its files to the folder COPY.`
    throw new DatError('BAD_ARGUMENT', message, {})
  }
  return { source: { kind: 'files', text: found.path }, target: dir }
}

function checkIsWhole(path: string): void {
  if (path === '/') return
  const message = `A clone is a whole drive. For ${path} alone use dat ls or dat cat, or leave the path out.`
  throw new DatError('BAD_ARGUMENT', message, { path })
}

async function written(cloned: Clone, { signal }: Session): Promise<Report> {
  try {
    return await cloned.done({ timeoutMs: 0, signal })
  } catch (error) {
    if (!isCode(error, 'ABORTED')) throw error
    const message = 'Stopped before everything was here. The same command goes on from here.'
    throw new DatError('ABORTED', message, { dir: cloned.dir, link: cloned.link }, error)
  }
}

function showReport(session: Session, cloned: Clone, report: Report): void {
  const { files, bytes, version, added, changed, removed, unchanged } = report
  session.output.result(
    'cloned',
    { ...reportFields(report), link: cloned.link, dir: cloned.dir },
    `${count(files, 'file')}, ${size(bytes)}, version ${version}` +
      ` (${changes({ added, changed, removed, unchanged })})`,
  )
}

function describe({ state }: Clone): string {
  if (state.phase === 'opening' || state.phase === 'looking') {
    return `Looking for peers … ${count(state.peers, 'peer')}`
  }
  if (state.phase === 'transferring') return progressLine('Cloning', state)
  return `${count(state.peers, 'peer')} · version ${state.version} · ${size(state.bytesDown)} received`
}

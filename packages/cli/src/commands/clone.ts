/**
 * `dat clone LINK [DIR]`: write a drive out as verified files; with `--live`, follow it.
 *
 * Owns: what a person sees of a clone. Interrupted by anything, the same command goes on where it stopped.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { formatKey, parseLink } from '@dat-rhino/core/crypto/links'
import { type Clone, open, type Report } from '@dat-rhino/sdk'
import { changes, count, bytes as size } from '../format.ts'
import { type NetworkFlags, networkOptions, type RateFlags, ratePolicy } from '../options.ts'
import type { Session } from '../session.ts'
import { followFolder, progressLine, reportFields, shownSoFar } from './folder.ts'

export interface CloneFlags extends NetworkFlags, RateFlags {
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
  link: string,
  dir: string | undefined,
  flags: CloneFlags,
): Promise<void> {
  const { output, signal } = session
  const isLive = flags.live === true
  const target = checkTarget(link, dir, flags)
  await using node = await open({
    network: networkOptions(flags),
    ...ratePolicy(flags),
    ...(flags.storage === undefined ? {} : { storage: flags.storage }),
  })
  await using cloned = await node.clone(link, target, {
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

/** Finds mistakes before anything is made on the disk. Returns the folder to write to. */
function checkTarget(link: string, dir: string | undefined, flags: CloneFlags): string {
  const { key, version, path } = parseLink(link)
  if (path !== undefined && path !== '/') {
    const message = `A clone is a whole drive. For ${path} alone use dat ls or dat cat, or leave the path out.`
    throw new DatError('BAD_ARGUMENT', message, { path })
  }
  if (flags.live === true && (flags.checkout ?? version) !== undefined) {
    const message = 'A fixed version cannot be followed: leave out the version, or --live.'
    throw new DatError('BAD_ARGUMENT', message, {})
  }
  return dir ?? formatKey(key)
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

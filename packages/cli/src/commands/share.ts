/**
 * `dat share [DIR]`: import what changed, print the link, serve it and keep watching.
 *
 * Owns: what a person sees of a share. Standard output is the link and nothing else. Ends with Ctrl-C (exit code 0
 * once everything was imported), or after the import with `--once`.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { open, type Report, type Share } from '@dat-rhino/sdk'
import { changes, count, bytes as size } from '../format.ts'
import {
  type NetworkFlags,
  networkOptions,
  type RateFlags,
  type RoomFlags,
  ratePolicy,
  roomOptions,
} from '../options.ts'
import type { Session } from '../session.ts'
import { followFolder, progressLine, reportFields, shownSoFar } from './folder.ts'

export interface ShareFlags extends NetworkFlags, RateFlags, RoomFlags {
  readonly once?: boolean
  readonly watch?: boolean
  readonly hidden?: boolean
  readonly ignore?: readonly string[]
  readonly datignore?: boolean
  readonly verify?: boolean
  readonly recover?: boolean
  readonly storage?: string
}

export async function share(session: Session, dir: string, flags: ShareFlags): Promise<void> {
  const { output, signal } = session
  const isOnce = flags.once === true
  const isWatching = flags.watch !== false && !isOnce
  await using node = await open({
    network: isOnce ? false : networkOptions(flags),
    ...ratePolicy(flags),
    ...roomOptions(flags),
    ...(flags.storage === undefined ? {} : { storage: flags.storage }),
    ...(flags.recover === true ? { recover: true } : {}),
  })
  await using shared = await node.share(dir, {
    watch: isWatching,
    ...(flags.hidden === false ? { hidden: false } : {}),
    ...(flags.ignore === undefined ? {} : { ignore: flags.ignore }),
    ...(flags.datignore === false ? { datignore: false } : {}),
    ...(flags.verify === true ? { verify: true } : {}),
    signal,
  })
  output.result('link', { link: shared.link, dir: shared.dir }, shared.link)
  const following = followFolder(session, shared, describe)

  const report = await imported(shared, session)
  await shownSoFar()
  showReport(session, shared, report, flags.hidden !== false)
  if (!isOnce) {
    const watching = isWatching ? ' and watching for changes' : ''
    output.note('sharing', { link: shared.link }, `Sharing${watching}. Press Ctrl-C to stop.`)
    await session.stopped
  }
  await shared.close()
  await following
  if (isOnce && report.error !== undefined) throw report.error
}

async function imported(shared: Share, { signal }: Session): Promise<Report> {
  try {
    return await shared.done({ timeoutMs: 0, signal })
  } catch (error) {
    if (!isCode(error, 'ABORTED')) throw error
    const message = 'Stopped before everything was imported. The same command goes on from here.'
    throw new DatError('ABORTED', message, { dir: shared.dir }, error)
  }
}

function showReport({ output }: Session, shared: Share, report: Report, withHidden: boolean): void {
  const { files, bytes, version, added, changed, removed, renamed, hidden, ignored } = report
  output.note(
    'imported',
    { ...reportFields(report), link: shared.link, dir: shared.dir },
    `${count(files, 'file')}, ${size(bytes)}, version ${version}` +
      ` (${changes({ added, changed, removed, renamed })})`,
  )
  // People should know before others do: settings and keys often have names that begin with a dot.
  if (hidden > 0) {
    const which = hidden === 1 ? '1 hidden name was' : `${count(hidden, 'hidden name')} were`
    const fate = withHidden ? 'shared too (--no-hidden leaves them out)' : 'left out'
    output.note('hidden', { names: hidden, shared: withHidden }, `${which} ${fate}.`)
  }
  if (ignored > 0) {
    const which = ignored === 1 ? '1 name was' : `${count(ignored, 'name')} were`
    output.note(
      'ignored',
      { names: ignored },
      `${which} left out by rules (.datignore and others).`,
    )
  }
}

function describe({ state }: Share): string {
  if (state.phase === 'opening' || state.phase === 'scanning' || state.phase === 'transferring') {
    return progressLine('Importing', state)
  }
  const { peers, bytesUp, rateUp } = state
  return `${count(peers, 'peer')} · ${size(bytesUp)} sent · ${size(rateUp)}/s`
}

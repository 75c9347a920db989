/**
 * `dat serve FOLDER`: an old archive is given to others again, under its own link.
 *
 * Owns: what a person sees of it, above all who can learn of it. Standard output is the links and nothing else. Ends
 * with Ctrl-C.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { open, type ServedFolder, type TakenArchive, type TakenLog } from '@dat-rhino/sdk'
import { count, bytes as size } from '../format.ts'
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
import { showMounts } from './serve-mounts.ts'
import { showProgress } from './show-progress.ts'

export interface ServeFlags extends NetworkFlags, LegacyFlags, ArchiveFlags, RateFlags, RoomFlags {
  /** TCP. */
  readonly oldPort?: number
  readonly storage?: string
}

/** Damaged blocks that people are told one by one. */
const NAMED_MAX = 10

export async function serve(session: Session, where: string, flags: ServeFlags): Promise<void> {
  const { output } = session
  const path = oldPath(where)
  await using node = await open({
    network: networkOptions(flags),
    ...ratePolicy(flags),
    ...roomOptions(flags),
    ...(flags.storage === undefined ? {} : { storage: flags.storage }),
  })
  let taking = { done: 0, total: 0 }
  const stop = showProgress(session, () => ({
    fields: { phase: 'verifying', blocks: taking },
    line: `Verifying ${taking.done.toLocaleString('en-US')}/${count(taking.total, 'block')} …`,
  }))
  let served: ServedFolder
  try {
    served = await node.serveFolder(path, {
      ...archiveOptions(flags),
      port: flags.oldPort,
      host: flags.host,
      announce: flags.announceOld === true,
      onProgress: (done, total) => {
        taking = { done, total }
      },
      signal: session.signal,
    })
  } finally {
    stop()
  }
  for (const archive of served.archives) showArchive(session, archive)
  showMounts(output, served)
  showReach(session, served, flags)
  await served.announced
  output.note('serving', serving(served, flags), 'Serving. Press Ctrl-C to stop.')
  const stopShowing = showProgress(session, () => standing(served))
  await session.stopped
  stopShowing()
  await served.close()
}

/** A folder of today is shared, not served. */
function oldPath(where: string): string {
  const found = findPlace(where, undefined)
  if (found.kind === 'old') return found.path
  const { dir, role } = found
  const how = role.role === 'share' ? `dat share ${dir}` : `dat clone LINK ${dir} --live`
  throw new DatError('UNSUPPORTED', `${dir} is a folder of today’s dat: ${how} serves it.`, { dir })
}

function showArchive({ output }: Session, archive: TakenArchive): void {
  const { link, key, format, logs } = archive
  const [rows] = logs
  if (rows?.report === undefined) {
    const problem = rows?.problem ?? 'It holds no log.'
    output.warn('not-served', { link, key, problem }, `Not served: ${link}: ${problem}`)
    return
  }
  const blocks = sum(logs, ({ report }) => report?.blocks ?? 0)
  const missing = sum(logs, ({ report }) => report?.missing ?? 0)
  const damaged = sum(logs, ({ report }) => report?.damagedCount ?? 0)
  const bytes = sum(logs, ({ report }) => report?.bytes ?? 0)
  output.result('served', { link, key, format, blocks, bytes, missing, damaged, logs }, link)
  const rest = [
    ...(missing === 0 ? [] : [`${count(missing, 'block')} are not in the files`]),
    ...(damaged === 0 ? [] : [`${count(damaged, 'block')} are damaged and left out`]),
  ]
  const what = `${count(blocks, 'block')}, ${size(bytes)} verified${rest.length === 0 ? '' : `; ${rest.join(', ')}`}`
  output.note('verified', { link, blocks, bytes, missing, damaged }, what)
  for (const log of logs) showDamage(output, log)
}

function showDamage(output: Session['output'], { role, report, problem }: TakenLog): void {
  if (problem !== undefined) output.warn('damage', { role, problem }, `${role}: ${problem}`)
  for (const { block, reason } of report?.damaged.slice(0, NAMED_MAX) ?? []) {
    output.warn('damage', { role, block, reason }, `${role}: block ${block} is ${reason}.`)
  }
}

function sum(logs: readonly TakenLog[], of: (log: TakenLog) => number): number {
  return logs.reduce((total, log) => total + of(log), 0)
}

/** Says what is public: before anybody can have learnt of it for long. */
function showReach({ output }: Session, served: ServedFolder, flags: ServeFlags): void {
  const { address } = served
  if (address !== undefined) {
    const { host, port } = address
    const at = host === '0.0.0.0' ? 'on this machine' : `at ${host}`
    const line = `Old programs, and dat clone LINK COPY --peer HOST:${port}, reach it ${at} at TCP port ${port}. Whoever does not know the link learns nothing there.`
    output.note('listening', { host, port }, line)
  }
  const [announced, line] = reach(flags)
  output.note('reach', { announced }, line)
}

function reach({ announceOld, legacy, legacyAnnounce }: ServeFlags): [string[], string] {
  const places = [
    ...(announceOld === true ? ['today'] : []),
    ...(legacyAnnounce === true && legacy !== undefined ? ['lan'] : []),
    ...(legacyAnnounce === true && legacy === 'all' ? ['mainline'] : []),
  ]
  if (places.length === 0) {
    return [places, 'It is announced nowhere. --announce-old makes it findable on today’s network.']
  }
  const names = places.map((place) => PLACES[place] ?? place).join(', ')
  return [
    places,
    `Announced ${names}: strangers who know the link can learn this device’s address.`,
  ]
}

const PLACES: Readonly<Record<string, string>> = {
  today: 'on today’s network',
  lan: 'on the local network',
  mainline: 'in the BitTorrent DHT',
}

function serving(served: ServedFolder, flags: ServeFlags): Record<string, unknown> {
  const { address, links, path } = served
  return { path, links, address: address ?? null, announced: reach(flags)[0] }
}

function standing(served: ServedFolder): {
  fields: Record<string, unknown>
  line: string
  steady: boolean
} {
  const { old, today } = served.peers
  const line = `${count(old, 'old program')} · ${count(today, 'peer')} of today connected`
  return { fields: { phase: 'serving', oldPeers: old, peers: today }, line, steady: true }
}

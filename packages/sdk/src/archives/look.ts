/**
 * What something is that somebody has found: a folder of any age, or a link.
 *
 * Owns: the report. Of old files everything is read and hashed (`migrate/inspect.ts`), and then the drive is opened from
 * what was proved, for what only its rows can tell: how many versions, from when, and which files are concerned by what is
 * missing or damaged. Plain data: `JSON.stringify` gives all of it, and no secret key is in it.
 */

import { asError, DatError } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Drive, DriveEntry } from '@dat-rhino/core/drive/drive'
import type { Log } from '@dat-rhino/core/log/log'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { inspect } from '../migrate/inspect.ts'
import { openStored } from '../migrate/open.ts'
import type { ArchiveInspection, Found, Inspection, LogInspection } from '../migrate/types.ts'
import { openTaken, type StationMaker, storedOptions } from './old-files.ts'
import { Stand } from './stand.ts'
import { bytesOf } from './take.ts'
import type { OldOptions, Opened } from './types.ts'

/** Files that a report names. */
const FILES_NAMED_MAX = 100

/** What the rows of a drive tell. */
export interface DriveContents {
  /** The newest. The first is 1. */
  readonly version: number
  /** Files and links of the newest version, and their bytes. */
  readonly files: number
  readonly bytes: number
  /** Times of the oldest and the newest file in the newest version, milliseconds since 1970. */
  readonly oldestMs: number | undefined
  readonly newestMs: number | undefined
  /** Files of the newest version that are not whole here; the first `FILES_NAMED_MAX`. */
  readonly incomplete: readonly { readonly path: string; readonly why: 'missing' | 'damaged' }[]
  readonly incompleteCount: number
}

/** One archive of old files. */
export interface InspectedArchive extends ArchiveInspection {
  /** `undefined` if it is no drive, or if `contentsProblem` says why its rows can't be read. */
  readonly contents: DriveContents | undefined
  readonly contentsProblem: string | undefined
}

/** Files of another program, or of an older dat. */
export interface InspectedFiles extends Omit<Inspection, 'archives'> {
  readonly source: 'files'
  readonly archives: readonly InspectedArchive[]
}

/** One log as it is known here. */
export interface InspectedLog {
  readonly role: 'metadata' | 'content' | 'log'
  readonly key: string
  readonly generation: 1 | 2 | 3
  readonly length: number
  readonly byteLength: number
  /** Blocks that are here. */
  readonly heldBlocks: number
  /** Peers that it is spoken about with, and how far from the beginning on one of them holds all. */
  readonly peers: number
  readonly remoteContiguousLength: number
}

/** What a link leads to. */
export interface InspectedLink {
  readonly source: 'link'
  readonly link: string
  readonly key: string
  readonly kind: Opened['kind']
  /** `hyperdrive 9`, …; the kind, where it is no drive. */
  readonly format: string
  readonly generation: 1 | 2 | 3
  readonly writable: boolean
  readonly logs: readonly InspectedLog[]
  readonly contents: DriveContents | undefined
  readonly contentsProblem: string | undefined
}

/**
 * Looks at old files.
 *
 * @throws DatError NOT_FOUND, IO, UNSUPPORTED (a corestore 7 without `rocksdb-native`), ABORTED
 */
export async function lookAtFiles(
  maker: StationMaker,
  path: string,
  options: OldOptions,
): Promise<InspectedFiles> {
  const { archives, ...inspection } = await inspect(path, options)
  if (archives.length === 0) return { source: 'files', ...inspection, archives: [] }
  const contents = await readContents(maker, inspection.found, archives, options)
  return {
    source: 'files',
    ...inspection,
    archives: archives.map((archive, i) => completed(archive, contents[i] ?? NO_CONTENTS)),
  }
}

type Contents = Pick<InspectedArchive, 'contents' | 'contentsProblem'>

const NO_CONTENTS: Contents = { contents: undefined, contentsProblem: undefined }

/** A log that was cut looks whole by itself: its other files tell, or the rows, which name what stood behind its end. */
function completed(archive: ArchiveInspection, contents: Contents): InspectedArchive {
  const { contents: drive, contentsProblem } = contents
  const isSound = archive.logs.every(({ problems }) => problems.length === 0)
  const isWhole = isSound && contentsProblem === undefined && (drive?.incompleteCount ?? 0) === 0
  return { ...archive, ...contents, isComplete: archive.isComplete && isWhole }
}

/** What the drives tell, in the order of `inspected`. One that can't be opened tells why. */
async function readContents(
  maker: StationMaker,
  found: Found,
  inspected: readonly ArchiveInspection[],
  options: OldOptions,
): Promise<Contents[]> {
  const stored = await openStored(found, storedOptions(options))
  const { station, release } = await maker.passing(bytesOf(stored.archives))
  try {
    const { corestore } = station
    const { signal } = options
    const { stand, taken: all } = await Stand.onAll(corestore, stored.archives, {
      isAlone: true,
      signal,
    })
    const contents: Contents[] = []
    for (const [i, archive] of stored.archives.entries()) {
      const inspection = inspected[i]
      const taken = all[i]
      const isProved = taken?.logs[0]?.report !== undefined
      if (inspection === undefined || !isProved) {
        contents.push(NO_CONTENTS)
        continue
      }
      try {
        const opened = await openTaken(corestore, archive, taken, {
          close: () => Promise.resolve(),
        })
        contents.push(await contentsOf(opened, (entry) => whyNotWhole(entry, inspection.logs)))
      } catch (error) {
        contents.push({ contents: undefined, contentsProblem: problemOf(error) })
      }
    }
    await stand.close()
    return contents
  } finally {
    await release()
    await stored.close()
  }
}

/** Why a file is not whole: by the blocks of the content log that it stands in. */
function whyNotWhole(
  { blob }: DriveEntry,
  logs: readonly LogInspection[],
): 'missing' | 'damaged' | undefined {
  if (blob === undefined || blob.byteLength === 0) return undefined
  const content = logs.find(({ role }) => role === 'content')
  if (content === undefined) return 'missing'
  const start = blob.blockOffset
  const end = start + blob.blockLength
  if (content.damaged.some(({ block }) => block >= start && block < end)) return 'damaged'
  const isMissing = end > content.length || content.missing.some(([a, b]) => a < end && b > start)
  return isMissing ? 'missing' : undefined
}

/**
 * Looks at what a link leads to: all of its rows come here for it, and no bytes of files.
 *
 * @throws DatError ABORTED
 */
export async function lookAtOpened(opened: Opened, wait: WaitOptions): Promise<InspectedLink> {
  const { link, kind, log } = opened
  const content = kind === 'drive' ? opened.drive.contentLog : undefined
  const whole = await readAll(opened, wait)
  const role = kind === 'drive' ? 'metadata' : 'log'
  return {
    source: 'link',
    link,
    key: hex(log.key),
    kind,
    format: kind === 'drive' ? opened.drive.format : kind,
    generation: log.generation.id,
    writable: log.writable,
    logs: [logOf(role, log), ...(content === undefined ? [] : [logOf('content', content)])],
    ...whole,
  }
}

async function readAll(opened: Opened, wait: WaitOptions): Promise<Contents> {
  if (opened.kind !== 'drive') return NO_CONTENTS
  try {
    await opened.drive.contentLog?.update(wait)
    const contents = await tally(opened.drive, wait, () => undefined)
    return { contents, contentsProblem: undefined }
  } catch (error) {
    wait.signal?.throwIfAborted()
    return { contents: undefined, contentsProblem: problemOf(error) }
  }
}

function logOf(role: InspectedLog['role'], log: Log): InspectedLog {
  const { key, length, byteLength, heldBlocks, peerCount, remoteContiguousLength } = log.info()
  const counts = { length, byteLength, heldBlocks, peers: peerCount, remoteContiguousLength }
  return { role, key: hex(key), generation: log.generation.id, ...counts }
}

type Reason = (entry: DriveEntry) => 'missing' | 'damaged' | undefined

async function contentsOf(opened: Opened, why: Reason): Promise<Contents> {
  try {
    if (opened.kind !== 'drive') return NO_CONTENTS
    return { contents: await tally(opened.drive, {}, why), contentsProblem: undefined }
  } finally {
    await opened.close()
  }
}

/** One walk over the newest version; what is mounted in it is not this drive's. */
async function tally(drive: Drive, wait: WaitOptions, why: Reason): Promise<DriveContents> {
  let files = 0
  let bytes = 0
  let oldestMs: number | undefined
  let newestMs: number | undefined
  const incomplete: { path: string; why: 'missing' | 'damaged' }[] = []
  let incompleteCount = 0
  for await (const entry of drive.list('/', { ...wait, mounts: false })) {
    const { path, stat, blob } = entry
    files++
    bytes += stat.size ?? blob?.byteLength ?? 0
    const { mtimeMs } = stat
    if (mtimeMs !== undefined) {
      oldestMs = Math.min(oldestMs ?? mtimeMs, mtimeMs)
      newestMs = Math.max(newestMs ?? mtimeMs, mtimeMs)
    }
    const reason = why(entry)
    if (reason === undefined) continue
    if (++incompleteCount <= FILES_NAMED_MAX) incomplete.push({ path, why: reason })
  }
  const { version } = drive
  return { version, files, bytes, oldestMs, newestMs, incomplete, incompleteCount }
}

function problemOf(error: unknown): string {
  const { message } = asError(error)
  if (error instanceof DatError && error.code !== 'INVARIANT') return message
  throw error
}

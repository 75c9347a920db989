/**
 * What a path is, whose, how complete, what is damaged and what can be done with it: `inspect(path)`.
 *
 * Owns: putting that together from detection, opening and audit. Plain data, for commands to print. Secret keys are never in it,
 * only whether they were found.
 */

import { hex } from '@dat-rhino/core/bytes/bytes'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { formatLink } from '@dat-rhino/core/crypto/links'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { auditLog } from './audit.ts'
import { detectPath } from './detect.ts'
import { openStored } from './open.ts'
import type {
  ArchiveInspection,
  Found,
  Inspection,
  InspectOptions,
  LogInspection,
  Possibility,
  StoredArchive,
  StoredPart,
} from './types.ts'

/** Kinds that `openStored` does not open, because they are no old store. */
const NOT_OPENED: ReadonlySet<Found['kind']> = new Set(['rhino', 'dat-secrets', 'nothing'])

/**
 * Looks at everything that an old store holds: reads and hashes all of it. Writes nothing.
 *
 * @throws DatError as `openStored`, but not for what is no old store: `found` says what it is; ABORTED
 */
export async function inspect(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const found = detectPath(path)
  if (NOT_OPENED.has(found.kind)) return { path, found, archives: [], problems: [] }
  const store = await openStored(found, options)
  try {
    const total = store.archives.reduce((sum, { parts }) => sum + lengths(parts), 0)
    let done = 0
    const onProgress = (blocks: number): void => {
      done += blocks
      options.onProgress?.(done, total)
    }
    const archives: ArchiveInspection[] = []
    for (const archive of store.archives) {
      archives.push(await inspectArchive(archive, { onProgress, signal: options.signal }))
    }
    return { path, found, archives, problems: store.problems }
  } finally {
    await store.close()
  }
}

function lengths(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { log }) => sum + log.length, 0)
}

interface Passes {
  readonly onProgress: (blocks: number) => void
  readonly signal: AbortSignal | undefined
}

async function inspectArchive(archive: StoredArchive, passes: Passes): Promise<ArchiveInspection> {
  const logs: LogInspection[] = []
  for (const part of archive.parts) logs.push(await inspectLog(part, passes))
  const [metadata] = archive.parts
  const problems = logs.flatMap((log) => log.problems)
  const isEdited = problems.filter((problem) => problem.kind === 'edited')
  const isOwned = metadata?.log.secretKey !== undefined
  const isComplete = hasAllParts(archive) && logs.every(isWhole)
  return {
    link: metadata === undefined ? '' : linkOf(metadata.log),
    key: hex(archive.key),
    format: archive.format,
    version: metadata && versionOf(archive.format, metadata.log.length),
    isComplete,
    ownership: isOwned ? 'owned' : archive.isOwners ? 'owner-without-secret' : 'copy',
    logs,
    edited: [...new Set(isEdited.map((problem) => problem.path))],
    possible: possibilities(logs, isOwned),
  }
}

/** As the programs of its generation write it. */
function linkOf({ generation, key }: StoredLog): string {
  return LINKS[generation](key)
}

const LINKS: Readonly<Record<StoredLog['generation'], (key: Uint8Array) => string>> = {
  1: (key) => `dat://${hex(key)}`,
  2: (key) => `hyper://${hex(key)}`,
  3: (key) => formatLink({ key }),
}

async function inspectLog(part: StoredPart, passes: Passes): Promise<LogInspection> {
  const { log, role, name, path } = part
  const audit = await auditLog(log, passes)
  return {
    role,
    key: hex(log.key),
    discoveryKey: hex(discoveryKey(log.key)),
    generation: log.generation,
    name,
    path,
    length: log.length,
    fork: log.fork,
    ...audit,
    secretKey: log.secretKey !== undefined,
    problems: part.problems,
  }
}

function isWhole(log: LogInspection): boolean {
  const isAll = log.missingCount === 0 && log.damagedCount === 0 && log.damagedNodes === 0
  return isAll && log.wrongSignatures === 0 && log.signedLength === log.length
}

/** Archives of generations 1 and 2 name their content in block 0: it may be lost, and plain logs have none. */
function hasAllParts({ format, parts }: StoredArchive): boolean {
  return format === 'hyperdrive' ? parts.length === 2 : true
}

/** Old drives count their entries; the header is none. Later ones count blocks. */
function versionOf(format: StoredArchive['format'], length: number): number | undefined {
  if (format === 'log') return undefined
  return format === 'hyperdrive' || format === 'append-tree' ? Math.max(0, length - 1) : length
}

function possibilities(logs: readonly LogInspection[], isOwned: boolean): Possibility[] {
  const [first] = logs
  if (first === undefined || first.signedLength === 0 || first.blocks === 0) return []
  const possible: Possibility[] = ['read', 'serve', 'migrate-new-key']
  if (!isOwned) return possible
  // Whoever signs a shorter history than the one that others have forks the log for ever.
  if (first.signedLength === first.length) possible.push('continue')
  possible.push('migrate-same-key')
  return possible
}

/**
 * `dat inspect PATH|LINK`: what something is, how complete, whose, what is damaged, and what can be done with it.
 *
 * Owns: that page. For programs it is one `archive` event for each archive and `inspected` at the end. Nothing is changed.
 */

import type { WaitOptions } from '@dat-rhino/core/log/remote'
import {
  type DriveContents,
  type InspectedArchive,
  type InspectedFiles,
  type InspectedLink,
  type LogInspection,
  open,
} from '@dat-rhino/sdk'
import { count, bytes as size } from '../format.ts'
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
import { nextForFiles, nextForLink, quoted } from './next-steps.ts'
import { showLooking, showProgress } from './show-progress.ts'
import { status } from './status.ts'

export interface InspectFlags extends NetworkFlags, LegacyFlags, ArchiveFlags {
  /** Milliseconds. */
  readonly timeout?: number
}

/** Damaged blocks and files that people are told one by one. Programs hear of all that the report names. */
const NAMED_MAX = 10

export async function inspectAny(
  session: Session,
  where: string,
  flags: InspectFlags,
): Promise<void> {
  if (linkOf(where) !== undefined) return inspectLink(session, where, flags)
  await using node = await open({ network: false })
  let looked = { done: 0, total: 0 }
  const stop = showProgress(session, () => ({
    fields: { phase: 'verifying', blocks: looked },
    line: `Verifying ${looked.done.toLocaleString('en-US')}/${count(looked.total, 'block')} …`,
  }))
  try {
    const onProgress = (done: number, total: number): void => {
      looked = { done, total }
    }
    const options = { ...archiveOptions(flags), onProgress, signal: session.signal }
    const report = await node.inspect(where, options)
    if (report.source === 'files') await showFiles(session, where, report)
  } finally {
    stop()
  }
}

async function inspectLink(session: Session, link: string, flags: InspectFlags): Promise<void> {
  const { signal } = session
  await using node = await open({ network: networkOptions(flags) })
  const wait: WaitOptions = {
    signal,
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
  }
  const stop = showLooking(session, node)
  try {
    const report = await node.inspect(link, wait)
    if (report.source === 'link') showLink(session, report)
  } finally {
    stop()
  }
}

// ---- Files ---------------------------------------------------------------------------------------

const KINDS: Readonly<Record<InspectedFiles['found']['kind'], string>> = {
  feed: 'one log of hypercore 5 to 9',
  archive: 'an archive of Beaker or hyperdrive 9',
  'dat-archive': 'an archive of dat-node with all its versions',
  'dat-folder': 'a folder of the dat command (13, 14)',
  multifeed: 'logs of multifeed',
  'corestore-5': 'a corestore of generation 2 (corestore 5)',
  'hypercore-10': 'one log of hypercore 10',
  'corestore-6': 'a corestore of hypercore 10 (corestore 6)',
  'corestore-7': 'a corestore of hypercore 11 (corestore 7)',
  rhino: 'a folder or store of today’s dat',
  'dat-secrets': 'the secret keys of the dat command',
  folder: 'a folder with old archives in it',
  nothing: 'no archive that is known here',
}

/** Folders of today below: each tells itself. */
function ofToday(nested: InspectedFiles['found']['nested']): string[] {
  const paths = nested.filter(({ kind }) => kind === 'rhino').map(({ path }) => path)
  const more = paths.length - NAMED_MAX
  return [
    ...paths.slice(0, NAMED_MAX).map((path) => `  of today   dat status ${quoted(path)}`),
    ...(more > 0 ? [`  … and ${more} more of today`] : []),
  ]
}

async function showFiles(session: Session, where: string, report: InspectedFiles): Promise<void> {
  const { output } = session
  const { found, archives, problems } = report
  const { kind, path, sure, why, isCut } = found
  if (!output.json) {
    const doubt = sure === 'likely' ? ', probably' : ''
    output.result('inspected', {}, [`${path} is ${KINDS[kind]}${doubt}`, `  ${why}`])
  }
  if (!output.json) output.result('inspected', {}, ofToday(found.nested))
  for (const archive of archives) {
    const next = nextForFiles(path, archive, archives.length)
    output.result('archive', { source: 'files', ...archive, next }, [
      ...archiveLines(archive, next),
    ])
  }
  for (const { kind: what, message, path: file } of problems) {
    output.warn('problem', { kind: what, path: file, message }, `${what}: ${file}: ${message}`)
  }
  if (isCut) output.warn('cut', { path }, 'There may be more: the search ended at its limit.')
  if (output.json) {
    const nested = found.nested.map((each) => ({ kind: each.kind, path: each.path }))
    const facts = { source: 'files', path, kind, sure, why, nested, isCut }
    output.result('inspected', { ...facts, archives: archives.length, problems: problems.length })
  }
  // What is of today tells the rest itself.
  if (kind === 'rhino' && isFolderOfOurs(where)) await status(session, where, {})
}

function isFolderOfOurs(where: string): boolean {
  return findPlace(where, undefined).kind === 'folder'
}

function* archiveLines(archive: InspectedArchive, next: readonly string[]): Generator<string> {
  const { link, logs, contents, contentsProblem, edited } = archive
  yield ''
  yield link
  yield `  what       ${whatOf(archive)}`
  yield `  whose      ${WHOSE[archive.ownership]}`
  if (contents !== undefined) yield* contentLines(contents)
  if (contentsProblem !== undefined) yield `  files      cannot be listed: ${contentsProblem}`
  for (const log of logs) yield* logLines(log)
  if (edited.length > 0) yield* some('edited', edited)
  yield `  complete   ${completeness(archive)}`
  yield* nextLines(next)
}

function completeness({ isComplete, contents }: InspectedArchive): string {
  if (isComplete) return 'yes: everything is here and verified'
  const isNewest = contents !== undefined && contents.incompleteCount === 0
  return isNewest ? 'the newest version is; the rest is not, or not for certain' : 'no'
}

function whatOf({ format, logs }: InspectedArchive): string {
  const generation = logs[0]?.generation ?? '?'
  const name = logs[0]?.name
  const called = name === undefined ? '' : `, called ${name}`
  return `${FORMATS[format]} of generation ${generation}${called}`
}

const FORMATS: Readonly<Record<InspectedArchive['format'], string>> = {
  hyperdrive: 'a drive (hyperdrive 9)',
  hypertrie: 'a drive or trie (hypertrie)',
  hyperbee: 'a drive or bee (hyperbee)',
  'append-tree': 'names (append-tree)',
  log: 'a log',
}

const WHOSE: Readonly<Record<InspectedArchive['ownership'], string>> = {
  owned: 'yours: the secret key was found',
  'owner-without-secret':
    'the owner’s copy, but no secret key was found (--secret-keys names their folder)',
  copy: 'a copy of somebody’s: no secret key',
}

function* logLines(log: LogInspection): Generator<string> {
  const { role, length, blocks, bytes, byteLength, signedLength } = log
  const of = byteLength === undefined ? '' : ` of ${size(byteLength)}`
  const signed = signedLength === length ? 'all signed' : `signed up to ${signedLength}`
  yield `  ${role.padEnd(9)}  ${blocks.toLocaleString('en-US')} of ${count(length, 'block')}, ${size(bytes)}${of}, ${signed}`
  if (log.missingCount > 0) yield `    missing  ${count(log.missingCount, 'block')}: ${ranges(log)}`
  if (log.damagedCount > 0)
    yield `    damaged  ${count(log.damagedCount, 'block')}: ${damages(log)}`
  if (log.damagedNodes > 0) yield `    damaged  ${count(log.damagedNodes, 'node')} of the tree`
  if (log.wrongSignatures > 0) yield `    wrong    ${count(log.wrongSignatures, 'signature')}`
  for (const { kind, path, message } of log.problems.slice(0, NAMED_MAX)) {
    yield `    ${kind.padEnd(7)}  ${path}: ${message}`
  }
  const more = log.problems.length - NAMED_MAX
  if (more > 0) yield `    … and ${count(more, 'more problem')}`
}

function ranges({ missing }: LogInspection): string {
  const shown = missing.slice(0, NAMED_MAX)
  const text = shown.map(([a, b]) => (b - a === 1 ? `${a}` : `${a}–${b - 1}`)).join(', ')
  return missing.length > shown.length ? `${text}, …` : text
}

function damages({ damaged }: LogInspection): string {
  const shown = damaged.slice(0, NAMED_MAX)
  const text = shown.map(({ block, reason }) => `${block} (${REASONS[reason]})`).join(', ')
  return damaged.length > shown.length ? `${text}, …` : text
}

const REASONS: Readonly<Record<LogInspection['damaged'][number]['reason'], string>> = {
  hash: 'changed',
  unreadable: 'unreadable',
  'no-leaf': 'nothing proves it',
}

function* contentLines(contents: DriveContents): Generator<string> {
  const { version, files, bytes, oldestMs, newestMs, incomplete, incompleteCount } = contents
  const times =
    oldestMs === undefined || newestMs === undefined ? '' : `, ${day(oldestMs)} to ${day(newestMs)}`
  yield `  versions   ${version === 0 ? 'none' : version === 1 ? '1' : `1 to ${version}`}`
  yield `  files      ${count(files, 'file')}, ${size(bytes)}${times}`
  if (incompleteCount === 0) return
  yield* some(
    'not whole',
    incomplete.map(({ path, why }) => `${path} (${why})`),
    incompleteCount,
  )
}

function day(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().slice(0, 10)
}

function* some(title: string, names: readonly string[], total = names.length): Generator<string> {
  const shown = names.slice(0, NAMED_MAX)
  for (const [i, name] of shown.entries()) yield `  ${(i === 0 ? title : '').padEnd(9)}  ${name}`
  if (total > shown.length)
    yield `             … and ${count(total - shown.length, 'more', 'more')}`
}

function* nextLines(next: readonly string[]): Generator<string> {
  for (const [i, line] of next.entries()) yield `  ${(i === 0 ? 'next' : '').padEnd(9)}  ${line}`
}

// ---- Links ---------------------------------------------------------------------------------------

function showLink({ output }: Session, report: InspectedLink): void {
  const next = nextForLink(report)
  output.result('archive', { ...report, next }, [...linkLines(report, next)])
  if (output.json) {
    const { source, link, kind, format } = report
    output.result('inspected', { source, link, kind, format, archives: 1, problems: 0 })
  }
}

function* linkLines(report: InspectedLink, next: readonly string[]): Generator<string> {
  const { link, kind, format, generation, writable, logs, contents, contentsProblem } = report
  yield `${link} leads to ${kind === 'drive' ? `a drive (${format})` : `a ${kind}`} of generation ${generation}`
  yield `  whose      ${writable ? 'yours: the secret key is here' : 'somebody’s: no secret key here'}`
  if (contents !== undefined) yield* contentLines(contents)
  if (contentsProblem !== undefined) yield `  files      cannot be listed: ${contentsProblem}`
  for (const { role, length, byteLength, peers, remoteContiguousLength } of logs) {
    const whole = length > 0 && remoteContiguousLength >= length
    const held = whole
      ? 'one of them has all'
      : `the first ${count(remoteContiguousLength, 'block')} for certain`
    const who = peers === 0 ? 'nobody has it now' : `${count(peers, 'peer')}, ${held}`
    yield `  ${role.padEnd(9)}  ${count(length, 'block')}, ${size(byteLength)}; ${who}`
  }
  yield* nextLines(next)
}

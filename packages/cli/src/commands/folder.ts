/**
 * What share and clone have in common on the terminal: news of a folder, its progress, its problems.
 *
 * Owns: the sentence for each folder event. Until the first pass is done only trouble is worth a line: of the rest
 * there may be a million, and the progress line tells enough.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import type { Clone, FolderEvent, FolderState, Report, Share } from '@dat-rhino/sdk'
import { count, duration, bytes as size } from '../format.ts'
import type { Fields } from '../output.ts'
import type { Session } from '../session.ts'
import { type Standing, showProgress } from './show-progress.ts'

/** Shows events and progress of a folder until it is closed. */
export async function followFolder<F extends Share | Clone>(
  session: Session,
  folder: F,
  describe: (folder: F) => string,
): Promise<void> {
  const stop = showProgress(session, () => standing(folder.state, describe(folder)))
  // What led here was news before anybody listened.
  session.output.note('phase', { phase: folder.state.phase })
  const told: Told = { settled: false, troubles: 0 }
  try {
    for await (const event of folder.events()) showEvent(session, event, told)
  } finally {
    stop()
  }
}

/** Resolves when what happened until now was shown. Events are taken in the turn in which they come. */
export function shownSoFar(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** `Cloning 12/80 files · 1.2 MB of 3.4 MB (35 %) · 4.1 MB/s · 2 s left · 3 peers`: 80 columns, but for the largest numbers */
export function progressLine(verb: string, state: FolderState): string {
  const { files, bytes, peers, etaMs, rateDown } = state
  const share = bytes.total === 0 ? 0 : Math.floor((bytes.done / bytes.total) * 100)
  return (
    `${verb} ${files.done}/${count(files.total, 'file')} · ${size(bytes.done)} of ${size(bytes.total)} (${share} %)` +
    (rateDown > 0 ? ` · ${size(rateDown)}/s` : '') +
    (etaMs === undefined ? '' : ` · ${duration(etaMs)} left`) +
    (peers > 0 ? ` · ${count(peers, 'peer')}` : '')
  )
}

/** A report as programs get it. */
export function reportFields({ error, problems: _, ...report }: Report): Fields {
  if (error === undefined) return report
  return { ...report, error: { code: error.code, message: error.message } }
}

function standing(state: FolderState, line: string): Standing {
  const steady = state.phase === 'watching' || state.phase === 'done'
  return { fields: { ...state }, line, steady }
}

/** Troubles of the first pass that people are told one by one. Programs hear of all. */
const TROUBLES_TOLD_MAX = 20

/** What was told so far. */
interface Told {
  /** The first pass is done: from now on each changed file is worth a line. */
  settled: boolean
  troubles: number
}

function showEvent({ output }: Session, event: FolderEvent, told: Told): void {
  // Progress is shown from the state, and what a pass did is told by the command.
  if (event.type === 'progress') return
  if (event.type === 'ready') {
    const more = told.troubles - TROUBLES_TOLD_MAX
    if (more > 0 && !output.json) output.warn('more', {}, `… and ${count(more, 'more', 'more')}.`)
    told.settled = true
    return
  }
  const { type, ...fields } = event
  const trouble = troubleSentence(event)
  if (trouble === undefined) {
    output.note(type, fields, told.settled ? newsSentence(event) : undefined)
  } else if (told.settled || ++told.troubles <= TROUBLES_TOLD_MAX || output.json) {
    output.warn(type, flat(fields), trouble)
  }
}

function troubleSentence(event: FolderEvent): string | undefined {
  switch (event.type) {
    case 'file-skipped':
      return `Left out: ${event.message}`
    case 'conflict':
      return conflictSentence(event.path, event.drive)
    case 'warning':
      return `Note: ${event.error.message}`
    case 'missed':
      return `(${count(event.count, 'line')} left out)`
    default:
      return undefined
  }
}

function newsSentence(event: FolderEvent): string | undefined {
  switch (event.type) {
    case 'file-added':
      return `+ ${event.path} (${size(event.bytes)})`
    case 'file-changed':
      return `~ ${event.path} (${size(event.bytes)})`
    case 'file-removed':
      return `- ${event.path}`
    case 'file-renamed':
      return `> ${event.from} → ${event.path}`
    default:
      return undefined
  }
}

/** An error among the fields as programs get it. */
function flat(fields: Fields): Fields {
  const { error } = fields
  return error instanceof DatError ? { code: error.code, message: error.message } : fields
}

function conflictSentence(path: string, drive: 'changed' | 'removed' | 'unchanged'): string {
  if (drive === 'unchanged') return `Kept your ${path}: it was edited here.`
  return `Kept your ${path}: it was edited here, and ${drive} by the owner.`
}

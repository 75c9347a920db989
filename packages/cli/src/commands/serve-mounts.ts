/**
 * What is told of drives and logs that are mounted in a served archive.
 *
 * Owns: the words. Each is told once; those that are missing are named, so that a reader's gaps are no surprise.
 */

import type { ServedFolder, ServedMount, ServedMounts } from '@dat-rhino/sdk'
import { count } from '../format.ts'
import type { Output } from '../output.ts'

/** Missing ones that people are told one by one. */
const NAMED_MAX = 10

/** Tells what is mounted now, and from now on what changes. */
export function showMounts(output: Output, served: ServedFolder): void {
  const known = new Set<string>()
  const show = (mounts: ServedMounts): void => {
    const fresh = mounts.found.filter((mount) => !known.has(identity(mount)))
    for (const mount of fresh) known.add(identity(mount))
    if (fresh.length > 0 || mounts.isCut) tell(output, mounts, fresh)
  }
  show(served.mounts)
  served.events.on('mounts', show)
}

/** One that was missing and has come is news. */
function identity({ key, problem }: ServedMount): string {
  return `${key} ${problem === undefined}`
}

function tell(output: Output, { found, isCut }: ServedMounts, fresh: readonly ServedMount[]): void {
  const served = fresh.filter(({ problem }) => problem === undefined)
  const missing = fresh.filter(({ problem }) => problem !== undefined)
  for (const mount of served) output.note('mounted', facts(mount))
  for (const [i, mount] of missing.entries()) {
    const { path, link, problem } = mount
    const line = `Mounted at ${path}, and not served: ${link}: ${problem}`
    if (i < NAMED_MAX) output.warn('mount-missing', facts(mount), line)
    else output.note('mount-missing', facts(mount))
  }
  const counts = { served: served.length, missing: missing.length, cut: isCut }
  output.note('mounts', counts, summary(counts))
  if (!isCut) return
  const line = `More is mounted than the ${found.length} that are followed. Without --archive all archives of the folder are served.`
  output.warn('mounts-cut', { followed: found.length }, line)
}

function summary({ served, missing }: { served: number; missing: number }): string | undefined {
  const unnamed = missing - NAMED_MAX
  const sentences = [
    ...(unnamed > 0 ? [`${unnamed} more mounts are not here either.`] : []),
    ...(served > 0
      ? [
          `Served with it, because mounted in it: ${count(served, 'drive or log', 'drives and logs')}.`,
        ]
      : []),
  ]
  return sentences.length === 0 ? undefined : sentences.join(' ')
}

function facts({ path, link, key, kind, problem }: ServedMount): Record<string, unknown> {
  return { path, link, key, kind, ...(problem !== undefined && { problem }) }
}

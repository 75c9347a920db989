/**
 * What can be done next with something that was inspected, as commands to type.
 *
 * Owns: those lines. A path is quoted so that a shell takes it as it is, whatever its name.
 */

import type { InspectedArchive, InspectedLink } from '@dat-rhino/sdk'

/** Of an archive in old files. @param archives so many lie there: of several the command says which */
export function nextForFiles(
  path: string,
  { key, format, logs, possible, contents, isComplete, link }: InspectedArchive,
  archives: number,
): string[] {
  const which = archives > 1 ? ` --archive ${key.slice(0, 12)}` : ''
  const where = `${quoted(path)}${which}`
  const isDrive = logs.length > 1 || format === 'hyperdrive'
  const can = new Set(possible)
  const lines: string[] = []
  if (isDrive && can.has('read')) {
    lines.push(`dat ls ${where}`, `dat clone ${quoted(path)} COPY${which}`)
  }
  if (can.has('serve')) lines.push(`dat serve ${where}`)
  const lacksFiles = !isComplete && contents?.incompleteCount !== 0
  if (lacksFiles && isDrive) {
    lines.push(`dat clone ${link} COPY --legacy all   # what others still have`)
  }
  if (isDrive && can.has('migrate-new-key')) {
    lines.push(
      `dat clone ${quoted(path)} NEW${which} --storage TMP && dat share NEW   # its files, under a new link`,
    )
  }
  return lines
}

/** Of what a link leads to. */
export function nextForLink({ link, kind }: InspectedLink): string[] {
  if (kind !== 'drive') return []
  return [`dat ls ${link}`, `dat clone ${link} COPY`]
}

/** As a word for the shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

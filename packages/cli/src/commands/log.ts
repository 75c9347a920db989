/**
 * `dat log LINK|DIR`: the history of a drive, newest first.
 *
 * Owns: the form of a history line. Its version can be given to `--checkout`: of changes that were written together it is
 * the same.
 */

import { bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { type ReadFlags, withDrive } from './open-drive.ts'

export interface LogFlags extends ReadFlags {
  readonly limit?: number
}

export async function history(session: Session, where: string, flags: LogFlags): Promise<void> {
  const { output } = session
  await withDrive(session, where, undefined, flags, async ({ drive, version: newest, wait }) => {
    const { limit } = flags
    const range = { reverse: true, ...(limit === undefined ? {} : { limit }) }
    const width = String(newest).length
    for await (const { version, path, entry } of drive.history(range, wait)) {
      const what = entry === undefined ? 'del' : 'put'
      const bytes = entry?.stat.size
      const note = bytes === undefined ? '' : `  (${size(bytes)})`
      output.result(
        what,
        { version, path, ...(bytes === undefined ? {} : { bytes }) },
        `${String(version).padStart(width)}  ${what}  ${path}${note}`,
      )
    }
  })
}

/**
 * Shows how things stand, again and again, while something else runs.
 *
 * Owns: the timer.
 */

import type { Fields } from '../output.ts'
import type { Session } from '../session.ts'

/** How things stand, for programs and for people. */
export interface Standing {
  readonly fields: Fields
  readonly line: string
  /** Nothing has to come to an end. */
  readonly steady?: boolean
}

const LOOK_MS = 200

/** Asks `look` for the standing from now on. Returns the way to stop that. */
export function showProgress(session: Session, look: () => Standing): () => void {
  const timer = setInterval(() => {
    const { fields, line, steady } = look()
    session.output.progress(fields, line, { steady: steady ?? false })
  }, LOOK_MS)
  return () => {
    clearInterval(timer)
    session.output.end()
  }
}

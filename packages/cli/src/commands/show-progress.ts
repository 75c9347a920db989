/**
 * Shows how things stand, again and again, while something else runs.
 *
 * Owns: the timer.
 */

import type { Rhino } from '@dat-rhino/sdk'
import { count } from '../format.ts'
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

/** Shows that peers are looked for, and how many were met. */
export function showLooking(session: Session, node: Rhino): () => void {
  return showProgress(session, () => {
    const peers = node.network.peers.length
    const line = `Looking for peers … ${count(peers, 'peer')}`
    return { fields: { phase: 'looking', peers }, line }
  })
}

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

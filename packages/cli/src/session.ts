/**
 * One run of the command: where it speaks, and when it must stop.
 *
 * Owns: the signals. The first Ctrl-C (or a polite end from outside, or a reader of standard output that went
 * away) asks everything to end cleanly; a second Ctrl-C ends the process at once, which loses nothing that was
 * acknowledged.
 */

import type { Output } from './output.ts'

export interface Session {
  readonly output: Output
  /** Aborts on the first Ctrl-C. */
  readonly signal: AbortSignal
  /** Resolves on the first Ctrl-C: for commands that run until they are stopped. */
  readonly stopped: Promise<void>
  /** Whoever read standard output has gone: `dat ls | head`. Nothing more is said, and that is no failure. */
  readonly unheard: boolean
}

const EXIT_INTERRUPTED = 130
const POLITE_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Begins listening to signals, for the rest of the process. */
export function openSession(output: Output): Session {
  const controller = new AbortController()
  let unheard = false
  const stopped = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  for (const name of POLITE_SIGNALS) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
      output.end()
      controller.abort()
    })
  }
  process.stdout.on('error', () => {
    unheard = true
    controller.abort()
  })
  // Nobody to tell.
  process.stderr.on('error', () => undefined)
  return {
    output,
    signal: controller.signal,
    stopped,
    get unheard() {
      return unheard
    },
  }
}

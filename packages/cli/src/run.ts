/**
 * The work of one run, and how it ends.
 *
 * Owns: that each error is told in the form that was asked for, and ends the run with the exit code of its row in the
 * table of codes; also one that nobody caught.
 */

import { type DatError, isCode } from '@dat-rhino/core/base/errors'
import { exitCodeOf, explain, hintFor, toDatError } from './errors.ts'
import type { CommonFlags } from './options.ts'
import { type Output, openOutput } from './output.ts'
import { openSession, type Session } from './session.ts'

const ALIVE_MS = 60_000

/** From now on an error that nobody caught is told like any other, in the form that `args` ask for, and ends the process. */
export function watchForFaults(args: readonly string[]): void {
  process.on('uncaughtException', (error) => {
    const output = openOutput({ json: args.includes('--json'), quiet: false })
    process.exit(fail(output, error, args.includes('--verbose')))
  })
}

/** Gives a command its output and signals, and turns its end into an exit code. */
export async function execute(
  flags: CommonFlags,
  work: (session: Session) => Promise<void>,
): Promise<number> {
  const output = openOutput({ json: flags.json === true, quiet: flags.quiet === true })
  const session = openSession(output)
  // Clocks and watchers of the SDK keep no process alive; a command that waits for them is not done.
  const alive = setInterval(() => undefined, ALIVE_MS)
  try {
    await work(session)
    output.end()
    return 0
  } catch (thrown) {
    if (session.unheard && (isCode(thrown, 'ABORTED') || isBrokenPipe(thrown))) return 0
    return fail(output, thrown, flags.verbose === true)
  } finally {
    clearInterval(alive)
  }
}

function fail(output: Output, thrown: unknown, verbose: boolean): number {
  const error: DatError = toDatError(thrown)
  output.end()
  output.fail(error, hintFor(error))
  if (verbose) process.stderr.write(`${explain(error)}\n`)
  return exitCodeOf(error)
}

function isBrokenPipe(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPIPE'
}

/**
 * The work of one run, and how it ends.
 *
 * Owns: that each error, also that of a wrong argument and one that nobody caught, is told in the form that was asked
 * for, and ends the run with the exit code of its row in the table of codes.
 */

import { type DatError, isCode } from '@dat-rhino/core/base/errors'
import { CommanderError } from 'commander'
import { exitCodeOf, explain, hintFor, toDatError } from './errors.ts'
import type { CommonFlags } from './options.ts'
import { type Output, openOutput } from './output.ts'
import { openSession, type Session } from './session.ts'
import { usageError } from './usage.ts'

const ALIVE_MS = 60_000

/** From now on an error that nobody caught is told like any other, in the form that `args` ask for, and ends the process. */
export function watchForFaults(args: readonly string[]): void {
  process.on('uncaughtException', (error) => process.exit(tell(error, args)))
}

/** Tells an error that no command is there to tell, in the form that `args` ask for; returns the exit code. */
export function tell(thrown: unknown, args: readonly string[]): number {
  const json = args.includes('--json')
  const output = openOutput({ json, quiet: false })
  if (!(thrown instanceof CommanderError)) return fail(output, thrown, args.includes('--verbose'))
  const { error, hint } = usageError(thrown, args)
  // Without any command, commander has shown the help by now, and there is nothing to add for people.
  if (json || thrown.code !== 'commander.help') output.fail(error, hint)
  return exitCodeOf(error)
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

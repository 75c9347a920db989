/**
 * One run of the command `dat`: from arguments to an exit code.
 *
 * Owns: what is answered at once. Help and version need the grammar and nothing else; what does the work, and what tells
 * errors, is loaded when it is needed (`run.ts`).
 */

import { CommanderError } from 'commander'
import { buildProgram } from './program.ts'

/** Runs one command; resolves with its exit code. Never throws. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = buildProgram(async (flags, work) => {
    const { execute, watchForFaults } = await import('./run.ts')
    watchForFaults(args)
    exitCode = await execute(flags, work)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
    const { tell } = await import('./run.ts')
    return tell(thrown, args)
  }
  return exitCode
}

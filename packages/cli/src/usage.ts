/**
 * Wrong usage, in the same words and the same form as every other error.
 *
 * Owns: what becomes of arguments that do not fit. They are `BAD_ARGUMENT`, and the hint names the help that helps.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { exitCodeOf } from './errors.ts'
import { openOutput } from './output.ts'
import { COMMANDS } from './program.ts'

/** Tells what is wrong with `args` in the form that they ask for, unless it was told; returns the exit code. */
export function tellUsage(message: string, args: readonly string[], isTold: boolean): number {
  const error = new DatError('BAD_ARGUMENT', message, {})
  const output = openOutput({ json: args.includes('--json'), quiet: false })
  if (isTold) output.fail(error, helpFor(args))
  return exitCodeOf(error)
}

/** Which help helps. */
export function helpFor(args: readonly string[]): string {
  const command = args.find((arg) => COMMANDS.includes(arg))
  return command === undefined ? 'dat --help shows what there is.' : `See dat ${command} --help.`
}

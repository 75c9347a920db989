/**
 * Wrong usage, in the same words and the same form as every other error.
 *
 * Owns: what becomes of commander's errors. They are `BAD_ARGUMENT`, and the hint names the help that helps.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import type { CommanderError } from 'commander'
import { COMMANDS } from './program.ts'

/** An error of the command line, with what to do about it. */
export function usageError(
  thrown: CommanderError,
  args: readonly string[],
): { error: DatError; hint: string } {
  const command = args.find((arg) => COMMANDS.includes(arg))
  const hint =
    command === undefined ? 'dat --help shows what there is.' : `See dat ${command} --help.`
  const message = thrown.code === 'commander.help' ? 'Which command?' : sentence(thrown.message)
  return { error: new DatError('BAD_ARGUMENT', message, {}), hint }
}

/** `error: unknown command 'x'` + line break + `(Did you mean y?)` as one line. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ')
  const ended = /[.?!)]$/.test(text) ? text : `${text}.`
  return ended.charAt(0).toUpperCase() + ended.slice(1)
}

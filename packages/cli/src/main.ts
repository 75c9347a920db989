/**
 * One run of the command `dat`: from arguments to an exit code.
 *
 * Owns: what is answered at once. Help and version need the grammar and nothing else; what does the work, and what tells
 * errors, is loaded when it is needed (`run.ts`).
 */

import type { Command } from './command.ts'
import { buildProgram, packageVersion } from './program.ts'
import { readArguments } from './read-arguments.ts'

/** Runs one command; resolves with its exit code. Never throws. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = buildProgram(async (flags, work) => {
    const { execute } = await import('./run.ts')
    exitCode = await execute(flags, work)
  })
  const asked = readArguments(program, args)
  switch (asked.kind) {
    case 'help':
      await showHelp(asked.command, process.stdout)
      return 0
    case 'version':
      process.stdout.write(`${packageVersion()}\n`)
      return 0
    case 'nothing': {
      await showHelp(asked.command, process.stderr)
      // There is nothing to add for people.
      return tellWrong('Which command?', args, args.includes('--json'))
    }
    case 'wrong':
      return tellWrong(asked.message, args, true)
    case 'run': {
      const { watchForFaults } = await import('./run.ts')
      watchForFaults(args)
      await asked.run()
      return exitCode
    }
  }
}

async function showHelp(command: Command, stream: NodeJS.WriteStream): Promise<void> {
  const { helpText } = await import('./help.ts')
  stream.write(helpText(command, stream.isTTY ? stream.columns : undefined))
}

async function tellWrong(
  message: string,
  args: readonly string[],
  isTold: boolean,
): Promise<number> {
  const { tellUsage } = await import('./usage.ts')
  return tellUsage(message, args, isTold)
}

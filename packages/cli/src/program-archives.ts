/**
 * The grammar of the commands for old archives: `inspect` and `serve`.
 *
 * Owns: their arguments, options and help, as `program.ts` owns those of the others.
 */

import type { Command } from 'commander'
import type { InspectFlags } from './commands/inspect.ts'
import type { ServeFlags } from './commands/serve.ts'
import {
  addArchiveOptions,
  addCommonOptions,
  addLegacyOptions,
  addNetworkOptions,
  addRateOptions,
  addRoomOptions,
  type CommonFlags,
  oldPortOption,
  timeoutOption,
} from './options.ts'
import type { Execute } from './program.ts'

/** `dat inspect PATH|LINK`. */
export function addInspect(program: Command, execute: Execute): void {
  const command = program
    .command('inspect')
    .argument('<path|link>', 'a folder or file of any age, or a link')
    .description('What something is, how complete, whose, what is damaged, and what can be done')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `
Old files are read where they lie, every block is verified, and nothing is written. A folder above several archives
(a profile of Beaker, the backup of a home folder) shows all of them.

Examples:
  dat inspect old-photos               a folder with a .dat in it
  dat inspect ~/backup                 all archives that are found below
  dat inspect dat://ab12… --peer 192.168.1.7:3282
  dat inspect old-photos --json | jq 'select(.event == "archive") | {link, isComplete}'`,
    )
  const all = addArchiveOptions(addLegacyOptions(addNetworkOptions(addCommonOptions(command))))
  all.action(async (where: string, flags: CommonFlags & InspectFlags) => {
    await execute(flags, async (session) => {
      const { inspectAny } = await import('./commands/inspect.ts')
      await inspectAny(session, where, flags)
    })
  })
}

/** `dat serve FOLDER`. */
export function addServe(program: Command, execute: Execute): void {
  const command = program
    .command('serve')
    .argument('<folder>', 'the folder of an old archive, or of several')
    .description('Give an old archive to others again: its own link, its author’s signatures')
    .addOption(oldPortOption())
    .option('--storage <path>', 'keep the verified blocks there, so that the next time is quick')
    .addHelpText(
      'after',
      `
Prints the link. The folder is read and not written to; its files are not needed any more once everything is verified.
Without --announce-old or --legacy-announce nobody is told: only who knows the link and this machine's address gets it.

Examples:
  dat serve old-photos                 old programs and --peer reach it at TCP port 3282
  dat serve old-photos --announce-old  and everybody who has the link finds it on today's network
  dat serve old-photos --legacy lan --legacy-announce   and old programs on the local network do
  dat serve Beaker --archive ab12cd    one of several`,
    )
  const all = addArchiveOptions(
    addLegacyOptions(addNetworkOptions(addRateOptions(addRoomOptions(addCommonOptions(command))))),
  )
  all.action(async (where: string, flags: CommonFlags & ServeFlags) => {
    await execute(flags, async (session) => {
      const { serve } = await import('./commands/serve.ts')
      await serve(session, where, flags)
    })
  })
}

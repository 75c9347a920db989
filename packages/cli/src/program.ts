/**
 * The grammar of the command line: which commands there are, their arguments, options and help.
 *
 * Owns: that grammar. What a command does is in `commands/`, loaded when it is called, so that `dat --help` starts
 * fast. The reference for people is `docs/cli.md`.
 */

import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { BenchFlags } from './commands/bench.ts'
import type { CloneFlags } from './commands/clone.ts'
import type { LogFlags } from './commands/log.ts'
import type { ListFlags } from './commands/ls.ts'
import type { ReadFlags } from './commands/open-drive.ts'
import type { ShareFlags } from './commands/share.ts'
import type { StatusFlags } from './commands/status.ts'
import type { RemoveFlags, StoreFlags } from './commands/store.ts'
import {
  addArchiveOptions,
  addCommonOptions,
  addLegacyOptions,
  addNetworkOptions,
  addRateOptions,
  addRoomOptions,
  type CommonFlags,
  checkoutOption,
  limitOption,
  repeated,
  secondsOption,
  timeoutOption,
} from './options.ts'
import { addInspect, addServe } from './program-archives.ts'
import type { Session } from './session.ts'

/** Runs the work of one command. */
export type Execute = (
  flags: CommonFlags,
  work: (session: Session) => Promise<void>,
) => Promise<void>

/** The names of all commands. */
export const COMMANDS: readonly string[] = [
  'share',
  'clone',
  'ls',
  'cat',
  'log',
  'inspect',
  'serve',
  'status',
  'store',
  'bench',
]

const EPILOGUE = `
Examples:
  dat share photos                    share a folder; prints its link and keeps watching
  dat clone hyper://abc… copy         get it on another machine, verified
  dat clone hyper://abc… copy --live  and follow its changes
  dat ls hyper://abc…/2024            look inside without cloning
  dat cat hyper://abc…/readme.md      print one file
  dat status photos                   what a folder is, its link, how complete it is
  dat inspect old-photos              what an old archive is, and what can be done with it
  dat serve old-photos                give it to others again, under its own dat:// link

Exit codes:
   0 done                  69 not available now       75 your edits were kept
  64 wrong usage           70 a fault of dat          76 wrong data from a peer
  65 not a link            71 in use elsewhere        77 not writable here
  66 does not exist        72 disk full               78 another format or version
  68 nobody reachable      73 folder is something    124 time ran out
                              else                   130 interrupted
                           74 disk or file error`

const STORAGE_OF_FOLDER = 'where the folder was told to keep its store, if not in DIR/.dat-rhino'

/** The command line; actions run through `execute`. */
export function buildProgram(execute: Execute): Command {
  const program = new Command('dat')
    .description('Share a folder and clone it elsewhere: signed, verified, live, peer to peer.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    // Errors are told by our own output.
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', EPILOGUE)
  addShare(program, execute)
  addClone(program, execute)
  addList(program, execute)
  addCat(program, execute)
  addLog(program, execute)
  addInspect(program, execute)
  addServe(program, execute)
  addStatus(program, execute)
  addStore(program, execute)
  addBench(program, execute)
  return program
}

function addShare(program: Command, execute: Execute): void {
  const command = program
    .command('share')
    .argument('[dir]', 'the folder', '.')
    .description('Share a folder: import what changed, print its link, keep watching')
    .option('--once', 'import and end; serve nothing')
    .option('--no-watch', 'serve, but do not follow changes')
    .option('--no-hidden', 'leave hidden files out (names that begin with a dot)')
    .option('--ignore <rule>', 'leave these out (gitignore syntax); may be repeated', repeated)
    .option('--no-datignore', 'do not read .datignore')
    .option('--verify', 'compare contents even where size and times look unchanged')
    .option('--storage <path>', 'keep keys and history there instead of in DIR/.dat-rhino')
    .option('--recover', 'this copy is the one from now on (after copying, restoring or damage)')
    .addHelpText(
      'after',
      `
The same folder always has the same link. Keys and history are kept in DIR/.dat-rhino: whoever has that
folder can write in your name, and without it you cannot change the share any more. Hidden files, version
control folders and what .datignore lists are left out.

Examples:
  dat share                           share the present folder
  dat share photos --ignore '*.tmp'
  link=$(dat share photos --once)     import only; standard output is the link and nothing else
  dat share photos --json | jq -r 'select(.event == "link").link'`,
    )
  addNetworkOptions(addRateOptions(addRoomOptions(addCommonOptions(command)))).action(
    async (dir: string, flags: CommonFlags & ShareFlags) => {
      await execute(flags, async (session) => {
        const { share } = await import('./commands/share.ts')
        await share(session, dir, flags)
      })
    },
  )
}

function addClone(program: Command, execute: Execute): void {
  const command = program
    .command('clone')
    .argument('<link|folder>', 'hyper://…, dat://… or a bare key; or the folder of an old archive')
    .argument('[dir]', 'where to (default: a folder named like the key)')
    .description('Clone a shared folder: every file verified; goes on where it stopped')
    .option('--live', 'follow changes until stopped')
    .addOption(checkoutOption('write out this version instead of the newest'))
    .option('--force', 'overwrite files that were edited here (each is kept as NAME.orig)')
    .option('--verify', 'compare contents even where files look as they were written')
    .addOption(timeoutOption())
    .option('--storage <path>', 'keep the verified blocks there instead of in DIR/.dat-rhino')
    .addHelpText(
      'after',
      `
Files that you edited are never overwritten silently: they are kept and named, and the exit code is 75.
A link of any network will do. An old folder is read and not written to; nobody else is asked for what it lacks, unless
--live, --peer or --legacy says so.

Examples:
  dat clone hyper://abc… copy
  dat clone hyper://abc… copy --live
  dat clone hyper://abc…+12 old       as it was at version 12
  dat clone dat://ab12… copy --peer 192.168.1.7:3282   from an old program, or dat serve
  dat clone old-photos copy           out of the folder of an old archive`,
    )
  const network = addNetworkOptions(addRateOptions(addRoomOptions(addCommonOptions(command))))
  addArchiveOptions(addLegacyOptions(network)).action(
    async (link: string, dir: string | undefined, flags: CommonFlags & CloneFlags) => {
      await execute(flags, async (session) => {
        const { clone } = await import('./commands/clone.ts')
        await clone(session, link, dir, flags)
      })
    },
  )
}

function addList(program: Command, execute: Execute): void {
  const command = addReading(program.command('ls'), 'a folder inside')
    .description('List what a drive holds, without cloning it')
    .option('-R, --recursive', 'everything below')
    .option('-l, --long', 'with kind (f file, x program, l link, d folder) and size')
    .addHelpText(
      'after',
      `
Folders end with a slash. A shared or cloned folder, or an old archive, is read from its store, without network.

Examples:
  dat ls hyper://abc…
  dat ls -lR photos /2024
  dat ls old-photos --checkout 12     an old archive, as it was at version 12`,
    )
  addOldOptions(command).action(
    async (where: string, path: string | undefined, flags: CommonFlags & ListFlags) => {
      await execute(flags, async (session) => {
        const { list } = await import('./commands/ls.ts')
        await list(session, where, path, flags)
      })
    },
  )
}

function addCat(program: Command, execute: Execute): void {
  const command = addReading(program.command('cat'), 'the file')
    .description('Print one file of a drive, verified, without cloning it')
    .addHelpText(
      'after',
      `
On a terminal, control characters are shown escaped; into a file or a pipe goes every byte as it is.
With --json the contents come as events with base64.

Examples:
  dat cat hyper://abc…/readme.md
  dat cat photos /2024/index.txt --checkout 12`,
    )
  addOldOptions(command).action(
    async (where: string, path: string | undefined, flags: CommonFlags & ReadFlags) => {
      await execute(flags, async (session) => {
        const { cat } = await import('./commands/cat.ts')
        await cat(session, where, path, flags)
      })
    },
  )
}

function addLog(program: Command, execute: Execute): void {
  const command = program
    .command('log')
    .argument('<link|dir>', 'a link, or a shared, cloned or old folder')
    .description('The history of a drive, newest first: every change with its version')
    .addOption(limitOption('only the newest so many'))
    .addOption(timeoutOption())
    .option('--storage <path>', STORAGE_OF_FOLDER)
    .addHelpText(
      'after',
      `
A version can be given to --checkout, or to a link as hyper://abc…+VERSION.

Examples:
  dat log photos
  dat log hyper://abc… -n 20 --json`,
    )
  addOldOptions(command).action(async (where: string, flags: CommonFlags & LogFlags) => {
    await execute(flags, async (session) => {
      const { history } = await import('./commands/log.ts')
      await history(session, where, flags)
    })
  })
}

function addStatus(program: Command, execute: Execute): void {
  const command = program
    .command('status')
    .argument('[dir]', 'the folder', '.')
    .description('What a folder is (share or clone), its link and version, how complete it is')
    .option('--storage <path>', STORAGE_OF_FOLDER)
    .addHelpText(
      'after',
      `
Nothing is changed and nobody is asked: it tells what is stored here, also while another dat has the folder
open.

Examples:
  dat status
  dat status photos --json`,
    )
  addCommonOptions(command).action(async (dir: string, flags: CommonFlags & StatusFlags) => {
    await execute(flags, async (session) => {
      const { status } = await import('./commands/status.ts')
      await status(session, dir, flags)
    })
  })
}

function addStore(program: Command, execute: Execute): void {
  const store = program
    .command('store')
    .description('What takes space in the store of a folder, and how to be rid of it')
    .addHelpText(
      'after',
      `
DIR is a shared or cloned folder, or a store itself. The list is also for while another dat has the folder open.

Examples:
  dat store ls photos                 every log: its size, what is here of it, last use, key, name
  dat store rm 7xk4 photos            delete one, by its key, the beginning of that, or its name
  dat store gc photos                 give back what nothing refers to`,
    )
  const sub = (usage: string, description: string): Command => {
    const command = store.command(usage).description(description)
    return addCommonOptions(command.option('--storage <path>', STORAGE_OF_FOLDER))
  }
  sub('ls', 'List its logs, the largest first')
    .argument('[dir]', 'the folder', '.')
    .action(async (dir: string, flags: CommonFlags & StoreFlags) => {
      await execute(flags, async (session) => {
        const { listStore } = await import('./commands/store.ts')
        await listStore(session, dir, flags)
      })
    })
  sub('rm', 'Delete a log with all that is held of it; the space is free at once')
    .argument('<log>', 'its key or link, the beginning of its key, or its name')
    .argument('[dir]', 'the folder', '.')
    .option('--force', 'also one that only this device can write, or that the folder is made of')
    .action(async (which: string, dir: string, flags: CommonFlags & RemoveFlags) => {
      await execute(flags, async (session) => {
        const { removeFromStore } = await import('./commands/store.ts')
        await removeFromStore(session, which, dir, flags)
      })
    })
  sub('gc', 'Give back what nothing refers to, and the space between')
    .argument('[dir]', 'the folder', '.')
    .action(async (dir: string, flags: CommonFlags & StoreFlags) => {
      await execute(flags, async (session) => {
        const { collectStore } = await import('./commands/store.ts')
        await collectStore(session, dir, flags)
      })
    })
}

function addBench(program: Command, execute: Execute): void {
  const command = program
    .command('bench')
    .description('How fast this machine and its disk are: appends, reads, replication, imports')
    .option(
      '--dir <path>',
      'measure the disk that this folder is on (default: where temporary files are)',
    )
    .addOption(secondsOption('at least so long for each task'))
    .option('--task <name>', 'only this one; may be repeated', repeated)
    .addHelpText(
      'after',
      `
Everything is made in a folder of its own and removed at the end. It writes up to a few gigabytes. Rates are those of
one process, encrypted and verified as ever; other programs that are busy make them smaller.

Examples:
  dat bench
  dat bench --dir /media/stick --task append --task append-strict
  dat bench --json > before.jsonl`,
    )
  addCommonOptions(command).action(async (flags: CommonFlags & BenchFlags) => {
    await execute(flags, async (session) => {
      const { bench } = await import('./commands/bench.ts')
      await bench(session, flags)
    })
  })
}

/** Of commands that read from links and folders of any age. */
function addOldOptions(command: Command): Command {
  return addArchiveOptions(addLegacyOptions(addNetworkOptions(addCommonOptions(command))))
}

function addReading(command: Command, path: string): Command {
  return command
    .argument('<link|dir>', 'a link, with or without a path, or a shared, cloned or old folder')
    .argument('[path]', path)
    .addOption(checkoutOption('as it was at this version'))
    .addOption(timeoutOption())
    .option('--storage <path>', STORAGE_OF_FOLDER)
}

/** The version in `package.json`, which lies above this file both in the sources and in the package. */
function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const record: unknown = JSON.parse(text)
  const isRecord = typeof record === 'object' && record !== null && 'version' in record
  return isRecord ? String(record.version) : 'unknown'
}

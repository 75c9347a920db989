/**
 * The process `dat`: runs the command line, and ends with its exit code.
 *
 * Owns: the end. What was printed is handed over before the process goes; a handle that somebody left open
 * (a socket, a timer) delays the end only for a moment. An error that nobody caught is told like any other.
 */

import { main, tell } from './main.ts'

/** For what is still closing after a command has ended. */
const LEFT_OPEN_MS = 200

const args = process.argv.slice(2)

process.on('uncaughtException', (error) => process.exit(tell(error, args)))

process.exitCode = await main(args)
setTimeout(() => process.stdout.write('', () => process.exit()), LEFT_OPEN_MS).unref()

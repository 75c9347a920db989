/**
 * The process `dat`: runs the command line, and ends with its exit code.
 *
 * Owns: the end. What was printed is handed over before the process goes. It does not wait for handles that somebody
 * left open: the command has closed what matters. An error that nobody caught is told like any other.
 */

import { main, tell } from './main.ts'

const args = process.argv.slice(2)

process.on('uncaughtException', (error) => process.exit(tell(error, args)))

const exitCode = await main(args)
process.exitCode = exitCode
process.stdout.write('', () => process.exit(exitCode))

/**
 * The process `dat`: runs the command line, and ends with its exit code.
 *
 * Owns: the end. What was printed is handed over before the process goes. It does not wait for handles that somebody
 * left open: the command has closed what matters.
 */

import { main } from './main.ts'

const exitCode = await main(process.argv.slice(2))
process.exitCode = exitCode
process.stdout.write('', () => process.exit(exitCode))

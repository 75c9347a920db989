/** How long a person waits for the command to begin: `dat --help`, beside a program that does nothing. */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../harness/root.ts'
import type { Side, Task } from '../harness/task.ts'

function starting(args: readonly string[]): Side {
  return {
    async run(setting, meter) {
      await meter.measure(() => {
        for (let i = 0; i < setting.count; i++) execFileSync(process.execPath, [...args])
      })
    },
  }
}

const COMMAND = join(ROOT, 'packages', 'cli', 'dist', 'bin.js')

/** The goal of 100 ms, next to the 40 that Node takes. */
export const startCommand: Task = {
  name: 'start-command',
  title: 'start `dat --help`, next to an empty program',
  unit: 'starts',
  count: 20,
  smokeCount: 1,
  reference: starting(['--eval', '0']),
  rows: [{ label: '', durability: '', side: starting([COMMAND, '--help']) }],
}

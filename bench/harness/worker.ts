/**
 * One phase of one side, in a process of its own: `worker TASK SIDE PHASE`, the setting over IPC.
 *
 * Owns: the conversation with `measure.ts`. In: the setting, later `{ cpu }` or `{ end }` for a server. Out:
 * `{ ready }` from a server, `{ edge }` from a run (and it waits for the answer), `{ done }` at the end.
 */

import { ALL_TASKS } from '../tasks/all.ts'
import { LoopWatch } from './loop-watch.ts'
import { ProcessMeter } from './meter.ts'
import type { Setting, Side, Task } from './task.ts'

const [taskName, sideName, phase] = process.argv.slice(2)

function findSide(): Side {
  const task: Task | undefined = ALL_TASKS.find(({ name }) => name === taskName)
  if (task === undefined) throw new Error(`There is no task ${taskName}.`)
  if (sideName === 'reference') return task.reference
  const row = task.rows[Number(sideName)]
  if (row === undefined) throw new Error(`Task ${taskName} has no row ${sideName}.`)
  return row.side
}

function send(message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

function nextMessage(): Promise<unknown> {
  return new Promise((resolve) => process.once('message', resolve))
}

async function serve(side: Side, setting: Setting): Promise<void> {
  const ready = await side.serve?.(setting)
  let before = process.cpuUsage()
  const loop = new LoopWatch()
  process.on('message', (message: { cpu?: 'start' | 'end'; end?: true }) => {
    if (message.end === true) process.exit(0)
    if (message.cpu === 'start') {
      before = process.cpuUsage()
      loop.reset()
    }
    const { user, system } = process.cpuUsage(before)
    void send({ cpuMs: (user + system) / 1000, ...loop.read() })
  })
  await send({ ready })
}

async function run(side: Side, setting: Setting): Promise<void> {
  const meter = new ProcessMeter(async (edge) => {
    const go = nextMessage()
    await send({ edge })
    await go
  })
  await side.run(setting, meter)
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024
  await send({ done: { ...meter.result, peakMemoryBytes } })
}

async function main(setting: Setting): Promise<void> {
  const side = findSide()
  if (phase === 'serve') return serve(side, setting)
  if (phase === 'run') await run(side, setting)
  else {
    if (phase === 'prepare') await side.prepare?.(setting)
    else await side.verify?.(setting)
    await send({ done: {} })
  }
  process.exit(0)
}

// A parent that went away has no use for us.
process.on('disconnect', () => process.exit(1))
await main((await nextMessage()) as Setting)

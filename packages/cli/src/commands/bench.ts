/**
 * `dat bench`: how fast this machine and this disk are with it.
 *
 * Owns: the table, and the folder in which everything is made and which is removed at the end, however it ends. How it
 * compares with others is not asked here: that needs the others, and `npm run bench` of the sources.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatError } from '@dat-rhino/core/base/errors'
import { bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { type BenchTask, TASKS, type Tally } from './bench-work.ts'
import { showProgress } from './show-progress.ts'

export interface BenchFlags {
  readonly dir?: string
  readonly seconds: number
  readonly task?: readonly string[]
}

export async function bench(session: Session, flags: BenchFlags): Promise<void> {
  const tasks = chosen(flags.task)
  const folder = makeFolder(flags.dir)
  let now = ''
  const stop = showProgress(session, () => ({ fields: { task: now }, line: `Measuring: ${now} …` }))
  try {
    for (const [i, task] of tasks.entries()) {
      now = task.title
      tell(session, task, await measure(session, task, join(folder, String(i)), flags.seconds))
    }
  } finally {
    stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Measured extends Tally {
  readonly longestBlockMs: number
}

async function measure(
  session: Session,
  task: BenchTask,
  folder: string,
  seconds: number,
): Promise<Measured> {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  // It must have fired once before it knows when it should fire next.
  await new Promise((resolve) => setTimeout(resolve, 3))
  const tally = await task.run(folder, ({ ms }) => {
    if (session.signal.aborted) throw new DatError('ABORTED', 'Stopped.')
    return ms < seconds * 1_000
  })
  loop.disable()
  rmSync(folder, { recursive: true, force: true })
  return { ...tally, longestBlockMs: Math.max(0, loop.max / 1e6 - 1) }
}

function tell({ output }: Session, task: BenchTask, measured: Measured): void {
  const { operations, bytes, ms, longestBlockMs } = measured
  const [perSecond, bytesPerSecond] = [operations, bytes].map((n) => Math.round((n / ms) * 1_000))
  const { name, title, unit } = task
  const fields = { name, title, unit, operations, ms, perSecond, bytesPerSecond, longestBlockMs }
  const rate = `${(perSecond ?? 0).toLocaleString('en-US')} ${unit}/s`
  const line = `${title.padEnd(48)} ${rate.padStart(20)}  ${size(bytesPerSecond ?? 0).padStart(8)}/s`
  output.result('bench', fields, line)
}

function chosen(names: readonly string[] | undefined): readonly BenchTask[] {
  if (names === undefined) return TASKS
  const unknown = names.filter((name) => TASKS.every((task) => task.name !== name))
  if (unknown.length > 0) {
    const known = TASKS.map(({ name }) => name).join(', ')
    throw new DatError(
      'BAD_ARGUMENT',
      `There is no task ${unknown.join(', ')}; there are ${known}.`,
    )
  }
  return TASKS.filter(({ name }) => names.includes(name))
}

/** On the disk that is to be measured; nobody else's folder. */
function makeFolder(dir: string | undefined): string {
  const parent = dir === undefined ? tmpdir() : resolve(dir)
  try {
    return mkdtempSync(join(parent, 'dat-bench-'))
  } catch (error) {
    const message = `No folder can be made in ${parent}.`
    throw new DatError('NOT_FOUND', message, { dir: parent }, error)
  }
}

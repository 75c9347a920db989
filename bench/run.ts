/**
 * The benchmark: ours and the reference side by side, in one run.
 *
 * Owns: the order of measurements. In each round every side is measured once, the reference first in one round and
 * last in the next, so that a machine that slows down slows down both. Where operations are counted, each process
 * does a twentieth of them before its clock starts: compiled code is compared.
 *
 *     npm run bench                       all tasks, five rounds each
 *     npm run bench -- --task get-1k      some tasks; may be repeated
 *     npm run bench -- --scale            the same operations on stores of growing size; takes an hour
 *     npm run bench -- --smoke            each for a moment: contents only, no figures
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from './harness/machine.ts'
import { measure, removeWrittenOut } from './harness/measure.ts'
import { plot } from './harness/plot.ts'
import { ROOT } from './harness/root.ts'
import { type Rounds, type Summary, summarize } from './harness/stats.ts'
import { markdown, short, text } from './harness/table.ts'
import type { Sample, Setting, Task } from './harness/task.ts'
import { countFiles, Trees } from './harness/tree.ts'
import { ALL_TASKS, SCALE_TASKS, TASKS } from './tasks/all.ts'

const { values: options } = parseArgs({
  options: {
    task: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    out: { type: 'string', default: join(ROOT, 'bench', 'out') },
  },
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

function chosen(): readonly Task[] {
  const names = new Set(options.task)
  const unknown = options.task.filter((name) => ALL_TASKS.every((task) => task.name !== name))
  if (unknown.length > 0) {
    const known = ALL_TASKS.map(({ name }) => name).join(' ')
    throw new Error(`No task ${unknown.join(', ')}; there are ${known}.`)
  }
  if (names.size > 0) return ALL_TASKS.filter(({ name }) => names.has(name))
  return options.scale ? SCALE_TASKS : TASKS
}

/** Sides by name: `reference`, then rows by number. */
function sidesOf(task: Task): string[] {
  return ['reference', ...task.rows.keys()].map(String)
}

type Scale = Pick<Setting, 'count' | 'tree'>

function settingOf(task: Task, trees: Trees, isSmoke = options.smoke): Scale {
  if (task.tree !== undefined) {
    const tree = trees.folder(task.tree)
    return { count: countFiles(tree), tree }
  }
  return { count: isSmoke ? task.smokeCount : task.count, tree: '' }
}

/** The reference and our first row, at the same time: nobody looks at the clock. */
async function smoke(task: Task, trees: Trees): Promise<void> {
  const setting = settingOf(task, trees)
  await Promise.all(['reference', '0'].map((side) => measure(task, side, setting)))
  say(`ok ${task.name}`)
}

async function measureTask(task: Task, trees: Trees, rounds: number): Promise<Rounds[]> {
  const sides = sidesOf(task)
  const setting = settingOf(task, trees)
  const samples = new Map<string, Sample[]>(sides.map((side) => [side, []]))
  if (task.tree === undefined) {
    for (const side of sides) await measure(task, side, settingOf(task, trees, true))
  }
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const times = task.rows[Number(side)]?.times ?? 1
      const sample = await measure(task, side, { ...setting, count: setting.count * times })
      tell(`${task.name} ${round + 1} ${side}: ${short(sample.wallMs)} ms`)
      samples.get(side)?.push(sample)
    }
  }
  const reference = samples.get('reference') ?? []
  return task.rows.map((row, i) => ({ task, row, reference, ours: samples.get(String(i)) ?? [] }))
}

function write(all: readonly Rounds[], summaries: readonly Summary[], machine: object): void {
  mkdirSync(options.out, { recursive: true })
  const raw = all.map(({ task, row, reference, ours }) => ({
    task: task.name,
    label: row.label,
    durability: row.durability,
    reference,
    ours,
  }))
  const json = { when: new Date().toISOString(), machine, summaries, samples: raw }
  writeFileSync(join(options.out, 'bench.json'), `${JSON.stringify(json, undefined, 1)}\n`)
  writeFileSync(join(options.out, 'bench.svg'), plot(summaries))
  writeFileSync(join(options.out, 'bench.md'), markdown(summaries))
  say(`Written: bench.json, bench.svg, bench.md in ${options.out}`)
}

async function main(): Promise<void> {
  if (options.list) {
    for (const { name, title } of ALL_TASKS) say(`${name.padEnd(22)} ${title}`)
    return
  }
  const tasks = chosen()
  const rounds = Number(options.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number.')
  const trees = new Trees(options.smoke)
  try {
    if (options.smoke) {
      for (const task of tasks) await smoke(task, trees)
      return
    }
    const machine = describeMachine()
    const all: Rounds[] = []
    for (const task of tasks) all.push(...(await measureTask(task, trees, rounds)))
    const summaries = all.map(summarize)
    say(text(summaries))
    write(all, summaries, machine)
  } finally {
    removeWrittenOut()
    trees.remove()
  }
}

await main()

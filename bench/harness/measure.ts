/**
 * One measurement from outside: a fresh folder, a fresh process per phase, everything ended afterwards.
 *
 * Owns: the child processes and the folder. Whatever happens, both are gone when `measure` settles, but for thousands of
 * files that were written out: these go with `removeWrittenOut`, at the end of a run.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outFolder } from './folders.ts'
import type { Sample, Served, Setting, Task } from './task.ts'

/** Nothing that is measured takes so long; a phase that does hangs. */
const PHASE_MS_MAX = 10 * 60_000

/** `worker.ts` from source, `worker.js` when built. */
const WORKER = fileURLToPath(new URL(`./worker${import.meta.url.slice(-3)}`, import.meta.url))

/**
 * Node reads all certificates that this variable names before it runs anything: 55 ms of each process, of neither side's
 * doing.
 */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env

type Phase = 'prepare' | 'serve' | 'run' | 'verify'

/** What a worker says; see `worker.ts`. */
interface Message {
  readonly ready?: Served
  readonly edge?: 'start' | 'end'
  readonly cpuMs?: number
  readonly longestBlockMs?: number
  readonly ownBlockMs?: number
  readonly done?: Record<string, number>
}

/**
 * So many files that were written out stay until the end. A file system without a journal looks past each one that was
 * removed in the minutes before when it makes a file, for 0.2 to 0.3 ms then: whoever is measured next would pay for it.
 */
const MANY_FILES = 1_000

const writtenOut: string[] = []

/** Removes the files that measurements wrote out. */
export function removeWrittenOut(): void {
  for (const folder of writtenOut.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export async function measure(
  task: Task,
  sideName: string,
  setting: Pick<Setting, 'count' | 'tree'>,
): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'dat-bench-'))
  const plain: Setting = { ...setting, folder, served: undefined }
  const side = sideName === 'reference' ? task.reference : task.rows[Number(sideName)]?.side
  let server: Worker | undefined
  try {
    if (side?.prepare !== undefined) await finish(task, sideName, 'prepare', plain)
    if (side?.serve !== undefined) server = new Worker(task, sideName, 'serve', plain)
    const served = (await server?.next())?.ready
    const result = await run(task, sideName, { ...plain, served }, server)
    server?.end()
    const diskBytes = bytesOnDisk(join(folder, 'store'))
    if (side?.verify !== undefined) await finish(task, sideName, 'verify', { ...plain, served })
    return sample(setting.count, result, diskBytes)
  } finally {
    server?.end()
    clean(plain)
  }
}

function clean(setting: Setting): void {
  const { folder, tree, count } = setting
  const kept = tree !== '' && count >= MANY_FILES ? outFolder(setting) : undefined
  for (const path of readdirSync(folder).map((name) => join(folder, name))) {
    if (path !== kept) rmSync(path, { recursive: true, force: true })
  }
  if (kept === undefined) rmSync(folder, { recursive: true, force: true })
  else writtenOut.push(folder)
}

async function finish(task: Task, side: string, phase: Phase, setting: Setting): Promise<void> {
  const worker = new Worker(task, side, phase, setting)
  try {
    await worker.next()
  } finally {
    worker.end()
  }
}

/** What a run told, and what its server did meanwhile. */
interface RunResult {
  readonly done: Record<string, number>
  readonly serverCpuMs: number
  readonly serverBlockMs: number
  readonly serverOwnBlockMs: number
}

/** Runs the measured phase, and reads the server's CPU at its start and end. */
async function run(
  task: Task,
  side: string,
  setting: Setting,
  server: Worker | undefined,
): Promise<RunResult> {
  const worker = new Worker(task, side, 'run', setting)
  let ofServer = { serverCpuMs: 0, serverBlockMs: 0, serverOwnBlockMs: 0 }
  try {
    for (;;) {
      const { edge, done } = await worker.next()
      if (done !== undefined) return { done, ...ofServer }
      if (server !== undefined) {
        server.send({ cpu: edge })
        const { cpuMs = 0, longestBlockMs = 0, ownBlockMs = 0 } = await server.next()
        ofServer = {
          serverCpuMs: cpuMs,
          serverBlockMs: longestBlockMs,
          serverOwnBlockMs: ownBlockMs,
        }
      }
      worker.send({ go: edge })
    }
  } finally {
    worker.end()
  }
}

function sample(operations: number, { done, ...ofServer }: RunResult, diskBytes: number): Sample {
  const number = (name: string): number => done[name] ?? 0
  return {
    operations,
    bytes: number('bytes'),
    storedBytes: number('storedBytes'),
    wallMs: number('wallMs'),
    cpuMs: number('cpuMs'),
    ...ofServer,
    peakMemoryBytes: number('peakMemoryBytes'),
    longestBlockMs: number('longestBlockMs'),
    ownBlockMs: number('ownBlockMs'),
    diskBytes,
    calibrationMs: number('calibrationMs'),
  }
}

/** A child process that sends messages, one at a time. */
class Worker {
  readonly #child: ChildProcess
  readonly #what: string
  readonly #messages: Message[] = []
  #wake: (() => void) | undefined
  #ended = false

  constructor(task: Task, side: string, phase: Phase, setting: Setting) {
    this.#what = `${task.name} (${side}, ${phase})`
    this.#child = fork(WORKER, [task.name, side, phase], {
      env: ENVIRONMENT,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (message) => {
      this.#messages.push(message as Message)
      this.#wake?.()
    })
    this.#child.on('exit', () => {
      this.#ended = true
      this.#wake?.()
    })
    this.send(setting)
  }

  send(message: object): void {
    this.#child.send(message)
  }

  async next(): Promise<Message> {
    const timer = setTimeout(() => this.end(), PHASE_MS_MAX)
    while (this.#messages.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
    const message = this.#messages.shift()
    if (message === undefined) throw new Error(`${this.#what} failed.`)
    return message
  }

  end(): void {
    if (!this.#ended) this.#child.kill('SIGKILL')
  }
}

/** What the files of a folder take up; holes take nothing. */
function bytesOnDisk(folder: string): number {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  if (!stats.isDirectory()) return stats.blocks * 512
  return readdirSync(folder).reduce((sum, name) => sum + bytesOnDisk(join(folder, name)), 0)
}

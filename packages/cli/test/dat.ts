/**
 * The real command in processes of its own, on a network that never leaves this machine.
 *
 * Owns: the processes, which are gone when their test is over. What runs is the built package, which is brought up
 * to date first: started from source, each process would spend its first second and a half on compiling.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type NetworkOptions, open, type Rhino } from '@dat-rhino/sdk'
import createTestnet from 'hyperdht/testnet.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const BIN = join(ROOT, 'packages/cli/bin/dat.js')
const BUILT = join(ROOT, 'packages/cli/dist/bin.js')
const FAULTS = new URL('./faults.mjs', import.meta.url).href
/** With fewer nodes, connections between processes stall: the hole puncher learns too little. */
const TESTNET_NODES = 5
/** A command that hangs is ended, and its test fails with what it said. */
const RUN_MS_MAX = 120_000

/** A line of `--json`. */
export interface DatEvent {
  readonly event: string
  readonly [field: string]: unknown
}

/** What a command left behind. */
export interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of standard output that are events, without progress. */
  readonly events: readonly DatEvent[]
}

let isBuilt = false

/** Once per run of the tests. Whether types are right is asked by another step. */
function build(): void {
  if (isBuilt) return
  isBuilt = true
  const tsc = join(ROOT, 'node_modules/typescript-native/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-b', 'packages/cli'], { cwd: ROOT })
  if (!existsSync(BUILT)) throw new Error(`The command could not be built:\n${stdout}`)
}

/** One running command. */
export class Running {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #events: DatEvent[] = []
  readonly #waiting = new Set<() => void>()
  #isOver = false
  #said = ''

  constructor(child: ChildProcess) {
    this.#child = child
    let stdout = ''
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
      this.#said = stderr
      for (const wake of this.#waiting) wake()
    })
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        stdout += `${line}\n`
        if (line.startsWith('{"event":')) this.#events.push(JSON.parse(line))
        for (const wake of this.#waiting) wake()
      })
    }
    this.ended = new Promise((resolve) => {
      child.on('close', (exit) => {
        this.#isOver = true
        for (const wake of this.#waiting) wake()
        // How much progress is shown says how busy the machine was.
        const events = this.#events.filter(({ event }) => event !== 'progress')
        resolve({ exit, stdout, stderr, events })
      })
    })
  }

  /** Resolves with the first event of this name, also if it was before, for which `wanted` holds. */
  async event(name: string, wanted: (event: DatEvent) => boolean = () => true): Promise<DatEvent> {
    for (let at = 0; ; ) {
      for (; at < this.#events.length; at++) {
        const event = this.#events[at]
        if (event?.event === name && wanted(event)) return event
      }
      if (this.#isOver) {
        const { stdout, stderr } = await this.ended
        throw new Error(`It ended without ${name}:\n${stdout}\n${stderr}`)
      }
      await this.#news()
    }
  }

  /** Resolves when people were told this on standard error. */
  async heard(text: string): Promise<void> {
    while (!this.#said.includes(text)) {
      if (this.#isOver) throw new Error(`It ended without "${text}":\n${this.#said}`)
      await this.#news()
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Whoever reads standard output goes away. */
  hangUp(): void {
    this.#child.stdout?.destroy()
  }

  /** As a person ends it. */
  async interrupt(): Promise<Ended> {
    this.signal('SIGINT')
    return this.ended
  }
}

/** How a command is started. */
export interface RunOptions {
  readonly cwd?: string
  /** See `faults.mjs`. */
  readonly faults?: { readonly room?: number; readonly unreadable?: string }
}

/** What a test with commands stands on. */
export class Bench {
  readonly #t: TestContext
  readonly #cleanups: (() => Promise<unknown>)[] = []
  #network: Promise<NetworkOptions> | undefined

  constructor(t: TestContext) {
    build()
    this.#t = t
    t.after(async () => {
      for (const cleanup of this.#cleanups.reverse()) await cleanup()
    })
  }

  /** A new, empty folder. */
  folder(): string {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'dat-cli-')))
    this.#t.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))
    return dir
  }

  /** Starts a command. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    const { faults } = options
    const env = {
      ...process.env,
      NODE_OPTIONS: faults === undefined ? '' : `--import=${FAULTS}`,
      ...(faults?.room === undefined ? {} : { FAULT_ROOM: String(faults.room) }),
      ...(faults?.unreadable === undefined ? {} : { FAULT_UNREADABLE: faults.unreadable }),
    }
    const cwd = options.cwd ?? tmpdir()
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const running = new Running(child)
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX)
    void running.ended.then(() => clearTimeout(timer))
    this.#cleanups.push(() => {
      child.kill('SIGKILL')
      return running.ended
    })
    return running
  }

  /** Runs a command to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.start(args, options).ended
  }

  /** Options by which a command enters the network of this test. */
  async entry(): Promise<string[]> {
    const { bootstrap = [] } = await this.network()
    const [node] = bootstrap
    if (node === undefined || typeof node === 'string') throw new Error('The network has no node.')
    return ['--bootstrap', `${node.host}:${node.port}`, '--host', '127.0.0.1']
  }

  network(): Promise<NetworkOptions> {
    this.#network ??= this.#startNetwork()
    return this.#network
  }

  /** A node in this process, on the network of this test: the other end, where a whole command is not needed. */
  async node(): Promise<Rhino> {
    const node = await open({ network: await this.network() })
    this.#cleanups.push(() => node.close())
    return node
  }

  async #startNetwork(): Promise<NetworkOptions> {
    const testnet = await createTestnet(TESTNET_NODES)
    this.#cleanups.push(() => testnet.destroy())
    return { bootstrap: testnet.bootstrap, host: '127.0.0.1' }
  }
}

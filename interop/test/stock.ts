/**
 * Stock peers as child processes, for the tests.
 *
 * Owns: the fork, the pairing of answers with questions, and the end of each child. What a peer can be asked
 * is the table `operations` in `gen3/peer.mjs`; `Operations` below is its typed mirror.
 */

import { type ChildProcess, fork } from 'node:child_process'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { later, scratch } from './later.ts'

export interface CoreInfo {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly fork: number
  readonly contiguousLength: number
  readonly writable: boolean
  readonly peers: number
}

/** What a peer of a stock core says of itself. */
export interface PeerInfo {
  readonly length: number
  readonly uploading: boolean
  readonly downloading: boolean
  readonly inFlight: number
}

export interface FileInfo {
  readonly path: string
  readonly linkname: string | null
  readonly executable: boolean
  readonly metadata: unknown
  /** -1 for links. */
  readonly bytes: number
  readonly sha256: string
}

export interface Bootstrap {
  readonly host: string
  readonly port: number
}

interface Named {
  readonly name: string
}

interface Identity extends Named {
  readonly key?: Uint8Array
  readonly keyPair?: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
  readonly encryption?: { readonly key: Uint8Array; readonly block?: boolean }
  readonly compat?: boolean
}

/** What can be asked, and what comes back. */
interface Operations {
  core(args: Identity): CoreInfo
  get(args: Identity & { alias?: string }): CoreInfo
  info(args: Named): CoreInfo
  peers(args: Named): PeerInfo[]
  treeHash(args: Named & { length?: number }): Uint8Array
  append(args: Named & { blocks: Uint8Array[] }): { length: number }
  multisig(
    args: Named & { publicKeys: Uint8Array[]; blocks: Uint8Array[]; signature: Uint8Array },
  ): CoreInfo
  update(args: Named): CoreInfo
  reach(args: Named & { length: number; fork?: number }): CoreInfo
  block(args: Named & { index: number; wait?: boolean; timeout?: number }): Uint8Array | null
  blocks(args: Named & { start?: number; end?: number }): Uint8Array[]
  has(args: Named & { start: number; end?: number }): boolean
  download(
    args: Named & { start?: number; end?: number; blocks?: number[]; linear?: boolean },
  ): void
  follow(args: Named): void
  seek(args: Named & { byte: number }): [number, number] | null
  conflict(args: Named): { length: number; fork: number }
  truncate(args: Named & { length: number }): void
  /** Resolves with the number of peers when all of them claim the block, or none does. */
  claimed(args: Named & { index: number; by: 'all' | 'none' }): number
  clear(args: Named & { start: number; end: number }): void

  bee(args: Identity & { keyEncoding?: string; valueEncoding?: string }): CoreInfo
  beePut(args: Named & { entries: [string, string | null][] }): void
  beeGet(args: Named & { key: string }): { seq: number; key: string; value: string } | null
  beeList(
    args: Named & { gt?: string; gte?: string; lt?: string; lte?: string },
  ): [string, string][]

  drive(
    args: Named & { key?: Uint8Array; encryptionKey?: Uint8Array },
  ): CoreInfo & { contentKey: Uint8Array | null; version: number }
  put(
    args: Named & { path: string; bytes: Uint8Array; executable?: boolean; metadata?: unknown },
  ): void
  symlink(args: Named & { path: string; target: string }): void
  del(args: Named & { path: string }): void
  write(
    args: Named & { path: string; chunks: Uint8Array[]; dedup?: boolean; executable?: boolean },
  ): void
  read(args: Named & { path: string; start?: number; end?: number; length?: number }): Uint8Array
  list(args: Named & { folder?: string }): FileInfo[]
  version(args: Named & { version: number }): number

  listen(args: { isInitiator?: boolean }): number
  connect(args: { port: number; isInitiator?: boolean }): void
  drop(): void
  testnet(): Bootstrap[]
  join(args: {
    bootstrap: readonly Bootstrap[]
    topic: Uint8Array
    server?: boolean
    client?: boolean
  }): number
  talk(args: { protocol: string; id?: Uint8Array; echo?: boolean }): void
  heard(): string[]
  extension(args: Named & { extension: string; encoding?: 'utf-8' | 'none'; echo?: boolean }): void
  say(args: Named & { extension: string; text: string }): void

  close(args: Named): void
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: { message: string; code: string; stack: string }
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export class Stock {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #ids = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) waiting?.resolve(answer.value)
      else
        waiting?.reject(Object.assign(new Error(answer.error.stack), { code: answer.error.code }))
    })
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`The stock peer ended (${code ?? signal}).`))
      }
      this.#waiting.clear()
    })
  }

  /** A new stock peer with an empty folder; it ends with the test. */
  static async start(t: TestContext, version: 10 | 11 = 11): Promise<Stock> {
    const folder = scratch(t)
    const script = fileURLToPath(new URL('../gen3/peer.mjs', import.meta.url))
    const child = fork(script, [folder, String(version)], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const stock = new Stock(child)
    later(t, () => stock.end())
    return stock
  }

  /** Asks the peer to do something, and waits for what it says. */
  do<K extends keyof Operations>(
    op: K,
    ...[args]: Parameters<Operations[K]>
  ): Promise<ReturnType<Operations[K]>> {
    const id = this.#ids++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#child.send({ id, op, args })
    })
  }

  /** Kills the process at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.kill()
    await gone
  }
}

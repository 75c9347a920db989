/**
 * A RocksDB database, opened for reading alone and read synchronously.
 *
 * Owns: the worker in which `rocksdb-native` runs. The package only answers through its event loop, and a stored log is read
 * without waiting; so it runs in a loop of its own, and whoever asks sleeps until it has answered (40 to 90 µs a row,
 * measured). Always true: the database is opened with `readOnly`, which writes no file of it, its log and lock included;
 * and rows that RocksDB itself finds damaged are told, never skipped silently.
 *
 * `rocksdb-native` is an optional peer dependency: 161 MB that only this needs.
 */

import { createRequire } from 'node:module'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { DatError } from '@dat-rhino/core/base/errors'
import type { KeyRange } from './rocks-rows.ts'

const PACKAGE = 'rocksdb-native'
const INSTALL = `npm install ${PACKAGE}@3.18.1`
/** A row that is not there after so long will not come. */
const ANSWER_MS_MAX = 60_000
/** Rows that one look at a range brings. */
const ROWS_MAX = 1_024

/** A row of a range; the value is empty where only keys were asked for. */
export interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** One of these. */
interface Question {
  /** Must every row be whole? */
  readonly open?: boolean
  readonly get?: Uint8Array
  readonly range?: KeyRange
  readonly values?: boolean
  readonly limit?: number
  readonly close?: true
}

interface Answer {
  readonly error?: string
  /** Why the package itself does not run here. */
  readonly unusable?: string
  readonly value?: Uint8Array | null
  readonly rows?: readonly Row[]
}

export class RocksDatabase {
  readonly #port: MessagePort
  readonly #worker: Worker
  readonly #flag: Int32Array
  readonly #path: string
  #isClosed = false

  private constructor(path: string, modulePath: string) {
    const { port1, port2 } = new MessageChannel()
    const shared = new SharedArrayBuffer(4)
    this.#path = path
    this.#port = port1
    this.#flag = new Int32Array(shared)
    // As text, because a file of TypeScript is found under two names: in `src`, and in `dist`.
    this.#worker = new Worker(`(${serve})(require('node:worker_threads'), require)`, {
      eval: true,
      execArgv: [],
      workerData: { path, modulePath, port: port2, shared },
      transferList: [port2],
    })
    this.#worker.unref()
    port1.unref()
  }

  /**
   * @param modulePath the main file of `rocksdb-native`, if it is not installed beside this package
   * @returns the database, and what RocksDB had to leave out to open it
   * @throws DatError UNSUPPORTED without the package; CORRUPT_STORE if RocksDB refuses the files
   */
  static open(
    path: string,
    modulePath?: string,
  ): { database: RocksDatabase; damage: string | undefined } {
    const database = new RocksDatabase(path, modulePath ?? locate(path))
    try {
      const whole = database.#ask({ open: true })
      if (whole.unusable !== undefined) throw unusable(path, whole.unusable)
      if (whole.error === undefined) return { database, damage: undefined }
      // Up to the first record of its write-ahead log that is not whole.
      const part = database.#ask({ open: false })
      if (part.error === undefined) return { database, damage: whole.error }
      throw database.#refused(part.error)
    } catch (error) {
      database.#end()
      throw error
    }
  }

  /** The value of a row. Throws `CORRUPT_STORE` if RocksDB cannot read it. */
  get(key: Uint8Array): Uint8Array | undefined {
    const { value, error } = this.#ask({ get: key })
    if (error !== undefined) throw this.#refused(error)
    return value ?? undefined
  }

  /** The rows of a range, in order; more are fetched as they are used. */
  *rows(range: KeyRange, values = true): Generator<Row, void> {
    let from = range.from
    for (;;) {
      const question = { range: { from, to: range.to }, values, limit: ROWS_MAX }
      const { rows = [], error } = this.#ask(question)
      if (error !== undefined) throw this.#refused(error)
      yield* rows
      const last = rows.at(-1)
      if (last === undefined || rows.length < ROWS_MAX) return
      // The next key after it is the same with a zero behind.
      const next = new Uint8Array(last.key.length + 1)
      next.set(last.key)
      from = next
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#ask({ close: true })
    this.#end()
    await this.#worker.terminate()
  }

  #end(): void {
    this.#isClosed = true
    this.#port.close()
    void this.#worker.terminate()
  }

  #ask(question: Question): Answer {
    if (this.#isClosed)
      throw new DatError('CLOSED', 'The database is closed.', { path: this.#path })
    Atomics.store(this.#flag, 0, 0)
    this.#port.postMessage(question)
    this.#sleep()
    const answer: Answer | undefined = receiveMessageOnPort(this.#port)?.message
    if (answer !== undefined) return answer
    // Whatever comes now would be taken for the answer to the next question.
    this.#end()
    throw this.#refused('it does not answer')
  }

  /** Until there is an answer. The signal of the one before may come late, and is not meant then. */
  #sleep(): void {
    let outcome = 'ok'
    while (Atomics.load(this.#flag, 0) === 0 && outcome !== 'timed-out') {
      outcome = Atomics.wait(this.#flag, 0, 0, ANSWER_MS_MAX)
    }
  }

  #refused(reason: string): DatError {
    const message = `The database in ${this.#path} cannot be read: ${reason}.`
    return new DatError('CORRUPT_STORE', message, { path: this.#path })
  }
}

function locate(path: string): string {
  try {
    return createRequire(import.meta.url).resolve(PACKAGE)
  } catch (cause) {
    const message = `${path} is a corestore of hypercore 11, in RocksDB. To read it, install the package that reads such files, beside dat: ${INSTALL}`
    throw new DatError('UNSUPPORTED', message, { path, install: INSTALL }, cause)
  }
}

/** Its binaries are for some systems only: no Alpine, no old Linux. */
function unusable(path: string, reason: string): DatError {
  const message = `${path} is a corestore of hypercore 11, in RocksDB, and ${PACKAGE} does not run on this machine (${reason}). Read it on another one.`
  return new DatError('UNSUPPORTED', message, { path })
}

/** What is used of the package, which brings no types. */
interface Rocks {
  columnFamily(name: string): Rocks
  ready(): Promise<void>
  get(key: Uint8Array): Promise<Uint8Array | null>
  iterator(range: object, options: object): AsyncIterable<Row>
  close(): Promise<void>
}

interface RocksPackage {
  new (path: string, options: object): Rocks
  readonly constants: { readonly walRecoveryMode: Readonly<Record<string, number>> }
}

/** Runs in the worker, from its text: it uses nothing from outside of itself. Answers one question after the other. */
function serve(threads: typeof import('node:worker_threads'), load: NodeJS.Require): void {
  const { path, modulePath, port, shared } = threads.workerData
  const flag = new Int32Array(shared)
  let root: Rocks | undefined
  let rows: Rocks | undefined
  port.on('message', async (question: Question) => {
    let answer: object
    try {
      if (question.open !== undefined) {
        let Database: RocksPackage
        try {
          Database = load(modulePath)
        } catch (error) {
          port.postMessage({ unusable: String(error) })
          Atomics.store(flag, 0, 1)
          Atomics.notify(flag, 0)
          return
        }
        const modes = Database.constants.walRecoveryMode
        root = new Database(path, {
          readOnly: true,
          createIfMissing: false,
          createMissingColumnFamilies: false,
          columnFamilies: ['corestore'],
          walRecoveryMode: modes[question.open ? 'ABSOLUTE_CONSISTENCY' : 'POINT_IN_TIME'],
        })
        await root.ready()
        rows = root.columnFamily('corestore')
        answer = {}
      } else if (question.close !== undefined) {
        await rows?.close()
        await root?.close()
        answer = {}
      } else if (question.get !== undefined) {
        answer = { value: await rows?.get(question.get) }
      } else {
        const found: Row[] = []
        const range = { gte: question.range?.from, lt: question.range?.to }
        const options = { values: question.values, limit: question.limit, capacity: 64 }
        for await (const row of rows?.iterator(range, options) ?? []) found.push(row)
        answer = { rows: found }
      }
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) }
    }
    port.postMessage(answer)
    Atomics.store(flag, 0, 1)
    Atomics.notify(flag, 0)
  })
}

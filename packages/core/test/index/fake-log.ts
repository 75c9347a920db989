/**
 * A log for tests of what stands on logs: an array of blocks, some of which may be on "another machine".
 *
 * `FakeLog` is the author's. `FakeLog.reader` makes a copy that holds nothing and fetches block by block, and
 * counts how often it had to: once per block waited for, as over a network.
 */

import { Emitter } from '../../src/base/emitter.ts'
import { DatError } from '../../src/base/errors.ts'
import { copy } from '../../src/bytes/bytes.ts'
import type { LogSource } from '../../src/index/source.ts'
import type { Download, RangeRequest, WaitOptions } from '../../src/log/remote.ts'

interface Events {
  append: { length: number }
  truncate: { length: number }
  held: { start: number; length: number }
  closed: object
}

export class FakeLog implements LogSource {
  readonly key: Uint8Array = new Uint8Array(32)
  fork = 0
  writable = true
  closed = false
  /** Blocks that were waited for, in order. */
  readonly fetched: number[] = []
  /** Blocks that were asked for in the background. */
  readonly downloaded: number[] = []
  appends = 0
  readonly events = new Emitter<Events>()
  #blocks: (Uint8Array | undefined)[] = []
  #origin: FakeLog | undefined

  static reader(origin: FakeLog, options: { synced?: boolean } = {}): FakeLog {
    const log = new FakeLog()
    log.#origin = origin
    log.writable = false
    if (options.synced !== false) log.#blocks = new Array(origin.length).fill(undefined)
    return log
  }

  static of(blocks: readonly Uint8Array[]): FakeLog {
    const log = new FakeLog()
    log.#blocks = [...blocks]
    return log
  }

  get length(): number {
    return this.#blocks.length
  }

  get byteLength(): number {
    return this.byteOffset(this.length) ?? 0
  }

  block(index: number): Uint8Array {
    const block = this.#blocks[index]
    if (block === undefined) throw new Error(`no block ${index}`)
    return block
  }

  all(): Uint8Array[] {
    return this.#blocks.map((_, i) => this.block(i))
  }

  has(start: number, end = start + 1): boolean {
    for (let i = start; i < end; i++) if (this.#blocks[i] === undefined) return false
    return true
  }

  peek(index: number): Uint8Array | undefined {
    const block = this.#blocks[index]
    return block && copy(block)
  }

  async get(index: number, options: WaitOptions = {}): Promise<Uint8Array> {
    const local = this.peek(index)
    if (local !== undefined) return local
    if (options.timeoutMs === 1) throw new DatError('TIMEOUT', 'Nobody delivered in time.')
    if (index >= this.length) {
      await new Promise<void>((resolve) => {
        const off = this.events.on('append', ({ length }) => {
          if (length <= index) return
          off()
          resolve()
        })
      })
      return this.get(index, options)
    }
    this.fetched.push(index)
    await new Promise((resolve) => setImmediate(resolve))
    this.#hold(index)
    return copy(this.block(index))
  }

  async update(): Promise<boolean> {
    const origin = this.#origin
    if (origin === undefined) return false
    const grew = origin.length > this.length
    while (this.length < origin.length) this.#blocks.push(undefined)
    if (grew) this.events.emit('append', { length: this.length })
    return grew
  }

  byteOffset(index: number): number | undefined {
    let offset = 0
    for (let i = 0; i < index; i++) {
      const block = this.#blocks[i] ?? this.#origin?.block(i)
      if (block === undefined) return undefined
      offset += block.length
    }
    return offset
  }

  async seek(byte: number): Promise<{ index: number; offset: number } | undefined> {
    let rest = byte
    for (let index = 0; index < this.length; index++) {
      const size = (this.#blocks[index] ?? this.#origin?.block(index))?.length ?? 0
      if (rest < size) return { index, offset: rest }
      rest -= size
    }
    return undefined
  }

  download(range: Partial<RangeRequest>): Download {
    const end = range.end === undefined || range.end === -1 ? this.length : range.end
    const blocks = range.blocks ?? Array.from({ length: end }, (_, i) => i).slice(range.start ?? 0)
    let cancelled = false
    const work = (async () => {
      // What is asked for together comes together.
      const lacking = blocks.filter((index) => !this.has(index))
      this.downloaded.push(...lacking)
      await new Promise((resolve) => setImmediate(resolve))
      if (!cancelled) for (const index of lacking) this.#hold(index)
    })()
    return {
      done: () => work,
      cancel: () => {
        cancelled = true
      },
    }
  }

  #hold(index: number): void {
    if (this.#blocks[index] !== undefined || this.#origin === undefined) return
    this.#blocks[index] = this.#origin.block(index)
    this.events.emit('held', { start: index, length: 1 })
  }

  async append(
    blocks: Uint8Array | readonly Uint8Array[],
  ): Promise<{ length: number; byteLength: number }> {
    const list = blocks instanceof Uint8Array ? [blocks] : blocks
    const start = this.length
    for (const block of list) this.#blocks.push(copy(block))
    this.appends++
    await Promise.resolve()
    this.events.emit('held', { start, length: list.length })
    this.events.emit('append', { length: this.length })
    return { length: start + list.length, byteLength: this.byteOffset(start + list.length) ?? 0 }
  }

  checkWritable(): void {
    if (!this.writable) throw new DatError('NOT_WRITABLE', 'The secret key is not here.')
  }

  async clear(start: number, end = start + 1): Promise<void> {
    for (let i = start; i < end; i++) this.#blocks[i] = undefined
  }

  async truncate(length: number): Promise<void> {
    this.#blocks.length = length
    this.fork++
    this.events.emit('truncate', { length })
  }

  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void {
    return this.events.on(event, listener)
  }

  async close(): Promise<void> {
    this.closed = true
    this.events.emit('closed', {})
  }
}

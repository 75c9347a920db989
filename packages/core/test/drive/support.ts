/** What the tests of drives share: stores in memory, pairs of them, and the vectors' data. */

import '../setup.ts'
import { createHash } from 'node:crypto'
import { systemClock } from '../../src/base/clock.ts'
import { MAP_BLOCK_ENTRIES_MAX } from '../../src/base/limits.ts'
import { fromUtf8, hex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import type { MappedBlock } from '../../src/drive/block-map.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { memoryTransports } from '../wire/simulated.ts'

export function openStore(primaryKey?: Uint8Array): Promise<Corestore> {
  const store = openMemoryStore(primaryKey === undefined ? {} : { primaryKey })
  return Corestore.open({ store })
}

/** The vectors' pseudo-random bytes. */
export function data(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length)
  let a = seed >>> 0
  for (let i = 0; i < length; i++) {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0
    out[i] = a >>> 24
  }
  return out
}

/** A block as the vectors tell it: hex, or size and hash where it is long. */
export type Told = string | { readonly bytes: number; readonly sha256: string }

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

export function told(block: Uint8Array, like: Told | undefined): Told {
  if (typeof like !== 'object') return hex(block)
  return { bytes: block.length, sha256: sha256(block) }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

export async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) yield part
}

/** Connects two stores in this process; returns the way to part them. */
export function connect(a: Corestore, b: Corestore): () => void {
  const [dialler, listener] = memoryTransports(systemClock)
  const connection = a.connect(dialler)
  b.connect(listener)
  return () => connection.close()
}

export const text = (bytes: Uint8Array | undefined): string | undefined => bytes && fromUtf8(bytes)

/** The blocks of a block map, as hyperdrive writes them; one even for no entries. */
export function encodeBlockMap(entries: readonly MappedBlock[]): Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let i = 0; i === 0 || i < entries.length; i += MAP_BLOCK_ENTRIES_MAX) {
    const part = entries.slice(i, i + MAP_BLOCK_ENTRIES_MAX)
    const writer = new Writer(2 + 8 * part.length)
    writer.uint(0)
    writer.uint(part.length)
    for (const { index, byteLength } of part) {
      writer.uint(index)
      writer.uint(byteLength)
    }
    blocks.push(writer.take())
  }
  return blocks
}

/** What the tests of drives share: stores in memory, pairs of them, and the vectors' data. */

import '../setup.ts'
import { createHash } from 'node:crypto'
import { systemClock } from '../../src/base/clock.ts'
import { fromUtf8, hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
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

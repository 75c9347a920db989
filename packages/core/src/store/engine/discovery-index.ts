/**
 * From discovery key to the number of a log, for a hundred thousand logs at little cost.
 *
 * Owns: a Map keyed by six bytes of the discovery key, as a number: that is cheaper to make and to hold than a text of 32
 * characters. Whether a candidate is right is asked of whoever holds the keys. Logs with the same six bytes share a
 * row; discovery keys are hashes, so that is chance, and rare.
 */

import { readU16LE, readU32LE } from '../../bytes/integers.ts'

export class DiscoveryIndex {
  readonly #rows = new Map<number, number | number[]>()
  readonly #isKeyOf: (log: number, discoveryKey: Uint8Array) => boolean
  #size = 0

  /** @param isKeyOf - is this the discovery key of that log? */
  constructor(isKeyOf: (log: number, discoveryKey: Uint8Array) => boolean) {
    this.#isKeyOf = isKeyOf
  }

  get size(): number {
    return this.#size
  }

  /** Adds a log whose discovery key begins at `at`, and that is not there. */
  add(bytes: Uint8Array, at: number, log: number): void {
    const prefix = prefixOf(bytes, at)
    const row = this.#rows.get(prefix)
    if (row === undefined) this.#rows.set(prefix, log)
    else if (typeof row === 'number') this.#rows.set(prefix, [row, log])
    else row.push(log)
    this.#size++
  }

  find(discoveryKey: Uint8Array): number | undefined {
    const row = this.#rows.get(prefixOf(discoveryKey, 0))
    if (row === undefined) return undefined
    const candidates = typeof row === 'number' ? [row] : row
    return candidates.find((log) => this.#isKeyOf(log, discoveryKey))
  }

  remove(discoveryKey: Uint8Array, log: number): void {
    const prefix = prefixOf(discoveryKey, 0)
    const row = this.#rows.get(prefix)
    const left = typeof row === 'number' ? [] : (row ?? []).filter((other) => other !== log)
    const only = left.length === 1 ? left[0] : undefined
    if (left.length === 0) this.#rows.delete(prefix)
    else this.#rows.set(prefix, only ?? left)
    this.#size--
  }

  /** Numbers of all logs, in no order. */
  numbers(): number[] {
    return [...this.#rows.values()].flat()
  }
}

function prefixOf(bytes: Uint8Array, at: number): number {
  return readU16LE(bytes, at + 4) * 0x1_0000_0000 + readU32LE(bytes, at)
}

/**
 * A log of a corestore 7, read from its rows.
 *
 * Owns: the rows of one log as a stored log. Which blocks are held is what rows there are, not what the bits say. A
 * row that cannot be read is told and counts as missing. Source: the corestore specification, section 8.4.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { Bitfield } from '@dat-rhino/core/bytes/bitfield'
import type { StoredLog, StoredNode } from '@dat-rhino/core/log/stored-log'
import { fullRoots } from '@dat-rhino/core/tree/flat'
import type { ProblemList } from './problems.ts'
import type { RocksDatabase } from './rocks-database.ts'
import {
  blockKey,
  blockKeys,
  type CoreAuth,
  type CoreHead,
  type CoreRecord,
  lastNumber,
  lastString,
  nodeKey,
  readNode,
  userDataKeys,
} from './rocks-rows.ts'

/** Rows that are asked for one by one where a database is damaged. */
const PROBES_MAX = 1_000_000

/** The rows that say who a log is. */
export interface Corestore7Rows {
  readonly record: CoreRecord
  readonly auth: CoreAuth
  /** `undefined` for a log that was never written. */
  readonly head: CoreHead | undefined
}

export class Corestore7Log implements StoredLog {
  readonly generation = 3
  readonly key: Uint8Array
  readonly secretKey: Uint8Array | undefined
  readonly manifest: Uint8Array | undefined
  readonly length: number
  readonly fork: number
  readonly userData: ReadonlyMap<string, Uint8Array>
  readonly #database: RocksDatabase
  readonly #path: string
  readonly #data: number
  readonly #problems: ProblemList
  readonly #signature: Uint8Array | undefined
  readonly #held: Bitfield
  /** Behind the last block that is there. */
  #heldEnd = 0

  constructor(database: RocksDatabase, path: string, rows: Corestore7Rows, problems: ProblemList) {
    const { record, auth, head } = rows
    this.#database = database
    this.#path = path
    this.#data = record.dataPointer
    this.#problems = problems
    this.key = auth.key
    this.secretKey = auth.secretKey
    this.manifest = auth.manifest
    this.fork = head?.fork ?? 0
    this.#signature = head?.signature
    this.#held = this.#findHeld(head?.length ?? 0)
    this.length = this.#believable(head?.length ?? 0)
    this.userData = this.#readUserData()
  }

  has(block: number): boolean {
    return block >= 0 && block < this.length && this.#held.get(block)
  }

  block(block: number): Uint8Array | undefined {
    if (!this.has(block)) return undefined
    return this.#or(() => this.#database.get(blockKey(this.#data, block)), undefined, block)
  }

  node(index: number): StoredNode | undefined {
    return this.#or(() => {
      const value = this.#database.get(nodeKey(this.#data, index))
      const node = value && readNode(value)
      return node?.index === index ? node : undefined
    }, undefined)
  }

  signature(length: number): Uint8Array | undefined {
    return length === this.length ? this.#signature : undefined
  }

  close(): void {}

  /** The length, or the end of the blocks that are there if its roots are not: it may be any number then. */
  #believable(length: number): number {
    if (fullRoots(length).every((index) => this.node(index) !== undefined)) return length
    this.#problems.add('damaged', this.#path, 'A root of the newest tree is missing.')
    return Math.min(length, this.#heldEnd)
  }

  #findHeld(length: number): Bitfield {
    const held = new Bitfield()
    const isWhole = this.#or(() => {
      for (const { key } of this.#database.rows(blockKeys(this.#data), false)) {
        this.#hold(held, lastNumber(key))
      }
      return true
    }, false)
    if (!isWhole) this.#probe(held, Math.min(length, PROBES_MAX))
    return held
  }

  /** One row that cannot be read ends the look at all of them. Then each is asked for; what fails should be there. */
  #probe(held: Bitfield, end: number): void {
    for (let block = 0; block < end; block++) {
      const isThere = this.#or(
        () => this.#database.get(blockKey(this.#data, block)) !== undefined,
        true,
        block,
      )
      if (isThere) this.#hold(held, block)
    }
  }

  #hold(held: Bitfield, block: number): void {
    held.set(block, true)
    this.#heldEnd = block + 1
  }

  #readUserData(): Map<string, Uint8Array> {
    const values = new Map<string, Uint8Array>()
    return this.#or(() => {
      for (const { key, value } of this.#database.rows(userDataKeys(this.#data))) {
        values.set(lastString(key), value)
      }
      return values
    }, values)
  }

  /** What `read` gives, or `other` if the rows are damaged, which is told. */
  #or<T>(read: () => T, other: T, block?: number): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof DatError) || error.code === 'CLOSED') throw error
      this.#problems.add('damaged', this.#path, error.message, block)
      return other
    }
  }
}

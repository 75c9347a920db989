/**
 * When logs that are missing come into a store, or blocks of those that are not whole.
 *
 * Owns: the listening. Always true: no log is kept open for it and nobody is asked, so that what is waited for comes only
 * if somebody else of this process wants it; each arrival is told once, until all is looked at again.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { fromHex, hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { Replica } from '@dat-rhino/core/log/replica'

/** What is heard of one log until it is closed or not waited for any more. */
type Listening = readonly (() => void)[]

export class Arrivals {
  readonly #corestore: Corestore
  readonly #tell: () => void
  readonly #stop: () => void
  #wanted: ReadonlySet<string> = new Set()
  readonly #listening = new Map<string, Listening>()
  /** Logs that are being opened to listen to them. */
  readonly #work = new Map<string, Promise<void>>()
  /** Blocks and length of a log when it was told of last. */
  readonly #seen = new Map<string, number>()

  /** @param tell called at most once between two calls of `expect`, also while that runs */
  constructor(corestore: Corestore, tell: () => void) {
    this.#corestore = corestore
    this.#tell = tell
    this.#stop = corestore.events.on('log-open', ({ key }) => this.#opened(hex(key)))
  }

  /** From now on these logs, by key in hex, are waited for, and no others. Also tells of what came since it was looked for. */
  expect(keys: Iterable<string>): void {
    this.#wanted = new Set(keys)
    for (const key of [...this.#listening.keys()]) if (!this.#wanted.has(key)) this.#forget(key)
    for (const key of this.#wanted) {
      if (this.#corestore.store.find(discoveryKey(fromHex(key))) !== undefined) this.#opened(key)
    }
  }

  async close(): Promise<void> {
    this.#stop()
    this.#expectNothing()
    await Promise.all(this.#work.values())
  }

  #opened(key: string): void {
    if (!this.#wanted.has(key) || this.#work.has(key)) return
    const work = this.#listen(key)
      // Closed or deleted meanwhile: who opens it again is heard of.
      .catch((error: unknown) => {
        if (!(error instanceof DatError)) throw error
      })
      .finally(() => this.#work.delete(key))
    this.#work.set(key, work)
  }

  async #listen(key: string): Promise<void> {
    const log = await this.#corestore.get({ discoveryKey: discoveryKey(fromHex(key)) })
    try {
      const { replica } = log
      if (this.#hasCome(key, replica) || this.#listening.has(key) || !this.#wanted.has(key)) return
      const { events } = replica
      const look = (): boolean => this.#hasCome(key, replica)
      const offs = [events.on('append', look), events.on('held', look)]
      offs.push(events.on('closed', () => this.#forget(key)))
      this.#listening.set(key, offs)
    } finally {
      await log.close()
    }
  }

  /** Is there more of it, or something else, than when it was told of? Then it is told. */
  #hasCome(key: string, { length, slot }: Replica): boolean {
    const seen = length + slot.heldBlocks
    if (!this.#wanted.has(key) || seen === (this.#seen.get(key) ?? 0)) return false
    this.#seen.set(key, seen)
    this.#expectNothing()
    this.#tell()
    return true
  }

  #expectNothing(): void {
    this.#wanted = new Set()
    for (const key of [...this.#listening.keys()]) this.#forget(key)
  }

  #forget(key: string): void {
    for (const off of this.#listening.get(key) ?? []) off()
    this.#listening.delete(key)
  }
}

/**
 * Which log holds a drive's bytes, and the handle on it.
 *
 * Owns: the decision. The key that the bee's header names comes first (compat drives); else it follows from the db's
 * manifest. The log is opened once, and writable where the db is. Source: the hyperdrive specification, 2.
 */

import { DatError } from '../base/errors.ts'
import { equal } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { BeeHeader } from '../index/bee.ts'
import type { Log } from '../log/log.ts'
import { Blobs } from './blobs.ts'
import { contentManifest, DB_NAME } from './keys.ts'
import type { DriveOptions } from './types.ts'

export class Content {
  readonly #db: Log
  readonly #options: DriveOptions
  #opening: Promise<Blobs> | undefined = undefined
  /** Both once it is open. */
  log: Log | undefined = undefined
  blobs: Blobs | undefined = undefined

  constructor(db: Log, options: DriveOptions) {
    this.#db = db
    this.#options = options
  }

  /** @param header of the bee, or `undefined` for an empty drive of our own */
  open(header: BeeHeader | undefined): Promise<Blobs> {
    // A failure is not kept: the next call may know more.
    this.#opening ??= this.#open(header).catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(header: BeeHeader | undefined): Promise<Blobs> {
    const { encryptionKey } = this.#options
    const log = await this.#get(header, encryptionKey === undefined ? {} : { encryptionKey })
    this.log = log
    this.blobs = Blobs.open(log)
    return this.blobs
  }

  #get(header: BeeHeader | undefined, options: { encryptionKey?: Uint8Array }): Promise<Log> {
    const { store } = this.#options
    const feed = header?.contentFeed
    if (feed !== undefined && feed.length >= KEY_BYTES) {
      return store.get({ key: feed.subarray(0, KEY_BYTES) }, options)
    }
    const { manifest: dbManifest } = this.#db
    const content = contentManifest(this.#db.key, dbManifest)
    if (content === undefined) throw this.#unknown()
    const keyPair = store.keyPair(DB_NAME)
    const isOurs = dbManifest?.signers.some((s) => equal(s.publicKey, keyPair.publicKey)) === true
    const { manifest } = content
    return store.get(isOurs ? { manifest, keyPair } : { manifest }, options)
  }

  #unknown(): DatError {
    return new DatError('BAD_CONTENT', 'This drive does not say which log holds its files.', {
      version: this.#db.length,
    })
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.log?.close()
  }
}

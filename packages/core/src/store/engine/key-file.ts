/**
 * The file `keys`: the primary key of the store, and secret keys that derive from nothing.
 *
 *     keys   := header, pair *
 *     pair   := record, record        // twice the same, so that one damaged place loses nothing
 *     record := crc32: u32            // of the rest
 *               type:  u8             // 1 primary, 2 secret
 *               zero:  byte[3]
 *               body:  byte[96]       // primary key, then zeros; or public key and secret key
 *
 * Owns: the file. It lies apart from the data, so that deleting the data does not delete the identity and the keys
 * can be kept elsewhere alone. It is appended to and synced before whoever needs the key goes on, in every
 * durability mode, and it never leaves this machine. Do not change these numbers.
 */

import { DatError } from '../../base/errors.ts'
import { copy, isZero, mapKey } from '../../bytes/bytes.ts'
import { readU32LE, writeU32LE } from '../../bytes/integers.ts'
import { KEY_BYTES } from '../../crypto/crypto.ts'
import type { Crc32 } from '../crc32.ts'
import type { FileTable } from './files.ts'
import {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  KEYS_NAME,
  KIND_KEYS,
  STORE_ID_BYTES,
} from './format.ts'

const TYPE_PRIMARY = 1
const TYPE_SECRET = 2
const SECRET_BYTES = 64
const BODY_AT = 8
const RECORD_BYTES = BODY_AT + KEY_BYTES + SECRET_BYTES
const PAIR_BYTES = 2 * RECORD_BYTES

/** The keys in memory, and the only writer of their file. */
export class KeyFile {
  readonly #files: FileTable
  readonly #crc32: Crc32
  readonly #secrets = new Map<string, Uint8Array>()
  #primaryKey: Uint8Array | undefined
  #end = HEADER_BYTES

  private constructor(files: FileTable, crc32: Crc32) {
    this.#files = files
    this.#crc32 = crc32
  }

  /** Reads the file; `undefined` if it is not there, or never got as far as its first key. */
  static read(files: FileTable, crc32: Crc32): KeyFile | undefined {
    if (!files.disk.list().includes(KEYS_NAME)) return undefined
    const file = files.get(KEYS_NAME)
    const bytes = new Uint8Array(file.size())
    const content = bytes.subarray(0, file.read(bytes, 0, bytes.length, 0))
    // A damaged header alone harms nothing: the records speak for themselves.
    decodeHeader(content, KEYS_NAME, crc32)
    const keys = new KeyFile(files, crc32)
    for (let at = HEADER_BYTES; at + PAIR_BYTES <= content.length; at += PAIR_BYTES) {
      if (!keys.#take(content, at)) keys.#take(content, at + RECORD_BYTES)
      // What can't be read is left where it is.
      keys.#end = at + PAIR_BYTES
    }
    const isUnborn =
      content.length < HEADER_BYTES + PAIR_BYTES || isZero(content.subarray(HEADER_BYTES))
    return keys.#primaryKey === undefined && isUnborn ? undefined : keys
  }

  /** Makes the file anew, with a primary key. On the disk when this resolves. */
  static async create(files: FileTable, crc32: Crc32, primaryKey: Uint8Array): Promise<KeyFile> {
    const keys = new KeyFile(files, crc32)
    const file = files.create(KEYS_NAME)
    file.truncate(0)
    file.write(encodeHeader(KIND_KEYS, new Uint8Array(STORE_ID_BYTES), 0, crc32), 0)
    await keys.#append(TYPE_PRIMARY, primaryKey, new Uint8Array(SECRET_BYTES))
    keys.#primaryKey = copy(primaryKey)
    return keys
  }

  /** For a store whose file of keys is lost: it can be read. */
  static none(files: FileTable, crc32: Crc32): KeyFile {
    return new KeyFile(files, crc32)
  }

  /** Goes on with another primary key, behind the records that can't be read. */
  async replacePrimary(primaryKey: Uint8Array): Promise<KeyFile> {
    await this.#append(TYPE_PRIMARY, primaryKey, new Uint8Array(SECRET_BYTES))
    this.#primaryKey = copy(primaryKey)
    return this
  }

  /** Throws `CORRUPT_STORE` if it can't be read. */
  get primaryKey(): Uint8Array {
    if (this.#primaryKey !== undefined) return this.#primaryKey
    throw lostKeys()
  }

  get hasPrimaryKey(): boolean {
    return this.#primaryKey !== undefined
  }

  secretKey(publicKey: Uint8Array): Uint8Array | undefined {
    return this.#secrets.size === 0 ? undefined : this.#secrets.get(mapKey(publicKey))
  }

  /** Keeps a secret key. On the disk when this resolves. */
  async add(publicKey: Uint8Array, secretKey: Uint8Array): Promise<void> {
    if (this.secretKey(publicKey) !== undefined) return
    await this.#append(TYPE_SECRET, publicKey, secretKey)
    this.#secrets.set(mapKey(publicKey), copy(secretKey))
  }

  async #append(type: number, head: Uint8Array, tail: Uint8Array): Promise<void> {
    const pair = new Uint8Array(PAIR_BYTES)
    pair[4] = type
    pair.set(head, BODY_AT)
    pair.set(tail, BODY_AT + KEY_BYTES)
    writeU32LE(pair, 0, this.#crc32(pair.subarray(4, RECORD_BYTES)))
    pair.copyWithin(RECORD_BYTES, 0, RECORD_BYTES)
    // Two that are added in one moment do not write to the same place.
    const at = this.#end
    this.#end += PAIR_BYTES
    this.#files.get(KEYS_NAME).write(pair, at)
    await this.#files.call(KEYS_NAME, (file) => file.sync())
    await this.#files.syncNames()
  }

  /** Takes a record if it is undamaged. */
  #take(bytes: Uint8Array, at: number): boolean {
    if (this.#crc32(bytes.subarray(at + 4, at + RECORD_BYTES)) !== readU32LE(bytes, at)) {
      return false
    }
    const from = at + BODY_AT
    const head = copy(bytes.subarray(from, from + KEY_BYTES))
    const tail = copy(bytes.subarray(from + KEY_BYTES, at + RECORD_BYTES))
    if (bytes[at + 4] === TYPE_PRIMARY) this.#primaryKey ??= head
    else if (bytes[at + 4] === TYPE_SECRET) this.#secrets.set(mapKey(head), tail)
    return true
  }
}

/** The error of whoever asks for a primary key that can not be read. */
export function lostKeys(): DatError {
  return new DatError(
    'CORRUPT_STORE',
    'The primary key of this store is lost: put back the file of keys from a copy.',
    { file: KEYS_NAME },
  )
}

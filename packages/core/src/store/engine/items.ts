/**
 * What stands in a record of the data log: one item per change, each for the log that was named last.
 *
 *     log        := 01  log: uint, generation: u8
 *     block      := 02  index: uint, leaf
 *     next block := 03  leaf                        // index: one more than that of the block before in this log
 *     node       := 04  index: uint, size: uint, hash: byte[32]
 *     head       := 05  fork: uint, length: uint, byteLength: uint, signature: buffer   // empty: none yet
 *     truncate   := 06  like head
 *     clear      := 07  start: uint, length: uint
 *     manifest   := 08  buffer
 *     signature  := 09  length: uint, byte[64]
 *     user data  := 0a  name: string, present: u8, value: buffer
 *     created    := 0b  identity
 *     removed    := 0c
 *     void block := 0d  index: uint, leaf           // reserved and not put; says nothing
 *     void next  := 0e  leaf
 *     leaf block := 0f  index: uint, leaf           // not put, but its leaf hash was
 *     leaf next  := 10  leaf
 *     leaf       := 00, size: u64 in the byte order of the generation, byte[size]
 *     identity   := generation: u8, flags: u8, key: byte[32], discoveryKey: byte[32],
 *                   publicKey: byte[32] if flag 1, alias (namespace: byte[32], name: string) if flag 2,
 *                   manifest: buffer if flag 4
 *
 * Owns: this grammar and its reader; `staging.ts` writes it. `uint`, `buffer` and `string` are those of
 * `bytes/cursor.ts`. The leaf hash of a block is one call over its `leaf`, and is not stored: whoever replays the
 * record makes it again, which proves the bytes. Secret keys never stand here. Do not change these numbers.
 */

import { DatError } from '../../base/errors.ts'
import { BLOCK_BYTES_MAX, MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX } from '../../base/limits.ts'
import { copy } from '../../bytes/bytes.ts'
import { Reader, type Writer } from '../../bytes/cursor.ts'
import { readU64BE, readU64LE } from '../../bytes/integers.ts'
import { HASH_BYTES, KEY_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import { KEPT_SIGNATURE_BYTES } from '../checks.ts'
import type { Head, LogIdentity } from '../store.ts'

/** Types of items. */
export const ITEM_LOG = 0x01
export const ITEM_BLOCK = 0x02
export const ITEM_NEXT = 0x03
export const ITEM_NODE = 0x04
export const ITEM_HEAD = 0x05
export const ITEM_TRUNCATE = 0x06
export const ITEM_CLEAR = 0x07
export const ITEM_MANIFEST = 0x08
export const ITEM_SIGNATURE = 0x09
export const ITEM_USER_DATA = 0x0a
export const ITEM_CREATED = 0x0b
export const ITEM_REMOVED = 0x0c
/** A reserved block becomes one that counts by this difference. */
export const ITEM_VOID: number = 0x0d - ITEM_BLOCK
/** The same for one that was given up after its leaf hash was put. */
export const ITEM_LEAF: number = 0x0f - ITEM_BLOCK

/** Where parts of an identity stand in it. */
const IDENTITY_FLAGS_AT = 1
export const IDENTITY_KEY_AT = 2
export const IDENTITY_DISCOVERY_KEY_AT: number = IDENTITY_KEY_AT + KEY_BYTES
const IDENTITY_REST_AT: number = IDENTITY_DISCOVERY_KEY_AT + KEY_BYTES
const FLAG_PUBLIC_KEY = 1
const FLAG_ALIAS = 2
const FLAG_MANIFEST = 4

/** Takes the items of a record one by one. Bytes are views: whoever keeps them copies them. */
export interface ItemVisitor {
  log(log: number, generation: 1 | 2 | 3): void
  /** The block is `bytes[at .. at + size)`, and its prefix stands before it. */
  block(index: number, bytes: Uint8Array, at: number, size: number): void
  /** Only the leaf hash of these bytes counts. */
  leaf(index: number, bytes: Uint8Array, at: number, size: number): void
  node(index: number, size: number, bytes: Uint8Array, at: number): void
  head(head: Head): void
  truncate(head: Head): void
  clear(start: number, length: number): void
  manifest(manifest: Uint8Array): void
  signature(length: number, signature: Uint8Array): void
  userData(name: string, value: Uint8Array | undefined): void
  created(identity: LogIdentity): void
  removed(): void
}

/** Size of the block that `readBlock` read last. */
let blockSize = 0

/** Reads the items of `bytes[at .. end)`. Throws `BAD_FRAME` or `OVER_LIMIT` where they break the grammar. */
export function readItems(bytes: Uint8Array, at: number, end: number, visit: ItemVisitor): void {
  const reader = new Reader(bytes, at, end)
  let readSize: ReadSize = readU64LE
  let next = -1
  while (reader.left > 0) {
    const type = reader.u8()
    switch (type) {
      case ITEM_LOG: {
        const log = reader.uint()
        const generation = asGeneration(reader.u8())
        readSize = SIZE_READERS[generation]
        next = -1
        visit.log(log, generation)
        break
      }
      case ITEM_BLOCK:
      case ITEM_NEXT:
        next = readBlock(reader, type === ITEM_NEXT ? next : reader.uint(), readSize)
        visit.block(next - 1, bytes, reader.at - blockSize, blockSize)
        break
      case ITEM_BLOCK + ITEM_VOID:
      case ITEM_NEXT + ITEM_VOID:
        readBlock(reader, type === ITEM_NEXT + ITEM_VOID ? next : reader.uint(), readSize)
        break
      case ITEM_BLOCK + ITEM_LEAF:
      case ITEM_NEXT + ITEM_LEAF: {
        const index = type === ITEM_NEXT + ITEM_LEAF ? next : reader.uint()
        readBlock(reader, index, readSize)
        visit.leaf(index, bytes, reader.at - blockSize, blockSize)
        break
      }
      case ITEM_NODE: {
        const index = reader.uint()
        const size = reader.uint()
        visit.node(index, size, bytes, reader.skip(HASH_BYTES))
        break
      }
      default:
        readRareItem(type, reader, visit)
    }
  }
}

/** Steps over a block and leaves its size in `blockSize`; returns the index behind it. */
function readBlock(reader: Reader, index: number, readSize: ReadSize): number {
  const from = reader.skip(LEAF_PREFIX_BYTES)
  const size = readSize(reader.bytes, from + 1)
  if (index < 0 || size > BLOCK_BYTES_MAX) throw broken(ITEM_BLOCK)
  reader.skip(size)
  blockSize = size
  return index + 1
}

function readRareItem(type: number, reader: Reader, visit: ItemVisitor): void {
  switch (type) {
    case ITEM_HEAD:
      visit.head(readHead(reader))
      break
    case ITEM_TRUNCATE:
      visit.truncate(readHead(reader))
      break
    case ITEM_CLEAR: {
      const start = reader.uint()
      visit.clear(start, reader.uint())
      break
    }
    case ITEM_MANIFEST:
      visit.manifest(reader.buffer(MANIFEST_BYTES_MAX))
      break
    case ITEM_SIGNATURE: {
      const length = reader.uint()
      visit.signature(length, reader.fixed(KEPT_SIGNATURE_BYTES))
      break
    }
    case ITEM_USER_DATA: {
      const name = reader.string()
      const isPresent = reader.u8() === 1
      const value = reader.buffer()
      visit.userData(name, isPresent ? value : undefined)
      break
    }
    case ITEM_CREATED:
      visit.created(readIdentity(reader))
      break
    case ITEM_REMOVED:
      visit.removed()
      break
    default:
      throw broken(type)
  }
}

type ReadSize = (bytes: Uint8Array, at: number) => number

const SIZE_READERS: Readonly<Record<1 | 2 | 3, ReadSize>> = {
  1: readU64BE,
  2: readU64BE,
  3: readU64LE,
}

// ---- Parts that the index has too ----

/** The four fields of a head. */
export function writeHead(writer: Writer, head: Head): void {
  writer.uint(head.fork)
  writer.uint(head.length)
  writer.uint(head.byteLength)
  writer.buffer(head.signature)
}

/** A head that owns its signature. */
export function readHead(reader: Reader): Head {
  const fork = reader.uint()
  const length = reader.uint()
  const byteLength = reader.uint()
  const signature = reader.optionalBuffer(SIGNATURE_BYTES_MAX)
  return { fork, length, byteLength, signature: signature && copy(signature) }
}

/** An identity; its secret key is left out. */
export function writeIdentity(writer: Writer, identity: LogIdentity): void {
  const { generation, key, discoveryKey, publicKey, alias, manifest } = identity
  writer.u8(generation)
  writer.u8(
    (publicKey === undefined ? 0 : FLAG_PUBLIC_KEY) |
      (alias === undefined ? 0 : FLAG_ALIAS) |
      (manifest === undefined ? 0 : FLAG_MANIFEST),
  )
  writer.fixed(key)
  writer.fixed(discoveryKey)
  if (publicKey !== undefined) writer.fixed(publicKey)
  if (alias !== undefined) {
    writer.fixed(alias.namespace)
    writer.string(alias.name)
  }
  if (manifest !== undefined) writer.buffer(manifest)
}

/**
 * The identity without the secret key, which stands in the file of keys.
 *
 * @param own makes what is kept the caller's. Whoever reads from bytes of his own, as a list of a hundred thousand logs
 * does, needs no copy of each field.
 */
export function readIdentity(
  reader: Reader,
  own: (view: Uint8Array) => Uint8Array = copy,
): LogIdentity {
  const generation = asGeneration(reader.u8())
  const flags = reader.u8()
  const key = own(reader.fixed(KEY_BYTES))
  const discoveryKey = own(reader.fixed(KEY_BYTES))
  const publicKey = flags & FLAG_PUBLIC_KEY ? own(reader.fixed(KEY_BYTES)) : undefined
  const alias =
    flags & FLAG_ALIAS
      ? { namespace: own(reader.fixed(KEY_BYTES)), name: reader.string() }
      : undefined
  const manifest = flags & FLAG_MANIFEST ? own(reader.buffer(MANIFEST_BYTES_MAX)) : undefined
  return { generation, key, discoveryKey, publicKey, alias, manifest, secretKey: undefined }
}

/** In the identity at `at`: is the log ours? */
export function isOwnIdentity(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at + IDENTITY_FLAGS_AT] ?? 0) & FLAG_PUBLIC_KEY) !== 0
}

/** In the identity at `at`: a view of its manifest, if there is one. */
export function identityManifest(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const flags = bytes[at + IDENTITY_FLAGS_AT] ?? 0
  if ((flags & FLAG_MANIFEST) === 0) return undefined
  const alias = identityAliasAt(bytes, at)
  const publicKeyBytes = (flags & FLAG_PUBLIC_KEY) === 0 ? 0 : KEY_BYTES
  const reader = new Reader(
    bytes,
    alias === 0 ? at + IDENTITY_REST_AT + publicKeyBytes : alias + KEY_BYTES,
  )
  if (alias !== 0) reader.skip(reader.uint())
  return reader.buffer(MANIFEST_BYTES_MAX)
}

/** In the identity at `at`: where its alias begins, a namespace and then a string; 0 if there is none. */
export function identityAliasAt(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + IDENTITY_FLAGS_AT] ?? 0
  if ((flags & FLAG_ALIAS) === 0) return 0
  return at + IDENTITY_REST_AT + ((flags & FLAG_PUBLIC_KEY) === 0 ? 0 : KEY_BYTES)
}

/** Throws `BAD_FRAME` for a number that is none. */
export function asGeneration(value: number): 1 | 2 | 3 {
  if (value === 1 || value === 2 || value === 3) return value
  throw new DatError('BAD_FRAME', 'A stored log has an unknown generation.', { generation: value })
}

function broken(type: number): DatError {
  return new DatError('BAD_FRAME', 'A stored record holds an item that breaks its grammar.', {
    type,
  })
}

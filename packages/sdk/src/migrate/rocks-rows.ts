/**
 * The rows of a corestore 7, as hypercore-storage writes them into RocksDB: keys to ask for, values as they are read.
 *
 *     00 store head    01 dk core    03 K(core) 00 auth    04 K(data) 00 head
 *     04 K(data) 03 K(block) block   04 K(data) 04 K(index) node   04 K(data) 06 string user data
 *     K(n) := one byte up to fb | fc u16be | fd u32be | fe u64be, so that keys are in the order of numbers
 *
 * Owns: those rows of the format that reading needs. Pure; values are copies. Source: the corestore specification,
 * sections 8.2 and 8.3.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { concat, copy, fromUtf8 } from '@dat-rhino/core/bytes/bytes'
import { Reader } from '@dat-rhino/core/bytes/cursor'
import { writeU32BE, writeU64BE } from '@dat-rhino/core/bytes/integers'
import { HASH_BYTES, KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { encodeManifest, isCompat, type Manifest } from '@dat-rhino/core/log/manifest'

// ---- Keys ----------------------------------------------------------------------------------------

const CORE = 1
const AUTH = 3
const DATA = 4

/** Kinds of rows below one data pointer. */
const HEAD = 0
const BLOCK = 3
const NODE = 4
const USER_DATA = 6

/** A number in a key. */
export function keyNumber(value: number): Uint8Array {
  if (value <= 0xfb) return Uint8Array.of(value)
  if (value <= 0xffff) return Uint8Array.of(0xfc, value >>> 8, value & 0xff)
  const bytes = new Uint8Array(value <= 0xffffffff ? 5 : 9)
  bytes[0] = value <= 0xffffffff ? 0xfd : 0xfe
  if (bytes.length === 5) writeU32BE(bytes, 1, value)
  else writeU64BE(bytes, 1, value)
  return bytes
}

/** Two keys: everything from the first on that is before the second. */
export interface KeyRange {
  readonly from: Uint8Array
  readonly to: Uint8Array
}

/** The row of the store itself. */
export const STORE_HEAD: Uint8Array = Uint8Array.of(0)
/** The records of all logs, by discovery key. */
export const CORES: KeyRange = { from: Uint8Array.of(CORE), to: Uint8Array.of(CORE + 1) }

/** Who a log is. */
export const authKey = (corePointer: number): Uint8Array =>
  concat(Uint8Array.of(AUTH), keyNumber(corePointer), Uint8Array.of(0))

/** A log's newest tree. */
export const headKey = (dataPointer: number): Uint8Array => dataKey(dataPointer, HEAD)
/** One block, as it is stored. */
export const blockKey = (dataPointer: number, block: number): Uint8Array =>
  dataKey(dataPointer, BLOCK, block)
/** One tree node, by in-order index. */
export const nodeKey = (dataPointer: number, index: number): Uint8Array =>
  dataKey(dataPointer, NODE, index)
/** All blocks of a log, in order. */
export const blockKeys = (dataPointer: number): KeyRange => kindRange(dataPointer, BLOCK)
/** All local values of a log. */
export const userDataKeys = (dataPointer: number): KeyRange => kindRange(dataPointer, USER_DATA)

function dataKey(dataPointer: number, kind: number, number?: number): Uint8Array {
  const last = number === undefined ? [] : [keyNumber(number)]
  return concat(Uint8Array.of(DATA), keyNumber(dataPointer), Uint8Array.of(kind), ...last)
}

function kindRange(dataPointer: number, kind: number): KeyRange {
  return { from: dataKey(dataPointer, kind), to: dataKey(dataPointer, kind + 1) }
}

/** The last number of a block's or a node's key. Throws `BAD_FRAME`. */
export function lastNumber(key: Uint8Array): number {
  const r = new Reader(key, 1)
  readKeyNumber(r)
  r.u8()
  return readKeyNumber(r)
}

/** The name in a user data key. Throws `BAD_FRAME`. */
export function lastString(key: Uint8Array): string {
  const r = new Reader(key, 1)
  readKeyNumber(r)
  r.u8()
  r.u8() // 00
  const bytes: number[] = []
  while (r.left > 0) {
    const byte = r.u8()
    if (byte === 0 && r.u8() === 1) break
    bytes.push(byte)
  }
  return fromUtf8(Uint8Array.from(bytes))
}

function readKeyNumber(r: Reader): number {
  const first = r.u8()
  if (first <= 0xfb) return first
  if (first === 0xfc) return 256 * r.u8() + r.u8()
  if (first === 0xfd) return r.u32BE()
  if (first === 0xfe) return r.u64BE()
  throw new DatError('BAD_FRAME', 'A number in a key has an unknown form.')
}

// ---- Values --------------------------------------------------------------------------------------

/** A core's record: where the rest of it is. */
export interface CoreRecord {
  /** 0: never brought over from the files of hypercore 10. */
  readonly version: number
  readonly corePointer: number
  readonly dataPointer: number
  readonly alias: { readonly name: string; readonly namespace: Uint8Array } | undefined
}

/** Throws `BAD_FRAME`, or `UNSUPPORTED` for a version of the future. */
export function readCoreRecord(value: Uint8Array): CoreRecord {
  const r = new Reader(value)
  const version = r.uint()
  if (version > 2) throw unknownVersion('record of a log', version)
  const corePointer = r.uint()
  const dataPointer = r.uint()
  const hasAlias = (r.uint() & 1) !== 0
  const alias = hasAlias ? { name: r.string(), namespace: copy(r.fixed(KEY_BYTES)) } : undefined
  return { version, corePointer, dataPointer, alias }
}

/** Who a core is. */
export interface CoreAuth {
  readonly key: Uint8Array
  /** Encoded as on the wire; `undefined` for logs whose key is their signer's. */
  readonly manifest: Uint8Array | undefined
  readonly secretKey: Uint8Array | undefined
}

/** Throws `BAD_FRAME`, or `UNSUPPORTED` for a manifest of the future. */
export function readAuth(value: Uint8Array): CoreAuth {
  const r = new Reader(value)
  const key = copy(r.fixed(KEY_BYTES))
  r.skip(KEY_BYTES) // discovery key
  const flags = r.uint()
  const manifest = flags & 1 ? readManifest(r.buffer(), key) : undefined
  if (flags & 2) r.buffer() // public key
  const secretKey = flags & 2 ? r.optionalBuffer() : undefined
  return { key, manifest, secretKey: secretKey && copy(secretKey) }
}

/** Version 0 is stored in the form of the later versions, and has another one in its hash. */
function readManifest(bytes: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  const manifest = decodeStored(bytes)
  return isCompat(manifest, key) ? undefined : encodeManifest(manifest)
}

function decodeStored(bytes: Uint8Array): Manifest {
  const r = new Reader(bytes)
  const version = r.uint()
  if (version !== 0 && version !== 1 && version !== 2 && version !== 3) {
    throw unknownVersion('manifest', version)
  }
  const flags = r.uint()
  r.uint() // hash
  const quorum = r.uint()
  const count = r.count(1 + 2 * KEY_BYTES)
  const signers = Array.from({ length: count }, () => {
    r.uint() // kind of signature
    return { namespace: copy(r.fixed(KEY_BYTES)), publicKey: copy(r.fixed(KEY_BYTES)) }
  })
  const prologue = flags & 2 ? { hash: copy(r.fixed(HASH_BYTES)), length: r.uint() } : undefined
  const keys = flags & 4 ? r.count(KEY_BYTES) : 0
  const linked = Array.from({ length: keys }, () => copy(r.fixed(KEY_BYTES)))
  const userData = flags & 8 ? copy(r.buffer()) : undefined
  const allowPatch = (flags & 1) !== 0
  const links = flags & 4 ? linked : undefined
  return { version, allowPatch, quorum, signers, prologue, linked: links, userData }
}

/** The newest tree of a core. */
export interface CoreHead {
  readonly fork: number
  readonly length: number
  readonly signature: Uint8Array | undefined
}

/** Throws `BAD_FRAME`. */
export function readHead(value: Uint8Array): CoreHead {
  const r = new Reader(value)
  const fork = r.uint()
  const length = r.uint()
  r.skip(HASH_BYTES) // root hash: follows from the nodes
  const signature = r.optionalBuffer()
  return { fork, length, signature: signature && copy(signature) }
}

/** A tree node. */
export function readNode(value: Uint8Array): { index: number; size: number; hash: Uint8Array } {
  const r = new Reader(value)
  return { index: r.uint(), size: r.uint(), hash: copy(r.fixed(HASH_BYTES)) }
}

/** What the store's head says that matters here. */
export interface StoreHead {
  readonly primaryKey: Uint8Array | undefined
  /** Numbers that were given to logs so far: as many logs, unless some were deleted. */
  readonly cores: number
}

/** Throws `BAD_FRAME`, or `UNSUPPORTED` for a version of the future. */
export function readStoreHead(value: Uint8Array): StoreHead {
  const r = new Reader(value)
  const version = r.uint()
  if (version > 2) throw unknownVersion('store', version)
  const isOld = version < 2
  const early = isOld ? r.uint() : 1
  const cores = early & 1 ? r.uint() : 0
  if (early & 1) r.uint() // data pointers
  if (!isOld) r.uint() // groups
  const hasKey = isOld ? (early & 2) !== 0 : (r.uint() & 1) !== 0
  return { primaryKey: hasKey ? copy(r.fixed(KEY_BYTES)) : undefined, cores }
}

function unknownVersion(what: string, version: number): DatError {
  const message = `The ${what} has version ${version}, which is unknown.`
  return new DatError('UNSUPPORTED', message, { version })
}

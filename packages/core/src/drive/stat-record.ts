/**
 * What old drives store under a path: the Stat of hyperdrive 9 and 10.
 *
 *     Stat  := 1 mode, 2 uid, 3 gid, 4 size, 5 blocks, 6 offset, 7 byteOffset, 8 mtime, 9 ctime   varints
 *              10 string linkname, 11 Mount, 12 map of bytes by name                             hyperdrive 10 alone
 *     Mount := 1 bytes key, 2 varint version, 3 bytes hash, 4 bool hypercore
 *
 * Owns: both ways, byte for byte as hyperdrive-schemas 2 writes it: 1 to 9 always, the others where they are set.
 * Bytes are a stranger's: what breaks the grammar is `BAD_FRAME`. Sources: generation 2 drives, section 2;
 * generation 1 drives, section 1.
 */

import { DatError } from '../base/errors.ts'
import { copy, utf8 } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import {
  beginMessage,
  endMessage,
  Fields,
  writeBytesField,
  writeStringField,
  writeVarintField,
} from '../bytes/protobuf.ts'

/** One row. Times in milliseconds since 1970. */
export interface StatRecord {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of the file, and the blocks of the content log that hold them. */
  readonly size: number
  readonly blocks: number
  readonly offset: number
  readonly byteOffset: number
  readonly mtime: number
  readonly ctime: number
  readonly linkname?: string | undefined
  readonly mount?: StatMount | undefined
  readonly metadata?: ReadonlyMap<string, Uint8Array> | undefined
}

/** What is mounted at a path. */
export interface StatMount {
  readonly key: Uint8Array
  /** `undefined` and 0 are the newest. */
  readonly version?: number | undefined
  /** Kept when a row is written again. */
  readonly hash?: Uint8Array | undefined
  /** A log that is shown as a file, not a drive. */
  readonly hypercore: boolean
}

const NUMBERS = [
  'mode',
  'uid',
  'gid',
  'size',
  'blocks',
  'offset',
  'byteOffset',
  'mtime',
  'ctime',
] as const

/** The bytes of a row. */
export function encodeStat(stat: StatRecord): Uint8Array {
  const writer = new Writer(64)
  for (const [i, name] of NUMBERS.entries()) writeVarintField(writer, i + 1, stat[name])
  if (stat.linkname !== undefined) writeStringField(writer, 10, stat.linkname)
  if (stat.mount !== undefined) writeMount(writer, stat.mount)
  for (const [name, value] of stat.metadata ?? []) {
    const start = beginMessage(writer, 12)
    writeStringField(writer, 1, name)
    writeBytesField(writer, 2, value)
    endMessage(writer, start)
  }
  return writer.take()
}

function writeMount(writer: Writer, mount: StatMount): void {
  const start = beginMessage(writer, 11)
  writeBytesField(writer, 1, mount.key)
  if (mount.version !== undefined) writeVarintField(writer, 2, mount.version)
  if (mount.hash !== undefined) writeBytesField(writer, 3, mount.hash)
  writeVarintField(writer, 4, mount.hypercore ? 1 : 0)
  endMessage(writer, start)
}

/** Copies what it keeps. */
export function decodeStat(bytes: Uint8Array): StatRecord {
  const stat = { ...EMPTY_STAT }
  let metadata: Map<string, Uint8Array> | undefined
  let hasMode = false
  const fields = new Fields(bytes)
  while (fields.next()) {
    const { number } = fields
    const name = NUMBERS[number - 1]
    if (name !== undefined) stat[name] = fields.varint()
    else if (number === 10) stat.linkname = fields.string()
    else if (number === 11) stat.mount = readMount(fields.message())
    else if (number === 12) {
      metadata ??= new Map()
      readPair(fields.message(), metadata)
    }
    hasMode ||= number === 1
  }
  if (!hasMode) throw new DatError('BAD_FRAME', 'A row without a mode.')
  if (metadata !== undefined && metadata.size > 0) stat.metadata = metadata
  return stat
}

/** A row before its fields are read. */
const EMPTY_STAT: { -readonly [K in keyof StatRecord]-?: StatRecord[K] } = {
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  blocks: 0,
  offset: 0,
  byteOffset: 0,
  mtime: 0,
  ctime: 0,
  linkname: undefined,
  mount: undefined,
  metadata: undefined,
}

function readMount(fields: Fields): StatMount {
  let key: Uint8Array | undefined
  let version: number | undefined
  let hash: Uint8Array | undefined
  let hypercore = false
  while (fields.next()) {
    if (fields.number === 1) key = copy(fields.bytes())
    else if (fields.number === 2) version = fields.varint()
    else if (fields.number === 3) hash = copy(fields.bytes())
    else if (fields.number === 4) hypercore = fields.bool()
  }
  if (key === undefined) throw new DatError('BAD_FRAME', 'A mount without a key.')
  return { key, version, ...(hash !== undefined && { hash }), hypercore }
}

/** A name without a value is one that was removed. */
function readPair(fields: Fields, into: Map<string, Uint8Array>): void {
  let name = ''
  let value: Uint8Array | undefined
  while (fields.next()) {
    if (fields.number === 1) name = fields.string()
    else if (fields.number === 2) value = copy(fields.bytes())
  }
  if (value !== undefined) into.set(name, value)
}

/** Bytes by name as a caller gave them. Throws `BAD_ARGUMENT` for anything else. */
export function metadataMap(metadata: unknown): ReadonlyMap<string, Uint8Array> | undefined {
  if (metadata === undefined || metadata === null) return undefined
  const map = new Map<string, Uint8Array>()
  if (typeof metadata !== 'object') throw badMetadata()
  for (const [name, value] of Object.entries(metadata)) {
    if (!(value instanceof Uint8Array) || utf8(name).length === 0) throw badMetadata()
    map.set(name, value)
  }
  return map.size === 0 ? undefined : map
}

function badMetadata(): DatError {
  return new DatError(
    'BAD_ARGUMENT',
    'The metadata of a file in a hyperdrive 10 is an object of Uint8Arrays by name.',
  )
}

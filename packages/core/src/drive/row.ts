/**
 * One row of a drive: what stands under a path, as JSON.
 *
 *     {"executable":false,"linkname":null,"blob":{"blockOffset":0,"byteOffset":0,"blockLength":1,
 *      "byteLength":5},"metadata":null}                      members always in this order, no spaces
 *
 * Owns: writing it, and reading what strangers wrote. Missing members mean false or null; members that this version
 * does not know are kept for whoever copies the row. A row beyond the limits, or with numbers that no blob
 * has, is still listed, with `invalid` saying why; reading its file is an error.
 * Source: the hyperdrive specification, section 3, and the threat model, section 5.
 */

import { DatError } from '../base/errors.ts'
import {
  BLOCK_BYTES_MAX,
  DRIVE_ENTRY_BYTES_MAX,
  DRIVE_ENTRY_DEPTH_MAX,
  LINKNAME_BYTES_MAX,
} from '../base/limits.ts'
import { fromUtf8, fromUtf8Lossy, utf8 } from '../bytes/bytes.ts'
import { fileStat } from './stat.ts'
import type { BlobId, DriveEntry, PutFileOptions, Row } from './types.ts'

const NO_EXTRA = Object.freeze(withoutPrototype())
const MEMBERS: ReadonlySet<string> = new Set(['executable', 'linkname', 'blob', 'metadata'])

// ---- Writing -------------------------------------------------------------------------------------

/** Facts of files that older formats keep. Options that name one are refused: dropped, they would be a surprise later. */
const FACTS_OF_OTHERS = ['mode', 'uid', 'gid', 'mtimeMs', 'ctimeMs'] as const

type FactsOfOthers = { readonly [K in (typeof FACTS_OF_OTHERS)[number]]?: number | undefined }

/**
 * The bytes of a row.
 *
 * @throws DatError BAD_ARGUMENT for what we would not read ourselves, UNSUPPORTED for facts that the format does not keep
 */
export function encodeRow(row: Row & FactsOfOthers): Uint8Array {
  refuseFactsOfOthers(row)
  const { blob } = row
  if (isPlain(row)) {
    if (blob !== undefined && isPlainBlob(blob))
      return utf8(plainText(row.executable ?? false, blob))
    return utf8(textOf(row))
  }
  const bytes = utf8(textOf(row))
  const problem = decodeRow(bytes).invalid
  if (problem === undefined) return bytes
  throw new DatError('BAD_ARGUMENT', `The entry can't be written: ${problem}.`)
}

/** Throws what `encodeRow` would throw. */
export function checkRow(row: Row & FactsOfOthers): void {
  if (isPlain(row)) refuseFactsOfOthers(row)
  else encodeRow(row)
}

function refuseFactsOfOthers(row: FactsOfOthers): void {
  for (const name of FACTS_OF_OTHERS) {
    if (row[name] === undefined) continue
    throw new DatError(
      'UNSUPPORTED',
      `A hyperdrive 13 keeps no ${name} of a file: say whether it is executable, and keep the rest in metadata.`,
      { name },
    )
  }
}

/** Flags and numbers alone can't be wrong; most rows have nothing else. */
function isPlain({ linkname, metadata = null, extra }: Row): boolean {
  return linkname === undefined && metadata === null && extra === undefined
}

function textOf(row: Row): string {
  return JSON.stringify({
    executable: row.executable ?? false,
    linkname: row.linkname ?? null,
    blob: row.blob === undefined ? null : blobMembers(row.blob),
    metadata: row.metadata ?? null,
    ...row.extra,
  })
}

/** Numbers whose text is the same in JSON. */
function isPlainBlob({
  blockOffset,
  byteOffset,
  blockLength,
  byteLength,
  blockMap,
}: BlobId): boolean {
  return (
    blockMap !== true &&
    Number.isSafeInteger(blockOffset) &&
    Number.isSafeInteger(byteOffset) &&
    Number.isSafeInteger(blockLength) &&
    Number.isSafeInteger(byteLength)
  )
}

/** As `textOf`, for the row of a file and nothing more: a third of the time, in an import of small files 4 % of all. */
function plainText(executable: boolean, blob: BlobId): string {
  const { blockOffset, byteOffset, blockLength, byteLength } = blob
  const places = `"blockOffset":${blockOffset},"byteOffset":${byteOffset}`
  const sizes = `"blockLength":${blockLength},"byteLength":${byteLength}`
  return `{"executable":${executable},"linkname":null,"blob":{${places},${sizes}},"metadata":null}`
}

/**
 * The bytes of a row as it will be: members that the change does not name stay, those that we do not know too.
 *
 * @throws DatError as `encodeRow`; BAD_CONTENT if the row that is there can't be read
 */
export function amendedRow(entry: DriveEntry, change: PutFileOptions): Uint8Array {
  const { path, invalid, executable, linkname, blob, metadata, extra } = entry
  if (invalid !== undefined) {
    throw new DatError(
      'BAD_CONTENT',
      `The entry of ${path} is damaged: ${invalid}. Write it anew.`,
      {
        path,
      },
    )
  }
  return encodeRow({ executable, linkname, blob, metadata, extra, ...change })
}

function blobMembers(blob: BlobId): BlobId {
  const { blockOffset, byteOffset, blockLength, byteLength } = blob
  const id = { blockOffset, byteOffset, blockLength, byteLength }
  return blob.blockMap === true ? { ...id, blockMap: true } : id
}

// ---- Reading -------------------------------------------------------------------------------------

/** @param key the row's key, without the prefix of the bee */
export function decodeEntry(
  seq: number,
  key: Uint8Array,
  value: Uint8Array | undefined,
): DriveEntry {
  const path = wellFormed(key)
  const row = decodeRow(value)
  return {
    path: path ?? fromUtf8Lossy(key),
    seq,
    version: seq + 1,
    stat: fileStat(row),
    mount: undefined,
    ...row,
    invalid: row.invalid ?? (path === undefined ? 'its path is not UTF-8' : undefined),
  }
}

type Decoded = Omit<DriveEntry, 'path' | 'seq' | 'version' | 'stat' | 'mount'>

function decodeRow(value: Uint8Array | undefined): Decoded {
  if (value === undefined) return invalid('it has no value')
  if (value.length > DRIVE_ENTRY_BYTES_MAX) return invalid('it is larger than the limit')
  const row = parse(value)
  if (typeof row === 'string') return invalid(row)
  const linkname = row['linkname'] ?? undefined
  if (linkname !== undefined && typeof linkname !== 'string') return invalid('its link is no text')
  if (linkname !== undefined && utf8(linkname).length > LINKNAME_BYTES_MAX) {
    return invalid('its link is longer than the limit')
  }
  const blob = decodeBlob(row['blob'])
  if (typeof blob === 'string') return invalid(blob)
  return {
    executable: row['executable'] === true,
    linkname,
    blob,
    metadata: row['metadata'] ?? null,
    extra: extraOf(row),
    invalid: undefined,
  }
}

function invalid(reason: string): Decoded {
  const nothing = { executable: false, linkname: undefined, blob: undefined, metadata: null }
  return { ...nothing, extra: {}, invalid: reason }
}

/** The object, or why it is none. */
function parse(bytes: Uint8Array): Record<string, unknown> | string {
  let row: unknown
  try {
    const text = fromUtf8(bytes)
    if (brackets(text) > DRIVE_ENTRY_DEPTH_MAX && depth(text) > DRIVE_ENTRY_DEPTH_MAX) {
      return 'it is nested too deeply'
    }
    row = JSON.parse(text)
  } catch {
    return 'it is no JSON'
  }
  return isRecord(row) ? row : 'it is no JSON object'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Opening brackets, wherever they stand. Found natively; a usual row has two, and need not be looked at by character. */
function brackets(text: string): number {
  let count = 0
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) count++
  }
  return count
}

/** Deepest nesting of brackets outside of strings. */
function depth(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x7b || c === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x7d || c === 0x5d) depth--
  }
  return deepest
}

/** The id, nothing, or why it is none. */
function decodeBlob(blob: unknown): BlobId | undefined | string {
  if (blob === undefined || blob === null) return undefined
  if (!isRecord(blob)) return 'its blob is no object'
  const { blockOffset, byteOffset, blockLength, byteLength } = blob
  if (!isCount(blockOffset) || !isCount(byteOffset)) return 'its blob has no place'
  if (!isCount(blockLength) || !isCount(byteLength)) return 'its blob has no size'
  if (!isCount(blockOffset + blockLength)) return 'its blob ends nowhere'
  if (byteLength > blockLength * BLOCK_BYTES_MAX)
    return 'its blob has more bytes than its blocks hold'
  const id = { blockOffset, byteOffset, blockLength, byteLength }
  return blob['blockMap'] === true ? { ...id, blockMap: true } : id
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function extraOf(row: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const names = Object.keys(row).filter((name) => !MEMBERS.has(name))
  if (names.length === 0) return NO_EXTRA
  const extra = withoutPrototype()
  for (const name of names) extra[name] = row[name]
  return extra
}

function wellFormed(key: Uint8Array): string | undefined {
  try {
    return fromUtf8(key)
  } catch {
    return undefined
  }
}

/** A member called `__proto__` is then a member like any other. */
function withoutPrototype(): Record<string, unknown> {
  return Object.create(null)
}

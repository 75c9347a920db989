/**
 * From a row of an old drive to the entry that all drives give.
 *
 * Owns: what makes a row unfit to be read. Names and numbers are a stranger's: a row with a name that no honest
 * writer makes, or with numbers that no file has, is still listed, and `invalid` says why. Source: generation 1
 * drives, section 2 (names); generation 2 drives, section 2.
 */

import { isCode } from '../base/errors.ts'
import { BLOCK_BYTES_MAX, DRIVE_ENTRY_BYTES_MAX, LINKNAME_BYTES_MAX } from '../base/limits.ts'
import { utf8 } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import { whyNoName } from './path.ts'
import { isExecutable, kindOf } from './stat.ts'
import { decodeStat, type StatMount, type StatRecord } from './stat-record.ts'
import type { BlobId, DriveEntry, DriveMount, DriveStat } from './types.ts'

/** Where a row stands. */
export interface RowPlace {
  /** With a slash in front. */
  readonly path: string
  readonly seq: number
  readonly version: number
}

/** @param value the stored Stat */
export function oldEntry(place: RowPlace, value: Uint8Array | undefined): DriveEntry {
  const badName = whyNoName(place.path)
  const stat = read(value)
  if (typeof stat === 'string') return { ...place, ...NOTHING, invalid: badName ?? stat }
  const { linkname, metadata } = stat
  const facts = driveStat(stat)
  const mount = driveMount(stat.mount)
  const isFile = facts.kind === 'file'
  return {
    ...place,
    stat: facts,
    executable: isExecutable(stat.mode),
    linkname: facts.kind === 'link' ? (linkname ?? '') : undefined,
    blob: isFile ? blobOf(stat) : undefined,
    mount,
    metadata: metadata === undefined ? null : Object.fromEntries(metadata),
    extra: {},
    invalid: badName ?? whyInvalid(stat, isFile),
  }
}

const NOTHING = {
  stat: { kind: 'other', mode: 0, uid: 0, gid: 0, size: 0, mtimeMs: undefined, ctimeMs: undefined },
  executable: false,
  linkname: undefined,
  blob: undefined,
  mount: undefined,
  metadata: null,
  extra: {},
} as const

/** The row, or why it is none. */
function read(value: Uint8Array | undefined): StatRecord | string {
  if (value === undefined) return 'it has no value'
  if (value.length > DRIVE_ENTRY_BYTES_MAX) return 'it is larger than the limit'
  try {
    return decodeStat(value)
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) return 'it is no row of a drive'
    throw error
  }
}

function driveStat(stat: StatRecord): DriveStat {
  const { mode, uid, gid, size, mtime, ctime } = stat
  const kind = stat.linkname !== undefined ? 'link' : kindOf(mode)
  const bytes = kind === 'file' ? size : 0
  return { kind, mode, uid, gid, size: bytes, mtimeMs: mtime, ctimeMs: ctime }
}

function driveMount(mount: StatMount | undefined): DriveMount | undefined {
  if (mount === undefined) return undefined
  const { key, version = 0, hypercore } = mount
  return { key, kind: hypercore ? 'log' : 'drive', version: version === 0 ? undefined : version }
}

function blobOf({ offset, byteOffset, blocks, size, mount }: StatRecord): BlobId {
  const isLog = mount?.hypercore === true
  return {
    // A log that is shown as a file begins at its beginning; its row tells where the drive's own content ended.
    blockOffset: isLog ? 0 : offset,
    byteOffset: isLog ? 0 : byteOffset,
    blockLength: blocks,
    byteLength: size,
  }
}

function whyInvalid(stat: StatRecord, isFile: boolean): string | undefined {
  const { linkname, mount, offset, blocks, size } = stat
  if (linkname !== undefined && utf8(linkname).length > LINKNAME_BYTES_MAX) {
    return 'its link is longer than the limit'
  }
  if (mount !== undefined && mount.key.length !== KEY_BYTES) return 'its mount has no key'
  if (!isFile) return undefined
  if (!Number.isSafeInteger(offset + blocks)) return 'its blocks end nowhere'
  if (size > blocks * BLOCK_BYTES_MAX) return 'it has more bytes than its blocks hold'
  return undefined
}

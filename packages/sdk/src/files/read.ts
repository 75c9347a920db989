/**
 * Reading files of the user, so that what was read is what the file was at one moment.
 *
 * Owns: the rule that a file is read through one open handle which never follows a link, and that its size, time
 * and inode are the same behind the last byte as they were when it was found. Otherwise what was read is thrown
 * away. Small files are read in one go, synchronously; large ones in the thread pool, piece by piece.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DatError } from '@dat-rhino/core/base/errors'
import { type FileStat, fileStat, isUntouched } from './stat.ts'

/** Files up to this size are held in memory as a whole. */
export const SMALL_BYTES = 262_144
const PIECE_BYTES = 1_048_576
/** A pipe put in the place of a file must not stop us, nor a link lead us elsewhere. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * All bytes of a small file, or `undefined` if it is not what `expected` says. Throws the system's errors.
 *
 * @param room memory of `SMALL_BYTES`; what is returned lies in it, until the next call with it
 */
export function readSmall(
  file: string,
  expected: FileStat,
  room: Uint8Array,
): Uint8Array | undefined {
  const handle = openSync(file, FLAGS)
  try {
    const bytes = room.subarray(0, expected.size)
    let at = 0
    while (at < bytes.length) {
      const read = readSync(handle, bytes, at, bytes.length - at, at)
      if (read === 0) return undefined
      at += read
    }
    return isStill(fileStat(fstatSync(handle)), expected) ? bytes : undefined
  } finally {
    closeSync(handle)
  }
}

/**
 * A large file in pieces. The last step throws `CONFLICT` if the file is not what `expected` says.
 *
 * @param onread called with the size of each piece
 */
export async function* readLarge(
  file: string,
  expected: FileStat,
  onread: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const handle: FileHandle = await open(file, FLAGS)
  try {
    for (let at = 0; at < expected.size; ) {
      signal.throwIfAborted()
      const piece = new Uint8Array(Math.min(PIECE_BYTES, expected.size - at))
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead === 0) break
      at += bytesRead
      onread(bytesRead)
      yield piece.subarray(0, bytesRead)
    }
    if (!isStill(fileStat(await handle.stat()), expected)) throw changedWhileRead(file)
  } finally {
    await handle.close()
  }
}

/**
 * Are the bytes of a file those that `content` gives? Stops at the first difference.
 *
 * `undefined`: the file changed meanwhile.
 */
export async function hasContent(
  file: string,
  expected: FileStat,
  content: AsyncIterable<Uint8Array>,
): Promise<boolean | undefined> {
  const handle = openSync(file, FLAGS)
  try {
    let at = 0
    let own = Buffer.alloc(0)
    for await (const theirs of content) {
      if (theirs.length > own.length) own = Buffer.allocUnsafe(theirs.length)
      const read = readSync(handle, own, 0, theirs.length, at)
      if (read !== theirs.length || own.compare(theirs, 0, read, 0, read) !== 0) return false
      at += read
    }
    if (at !== expected.size) return false
    return isStill(fileStat(fstatSync(handle)), expected) ? true : undefined
  } finally {
    closeSync(handle)
  }
}

/** The error of a file that did not stay the same for as long as it was read. */
export function changedWhileRead(file: string): DatError {
  return new DatError('CONFLICT', `${file} changed while it was read.`, { path: file })
}

/** As `isUntouched`, for a look at the open file: a time that is not trusted is compared all the same. */
function isStill(now: FileStat, expected: FileStat): boolean {
  return isUntouched(now, expected.mtimeMs === 0 ? { ...expected, mtimeMs: now.mtimeMs } : expected)
}

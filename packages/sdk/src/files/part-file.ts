/**
 * Files that get their name when they are whole.
 *
 * Owns: the two ways to write one, each under a name of ours and then renamed. A small file is written at once. A large
 * one is written by the thread pool while the next bytes are fetched, and its name does not come before its bytes are on
 * the device: a power cut must not leave the one without the others. (A small one that lost its end is known by its size.)
 *
 * Invariants: a handle is closed exactly once, and not while a write of it is under way.
 */

import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  futimesSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
  writev,
} from 'node:fs'
import { promisify } from 'node:util'
import { isMissing, systemCode } from './problems.ts'
import { type FileStat, fileStat, RACY_MS } from './stat.ts'

const FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)
/** Of a large file, that are written in one go: a thread is woken for each. As many more are collected meanwhile. */
const WRITE_BYTES = 1_048_576

const syncLater = promisify(fsync)
const writeLater = promisify(writev)

/** Writes a small file as `part` and gives it its name, replacing what has it. Leaves nothing behind if it fails. */
export function writeSmall(part: string, file: string, mode: number, bytes: Uint8Array): FileStat {
  const handle = openPart(part, mode)
  try {
    const stats = stampAndClose(handle, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
    })
    renameSync(part, file)
    return fileStat(stats)
  } catch (error) {
    removeIfThere(part)
    throw error
  }
}

/** A large file on its way. It ends with `finish` or `abandon`, one of them, and nothing else is called by then. */
export class PartFile {
  readonly #part: string
  readonly #file: string
  readonly #handle: number
  readonly #release: () => void
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #writing: Promise<void> = Promise.resolve()

  /** @param release called when `part` is free again */
  constructor(part: string, file: string, mode: number, release: () => void) {
    this.#part = part
    this.#file = file
    this.#handle = openPart(part, mode)
    this.#release = release
  }

  /**
   * Takes bytes over: they must not be changed any more. Await the result where there is one, before the next call: the
   * disk is slower than their source.
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    return this.#waitingBytes < WRITE_BYTES ? undefined : this.#flush()
  }

  /** Brings everything to the device and gives the file its name, replacing what has it. Leaves nothing if it fails. */
  async finish(): Promise<FileStat> {
    try {
      await this.#flush()
      await this.#writing
      await syncLater(this.#handle)
    } catch (error) {
      await this.abandon()
      throw error
    }
    try {
      const stats = stampAndClose(this.#handle, () => undefined)
      renameSync(this.#part, this.#file)
      return fileStat(stats)
    } catch (error) {
      removeIfThere(this.#part)
      throw error
    } finally {
      this.#release()
    }
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined)
    closeSync(this.#handle)
    removeIfThere(this.#part)
    this.#release()
  }

  /** Begins to write what waits, once the write before it is over. */
  async #flush(): Promise<void> {
    await this.#writing
    const pieces = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#writing = writeAll(this.#handle, pieces)
    // Whoever waits for it next is told.
    this.#writing.catch(() => undefined)
  }
}

/** Removes a file or link, if one is there. */
export function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/**
 * When a file of ours says it was written, in seconds: a little before it was. Whatever is written to it later bears
 * another time, however soon that is; with the true time a change in the same moment would leave no trace.
 */
export function unmistakableTime(): number {
  return Math.floor((Date.now() - 2 * RACY_MS) / 1_000)
}

function openPart(part: string, mode: number): number {
  try {
    return openSync(part, FLAGS, mode)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    unlinkSync(part)
    return openSync(part, FLAGS, mode)
  }
}

/** Closes the handle, whatever happens. */
function stampAndClose(handle: number, write: () => void): Stats {
  try {
    write()
    const time = unmistakableTime()
    futimesSync(handle, time, time)
    return fstatSync(handle)
  } finally {
    closeSync(handle)
  }
}

async function writeAll(handle: number, pieces: readonly Uint8Array[]): Promise<void> {
  for (let rest = pieces; rest.length > 0; ) {
    const { bytesWritten } = await writeLater(handle, rest)
    rest = behind(rest, bytesWritten)
  }
}

/** What is left of `pieces` when `written` bytes of them are written. */
function behind(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written
  let at = 0
  for (; at < pieces.length && left >= (pieces[at]?.length ?? 0); at++) {
    left -= pieces[at]?.length ?? 0
  }
  const [first, ...others] = pieces.slice(at)
  return first === undefined ? [] : [first.subarray(left), ...others]
}

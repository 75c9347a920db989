/**
 * Writes into a folder what others chose the names of, and never anywhere else.
 *
 * Owns: every change that a clone makes on the disk. These statements always hold:
 *
 * - Every folder on the way is a real folder: it was looked at without following links, or made by us.
 * - A file comes under its name whole or not at all: it is written under a name of ours in the same folder, then
 *   renamed. A link that stands at the name is replaced, not followed.
 * - Nothing of the user's is replaced or removed here unasked: the caller has looked (`look`) and decided.
 *
 * Source: the threat model, section 7.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { DatError } from '@dat-rhino/core/base/errors'
import { STATE_FOLDER } from './options.ts'
import { folderOf, joinPath, localPath } from './paths.ts'
import { isMissing, systemCode } from './problems.ts'
import { type FileStat, fileStat, RACY_MS } from './stat.ts'

/** What stands at a path. */
export type Standing =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file'; readonly stat: FileStat }
  | { readonly kind: 'link'; readonly stat: FileStat; readonly text: string }
  | { readonly kind: 'folder' }
  | { readonly kind: 'other' }

const NOTHING: Standing = { kind: 'nothing' }
const FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)
/**
 * The name a file has until it is whole. One file is written at a time, so that one name will do, and a part that
 * a crash left is used up by the next file of its folder.
 */
const PART_NAME = `${STATE_FOLDER}-part`

/** The hand that writes below one root. */
export class FolderWriter {
  readonly #root: string
  /** Folders known to be real ones. */
  readonly #folders = new Set<string>(['/'])

  /** @param root absolute, without links */
  constructor(root: string) {
    this.#root = root
  }

  /** What stands at `path`. Throws `CONFLICT` if something on the way to it is no folder. */
  look(path: string): Standing {
    if (!this.#isFolder(folderOf(path))) return NOTHING
    const stats = this.#stats(path)
    if (stats === undefined) return NOTHING
    if (stats.isFile()) return { kind: 'file', stat: fileStat(stats) }
    if (stats.isDirectory()) return { kind: 'folder' }
    if (!stats.isSymbolicLink()) return { kind: 'other' }
    return { kind: 'link', stat: fileStat(stats), text: readlinkSync(this.#local(path)) }
  }

  /** Writes a small file whole. */
  writeFile(path: string, bytes: Uint8Array, executable: boolean): FileStat {
    const writing = this.open(path, executable)
    try {
      writing.write(bytes)
      return writing.finish()
    } catch (error) {
      writing.abandon()
      throw error
    }
  }

  /** Begins a file; folders on the way are made. */
  open(path: string, executable: boolean): FileWriting {
    this.#makeFolder(folderOf(path))
    const part = this.#local(joinPath(folderOf(path), PART_NAME))
    const mode = executable ? 0o777 : 0o666
    return new FileWriting(part, this.#local(path), openPart(part, mode))
  }

  writeLink(path: string, text: string): FileStat {
    this.#makeFolder(folderOf(path))
    const part = this.#local(joinPath(folderOf(path), PART_NAME))
    removeIfThere(part)
    symlinkSync(text, part)
    try {
      const time = unmistakableTime()
      lutimesSync(part, time, time)
      renameSync(part, this.#local(path))
    } catch (error) {
      removeIfThere(part)
      throw error
    }
    return fileStat(lstatSync(this.#local(path)))
  }

  /** Sets or clears the executable bits of a file that `look` found, as far as its readers go. */
  setExecutable(path: string, executable: boolean): FileStat {
    const { mode } = lstatSync(this.#local(path))
    const readers = (mode & 0o444) >>> 2
    chmodSync(this.#local(path), executable ? (mode & 0o777) | readers : mode & 0o666)
    return fileStat(lstatSync(this.#local(path)))
  }

  /** Removes a file or link, and the folders that become empty by it. */
  remove(path: string): void {
    unlinkSync(this.#local(path))
    for (let folder = folderOf(path); folder !== '/'; folder = folderOf(folder)) {
      try {
        rmdirSync(this.#local(folder))
      } catch {
        // Not empty, or not ours to remove: it stays, and so do those above it.
        return
      }
      this.#folders.delete(folder)
    }
  }

  /** Moves what stands at `path` out of the way, beside it. Returns where it is now. */
  keepAside(path: string): string {
    for (let n = 1; ; n++) {
      const aside = n === 1 ? `${path}.orig` : `${path}.orig-${n}`
      if (this.#stats(aside) !== undefined) continue
      renameSync(this.#local(path), this.#local(aside))
      return aside
    }
  }

  /** The file's place on this machine. */
  file(path: string): string {
    return this.#local(path)
  }

  #local(path: string): string {
    return localPath(this.#root, path)
  }

  #stats(path: string): Stats | undefined {
    // Most of what a clone looks for is not there, and an error for each would cost more than the call itself.
    return lstatSync(this.#local(path), { throwIfNoEntry: false })
  }

  /** Is `folder` there? Throws if something else is in its place, or on the way to it. */
  #isFolder(folder: string): boolean {
    if (this.#folders.has(folder)) return true
    if (!this.#isFolder(folderOf(folder))) return false
    const stats = this.#stats(folder)
    if (stats === undefined) return false
    if (!stats.isDirectory()) throw isInTheWay(folder, stats)
    this.#folders.add(folder)
    return true
  }

  #makeFolder(folder: string): void {
    if (this.#isFolder(folder)) return
    this.#makeFolder(folderOf(folder))
    mkdirSync(this.#local(folder))
    this.#folders.add(folder)
  }
}

/** A file on its way: bytes are added, then it gets its name. */
class FileWriting {
  readonly #part: string
  readonly #file: string
  readonly #handle: number
  #isOpen = true

  constructor(part: string, file: string, handle: number) {
    this.#part = part
    this.#file = file
    this.#handle = handle
  }

  write(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) at += writeSync(this.#handle, bytes, at, bytes.length - at)
  }

  /** Brings what was written to the device. For large files: a power cut must not leave a name without its bytes. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fsync(this.#handle, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Gives the file its name, replacing what has it. */
  finish(): FileStat {
    const time = unmistakableTime()
    futimesSync(this.#handle, time, time)
    const stats = fstatSync(this.#handle)
    this.#close()
    renameSync(this.#part, this.#file)
    return fileStat(stats)
  }

  /** Leaves nothing behind. No error after `finish`. */
  abandon(): void {
    this.#close()
    removeIfThere(this.#part)
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#handle)
  }
}

/**
 * When a file of ours says it was written, in seconds: a little before it was. Whatever is written to it later bears
 * another time, however soon that is; with the true time a change in the same moment would leave no trace.
 */
function unmistakableTime(): number {
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

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isInTheWay(folder: string, stats: Stats): DatError {
  const what = stats.isSymbolicLink() ? 'a symbolic link' : 'a file'
  return new DatError('CONFLICT', `${folder} is ${what}; nothing is written through it.`, {
    path: folder,
  })
}

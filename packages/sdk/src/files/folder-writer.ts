/**
 * Writes into a folder what others chose the names of, and never anywhere else.
 *
 * Owns: every change that a clone makes on the disk. These statements always hold:
 *
 * - Every folder on the way is a real folder: it was looked at without following links, or made by us.
 * - A file comes under its name whole or not at all: it is written under a name of ours in the same folder, then
 *   renamed (`part-file.ts`). A link that stands at the name is replaced, not followed.
 * - What a crash left under those names is removed before the first file is written into its folder.
 * - Nothing of the user's is replaced or removed here unasked: the caller has looked (`look`) and decided.
 *
 * Source: the threat model, section 7.
 */

import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { DatError } from '@dat-rhino/core/base/errors'
import { STATE_FOLDER } from './options.ts'
import { PartFile, removeIfThere, unmistakableTime, writeSmall } from './part-file.ts'
import { folderOf, joinPath, localPath } from './paths.ts'
import { type FileStat, fileStat } from './stat.ts'

/** What stands at a path. */
export type Standing =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file'; readonly stat: FileStat }
  | { readonly kind: 'link'; readonly stat: FileStat; readonly text: string }
  | { readonly kind: 'folder' }
  | { readonly kind: 'other' }

const NOTHING: Standing = { kind: 'nothing' }
/** Large files on their way at the same time. */
export const LARGE_MAX = 3
/** Names that files have until they are whole: the small one, then the large ones. */
const PART_NAMES = Array.from({ length: 1 + LARGE_MAX }, (_, i) =>
  i === 0 ? `${STATE_FOLDER}-part` : `${STATE_FOLDER}-part-${i}`,
)

/** The hand that writes below one root. */
export class FolderWriter {
  readonly #root: string
  /** Folders known to be real ones. */
  readonly #folders = new Set<string>(['/'])
  /** Those of them that hold nothing of an earlier life: made by us, or looked through. */
  readonly #clean = new Set<string>()
  /** Which of the names of large files are taken, here or in another folder. */
  readonly #taken = new Set<number>()

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

  /** Writes a small file whole; folders on the way are made. */
  writeFile(path: string, bytes: Uint8Array, executable: boolean): FileStat {
    return writeSmall(this.#part(path, 0), this.#local(path), modeOf(executable), bytes)
  }

  /** Begins a large file, one of `LARGE_MAX`; folders on the way are made. */
  open(path: string, executable: boolean): PartFile {
    let number = 1
    while (this.#taken.has(number)) number++
    const part = this.#part(path, number)
    const file = this.#local(path)
    const writing = new PartFile(part, file, modeOf(executable), () => this.#taken.delete(number))
    this.#taken.add(number)
    return writing
  }

  writeLink(path: string, text: string): FileStat {
    const part = this.#part(path, 0)
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
      this.#clean.delete(folder)
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
    this.#clean.add(folder)
  }

  /** The name that a file has until it is whole. Its folder is made, and rid of what a crash left in it. */
  #part(path: string, number: number): string {
    const folder = folderOf(path)
    this.#makeFolder(folder)
    if (!this.#clean.has(folder)) {
      for (const name of PART_NAMES) removeIfThere(this.#local(joinPath(folder, name)))
      this.#clean.add(folder)
    }
    const name = PART_NAMES[number]
    if (name === undefined) {
      throw new DatError('INVARIANT', 'More large files were begun at once than have a name.')
    }
    return this.#local(joinPath(folder, name))
  }
}

function modeOf(executable: boolean): number {
  return executable ? 0o777 : 0o666
}

function isInTheWay(folder: string, stats: Stats): DatError {
  const what = stats.isSymbolicLink() ? 'a symbolic link' : 'a file'
  return new DatError('CONFLICT', `${folder} is ${what}; nothing is written through it.`, {
    path: folder,
  })
}

/**
 * A walk through a folder, file by file, in the order in which a drive keeps its rows.
 *
 * Owns: the walk. What it holds is one sorted list of names per level, however many files there are. Because
 * drive, ledger and walk share one order (UTF-8 bytes of the whole path, so that `/a-b` comes before `/a/b`),
 * they are compared like three sorted lists, without any of them in memory.
 *
 * Folders are read in the thread pool, their names sorted in slices; files are looked at (`lstat`) synchronously, which
 * costs less than the promise would, and the caller takes turns. Links are never followed. Sockets, pipes and devices are passed over.
 * A folder that cannot be read is reported, and so is told apart from one that is empty.
 */

import { type Dirent, lstatSync, type Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { systemClock } from '@dat-rhino/core/base/clock'
import type { DatError } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import { sorted } from '@dat-rhino/core/base/sort'
import type { Ignores } from './ignore.ts'
import { comparePaths, joinPath, localPath } from './paths.ts'
import { fileError, isMissing } from './problems.ts'
import { type FileStat, fileStat } from './stat.ts'

/** A file or a link, as it was found. */
export interface Found {
  /** From the root, with a slash in front. */
  readonly path: string
  readonly kind: 'file' | 'link'
  readonly stat: FileStat
}

/** Where a walk goes, and who hears of it. */
export interface ScanOptions {
  readonly ignores: Ignores
  /** Where to begin; the paths stay those from the root. Default `/`. */
  readonly folder?: string
  /** Asked before a folder below is entered; `false` passes it over. Default: all are entered. */
  readonly enters?: (folder: string) => boolean
  /** Why a folder is passed over whole, by the names that are in it; `undefined` if it is not. Default: none is. */
  readonly refuses?: (folder: string, names: readonly Dirent[]) => DatError | undefined
  /** Called for each folder before it is read, so that a watcher misses nothing. */
  readonly onfolder?: (folder: string) => void
  /** Something could not be looked at; for a folder, nothing below it was seen. */
  readonly onproblem?: (path: string, error: DatError) => void
}

interface Level {
  readonly folder: string
  /** In order. A folder's has a slash behind it, which is what sorts it to its place. */
  readonly names: readonly string[]
  at: number
}

export class Scan {
  readonly #root: string
  readonly #options: ScanOptions
  readonly #levels: Level[] = []
  /** The folder to be read next. */
  #next: string | undefined

  constructor(root: string, options: ScanOptions) {
    this.#root = root
    this.#options = options
    this.#next = options.folder ?? '/'
  }

  /** The next file, or `undefined` when `more()` must be awaited first. */
  next(): Found | undefined {
    while (this.#next === undefined) {
      const level = this.#levels.at(-1)
      if (level === undefined) return undefined
      const name = level.names[level.at++]
      if (name === undefined) this.#levels.pop()
      else if (name.endsWith('/')) this.#enter(joinPath(level.folder, name.slice(0, -1)))
      else {
        const found = this.#look(joinPath(level.folder, name))
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  /** Reads the next folder. False: the walk is over. */
  async more(): Promise<boolean> {
    const folder = this.#next
    if (folder === undefined) return false
    this.#next = undefined
    this.#options.onfolder?.(folder)
    let entries: Dirent[]
    try {
      entries = await readdir(localPath(this.#root, folder), { withFileTypes: true })
    } catch (error) {
      // A folder that went away between its parent's listing and now is as if it had not been listed.
      if (folder === '/' || !isMissing(error)) this.#report(folder, error)
      return true
    }
    const refusal = this.#options.refuses?.(folder, entries)
    if (refusal !== undefined) {
      this.#report(folder, refusal)
      return true
    }
    this.#levels.push({ folder, names: await this.#sorted(folder, entries), at: 0 })
    return true
  }

  #enter(folder: string): void {
    if (this.#options.enters?.(folder) ?? true) this.#next = folder
  }

  async #sorted(folder: string, entries: readonly Dirent[]): Promise<string[]> {
    const names: string[] = []
    const pace = new Pace(systemClock)
    for (const entry of entries) {
      if (pace.due()) await pace.turn()
      const isFolder = entry.isDirectory()
      if (!isFolder && !entry.isFile() && !entry.isSymbolicLink()) continue
      if (this.#options.ignores(joinPath(folder, entry.name).slice(1), isFolder)) continue
      names.push(isFolder ? `${entry.name}/` : entry.name)
    }
    return sorted(names, comparePaths, pace)
  }

  #look(path: string): Found | undefined {
    let stats: Stats
    try {
      stats = lstatSync(localPath(this.#root, path))
    } catch (error) {
      // A name that is no UTF-8 reads with U+FFFD in it, and is then not found.
      if (!isMissing(error) || path.includes('\uFFFD')) this.#report(path, error)
      return undefined
    }
    if (stats.isFile()) return { path, kind: 'file', stat: fileStat(stats) }
    if (stats.isSymbolicLink()) return { path, kind: 'link', stat: fileStat(stats) }
    return undefined
  }

  #report(path: string, error: unknown): void {
    this.#options.onproblem?.(path, fileError(error, path))
  }
}

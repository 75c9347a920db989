/**
 * Tells which folders changed on the disk.
 *
 * Owns: one watcher per folder on Linux (inotify; `fs.watch` of files would cost one more per file), one for the
 * whole tree elsewhere. Events say no more than "look at this folder": the scan finds out what happened, so
 * a lost or doubled event, or one out of order, does no harm. A folder is known by its inode: one that was
 * replaced by another of the same name counts as not watched, and is looked into. While it is suspended no watcher is
 * open and no timer set; nobody knows what happened meanwhile, so after that everything is looked at.
 */

import { type FSWatcher, lstatSync, watch } from 'node:fs'
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import type { DatError } from '@dat-rhino/core/base/errors'
import { folderOf, isBelow, localPath } from './paths.ts'
import { fileError, isMissing } from './problems.ts'

/** Who hears of changes. */
export interface WatchOptions {
  readonly clock: Clock
  /** Called when changes have settled; `take()` then gives the folders. */
  readonly onchange: () => void
  /** Called once when the system refuses more watchers: changes may go unseen from now on. */
  readonly onlimit: (error: DatError) => void
}

/** Quiet for so long: changes have settled. */
const QUIET_MS = 120
/** After so long they are looked at all the same. */
const PATIENCE_MS = 1_000
/** Folders that wait to be looked at, at most; beyond, everything is looked at. */
const TOUCHED_MAX = 4_096

interface Watched {
  readonly inode: number
  readonly watcher: FSWatcher | undefined
}

export class FolderWatch {
  readonly #root: string
  readonly #options: WatchOptions
  readonly #watched = new Map<string, Watched>()
  readonly #isRecursive = process.platform === 'darwin' || process.platform === 'win32'
  #touched = new Set<string>()
  #isEverything = false
  #firstAt: number | undefined
  #timer: Timer | undefined
  #isSettled = false
  #isLimited = false
  #isSuspended = false
  #closed = false

  constructor(root: string, options: WatchOptions) {
    this.#root = root
    this.#options = options
  }

  /** Reports changes directly in `folder` from now on. Call it before reading the folder. */
  add(folder: string): void {
    if (this.#closed || this.#isSuspended) return
    const inode = this.#inode(folder)
    const before = this.#watched.get(folder)
    if (inode === undefined || before?.inode === inode) return
    before?.watcher?.close()
    const needsWatcher = !this.#isRecursive || folder === '/'
    const watcher = needsWatcher ? this.#watch(folder) : undefined
    if (needsWatcher && watcher === undefined) this.#watched.delete(folder)
    else this.#watched.set(folder, { inode, watcher })
  }

  /** Would changes in this folder have been reported? */
  isWatched(folder: string): boolean {
    const watched = this.#watched.get(folder)
    return watched !== undefined && watched.inode === this.#inode(folder)
  }

  /** Looks at `folder` again, as if it had changed. */
  touch(folder: string): void {
    if (this.#closed || this.#isSuspended) return
    if (this.#touched.size >= TOUCHED_MAX) this.#isEverything = true
    else this.#touched.add(folder)
    const now = this.#options.clock.now()
    this.#firstAt ??= now
    const left = Math.max(0, this.#firstAt + PATIENCE_MS - now)
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(Math.min(QUIET_MS, left), () => {
      this.#isSettled = true
      this.#options.onchange()
    })
  }

  /** Is there something to take? */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** The folders that changed, none inside a folder that is gone; `undefined`: too many, look at everything. */
  take(): string[] | undefined {
    const touched = this.#touched
    const isEverything = this.#isEverything
    this.#touched = new Set()
    this.#isEverything = false
    this.#isSettled = false
    this.#firstAt = undefined
    if (isEverything) return undefined
    const folders = new Set<string>()
    for (const folder of touched) folders.add(this.#nearestPresent(folder))
    return [...folders]
  }

  /** Hears of nothing until `resume`. */
  suspend(): void {
    this.#isSuspended = true
    this.#isSettled = false
    this.#end()
  }

  /** Reports everything as changed; what is to be watched is added again by whoever looks. */
  resume(): void {
    if (!this.#isSuspended || this.#closed) return
    this.#isSuspended = false
    this.#isEverything = true
    this.#isSettled = true
    this.#options.onchange()
  }

  close(): void {
    this.#closed = true
    this.#end()
  }

  #end(): void {
    this.#timer?.cancel()
    for (const { watcher } of this.#watched.values()) watcher?.close()
    this.#watched.clear()
  }

  #watch(folder: string): FSWatcher | undefined {
    const options = { persistent: false, recursive: this.#isRecursive }
    try {
      const watcher = watch(localPath(this.#root, folder), options, (_, name) => {
        if (!this.#isRecursive || name === null) this.touch(folder)
        else this.touch(folderOf(`/${name.replaceAll('\\', '/')}`))
      })
      // The folder went away; its parent is told too.
      watcher.on('error', () => this.#drop(folder))
      return watcher
    } catch (error) {
      if (!isMissing(error)) this.#limit(fileError(error, folder))
      return undefined
    }
  }

  /** `folder`, or the nearest one above it that is still there. What lies below a gone one is not watched any more. */
  #nearestPresent(folder: string): string {
    let present = folder
    while (present !== '/' && this.#inode(present) === undefined) present = folderOf(present)
    if (present !== folder) {
      for (const path of this.#watched.keys()) {
        if (isBelow(path, present) && this.#inode(path) === undefined) this.#drop(path)
      }
    }
    return present
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.watcher?.close()
    this.#watched.delete(folder)
  }

  #limit(error: DatError): void {
    if (this.#isLimited) return
    this.#isLimited = true
    this.#options.onlimit(error)
  }

  #inode(folder: string): number | undefined {
    try {
      const stats = lstatSync(localPath(this.#root, folder))
      return stats.isDirectory() ? stats.ino : undefined
    } catch {
      return undefined
    }
  }
}

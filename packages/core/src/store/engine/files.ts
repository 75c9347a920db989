/**
 * The open files of a store, at most `OPEN_FILES_MAX` of them however many the store has.
 *
 * Owns: opening on demand and closing what was not used for longest. A file that somebody `hold`s (it has unsynced
 * bytes) stays open until the store is closed. Whoever keeps a `DiskFile` without holding it compares `closings`
 * before he uses it again.
 */

import { DatError } from '../../base/errors.ts'
import { OPEN_FILES_MAX } from '../../base/limits.ts'
import type { Disk, DiskFile } from '../disk.ts'

/** An open file, and who needs it to stay open. */
export interface OpenFile {
  readonly file: DiskFile
  /** Those who want it open: it is not closed to make room. */
  holds: number
  /** Calls in the thread pool that use it: not closed whatever happens, but by the last of them. */
  calls: number
  isDoomed: boolean
}

export class FileTable {
  readonly disk: Disk
  /** Rises whenever a file was closed. */
  closings = 0
  /** Files were made, renamed or removed since the last `syncNames`. */
  namesChanged = false
  /** In order of last use, oldest first. */
  readonly #entries = new Map<string, OpenFile>()
  #isEnded = false
  /** The one that was used last: a log is written to one file, again and again. */
  #newestName = ''
  #newest: OpenFile | undefined

  constructor(disk: Disk) {
    this.disk = disk
  }

  /** Throws `CORRUPT_STORE` if the file is not there. */
  get(name: string): DiskFile {
    return this.#use(name, false).file
  }

  /** Opens the file, made if need be. */
  create(name: string): DiskFile {
    return this.#use(name, true).file
  }

  hold(name: string): OpenFile {
    const open = this.#use(name, false)
    open.holds++
    return open
  }

  release(open: OpenFile): void {
    open.holds--
  }

  /** Runs a call that takes its time on an open file. */
  async call<T>(name: string, task: (file: DiskFile) => Promise<T>): Promise<T> {
    const open = this.#use(name, false)
    open.calls++
    try {
      return await task(open.file)
    } finally {
      open.calls--
      if (open.isDoomed && open.calls === 0) open.file.close()
    }
  }

  remove(name: string): void {
    this.#close(name)
    this.disk.remove(name)
    this.namesChanged = true
  }

  rename(from: string, to: string): void {
    this.#close(from)
    this.#close(to)
    this.disk.rename(from, to)
    this.namesChanged = true
  }

  /** Syncs names if any changed. */
  async syncNames(): Promise<void> {
    if (!this.namesChanged) return
    this.namesChanged = false
    await this.disk.syncNames()
  }

  /** Closes all files for good: whoever reads on from a closed store is told, and leaves none open. */
  end(): void {
    this.#isEnded = true
    this.closeAll()
  }

  closeAll(): void {
    for (const name of [...this.#entries.keys()]) this.#close(name)
  }

  #use(name: string, create: boolean): OpenFile {
    if (this.#newest !== undefined && this.#newestName === name) return this.#newest
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.#entries.delete(name)
      this.#add(name, known)
      return known
    }
    if (this.#isEnded) throw new DatError('CLOSED', 'The store is closed.')
    const file = this.disk.open(name, { create })
    if (file === undefined) {
      throw new DatError('CORRUPT_STORE', `The file ${name} of the store is missing.`, {
        file: name,
        path: this.disk.path,
      })
    }
    if (create) this.namesChanged = true
    const entry = { file, holds: 0, calls: 0, isDoomed: false }
    this.#add(name, entry)
    this.#makeRoom(name)
    return entry
  }

  #add(name: string, entry: OpenFile): void {
    this.#entries.set(name, entry)
    this.#newestName = name
    this.#newest = entry
  }

  #makeRoom(keep: string): void {
    if (this.#entries.size <= OPEN_FILES_MAX) return
    for (const [name, entry] of this.#entries) {
      if (entry.holds > 0 || entry.calls > 0 || name === keep) continue
      this.#close(name)
      if (this.#entries.size <= OPEN_FILES_MAX) return
    }
  }

  #close(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    if (this.#newest === entry) this.#newest = undefined
    this.closings++
    if (entry.calls > 0) entry.isDoomed = true
    else entry.file.close()
  }
}

/**
 * The open files of a store, at most `OPEN_FILES_MAX` of them however many the store has.
 *
 * Owns: opening on demand and closing what was not used for longest. A file that somebody `hold`s (it has
 * unsynced bytes, or a read in the thread pool is using it) stays open. Whoever keeps a `DiskFile` without
 * holding it compares `closings` before he uses it again.
 */

import { DatError } from '../../base/errors.ts'
import { OPEN_FILES_MAX } from '../../base/limits.ts'
import type { Disk, DiskFile } from '../disk.ts'

/** An open file, and how many need it to stay open. */
export interface OpenFile {
  readonly file: DiskFile
  holds: number
  /** It was closed, renamed or removed while somebody held it: closed by the last `release`. */
  doomed: boolean
}

export class FileTable {
  readonly disk: Disk
  /** Rises whenever a file was closed. */
  closings = 0
  /** Files were made, renamed or removed since the last `syncNames`. */
  namesChanged = false
  /** In order of last use, oldest first. */
  readonly #entries = new Map<string, OpenFile>()

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
    if (open.doomed && open.holds === 0) open.file.close()
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

  closeAll(): void {
    for (const name of [...this.#entries.keys()]) this.#close(name)
  }

  #use(name: string, create: boolean): OpenFile {
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.#entries.delete(name)
      this.#entries.set(name, known)
      return known
    }
    const file = this.disk.open(name, { create })
    if (file === undefined) {
      throw new DatError('CORRUPT_STORE', `The file ${name} of the store is missing.`, {
        file: name,
        path: this.disk.path,
      })
    }
    if (create) this.namesChanged = true
    const entry = { file, holds: 0, doomed: false }
    this.#entries.set(name, entry)
    this.#makeRoom(name)
    return entry
  }

  #makeRoom(keep: string): void {
    if (this.#entries.size <= OPEN_FILES_MAX) return
    for (const [name, entry] of this.#entries) {
      if (entry.holds > 0 || name === keep) continue
      this.#close(name)
      if (this.#entries.size <= OPEN_FILES_MAX) return
    }
  }

  #close(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.closings++
    if (entry.holds > 0) entry.doomed = true
    else entry.file.close()
  }
}

/**
 * Files of an old store, for reading alone.
 *
 * Owns: the descriptors. At most `STORED_FILES_OPEN_MAX` are open at a time, however many logs a store has; the one that was
 * not used for longest is closed, and opened again when it is needed. Each open file has one window of memory, so a
 * file of any size is never read as a whole. Always true: nothing is opened but regular files, nothing for
 * writing; and whatever cannot be read is `undefined` and told once to `problems`, never thrown.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { STORED_FILES_OPEN_MAX, STORED_WINDOW_BYTES } from '@dat-rhino/core/base/limits'
import { copy } from '@dat-rhino/core/bytes/bytes'
import { fileError, isMissing } from '../files/problems.ts'
import type { ProblemList } from './problems.ts'

/** Windows begin at multiples of this, so that looks to the left and right of one place meet the same window. */
const ALIGN = 4_096

/** Bytes by their place in a log's data, wherever they lie. */
export interface DataSource {
  /** A view, valid until the next call; `undefined` if not all of it is there. */
  read(at: number, length: number): Uint8Array | undefined
  /** The file in which the byte `at` should be. */
  pathAt(at: number): string
}

/** The descriptors of one store. */
export class FilePool {
  /** In order of their last use. */
  readonly #open = new Set<StoredFile>()

  /** The regular file at `path`; `undefined` if there is none, or if it cannot be opened, which is told. */
  file(path: string, problems: ProblemList): StoredFile | undefined {
    const file = new StoredFile(this, path, problems)
    return file.exists() ? file : undefined
  }

  /** The whole content of a small file: `undefined` as `file`, or if it is larger than `bytesMax`, which is told. */
  content(path: string, bytesMax: number, problems: ProblemList): Uint8Array | undefined {
    const file = this.file(path, problems)
    if (file === undefined) return undefined
    if (file.size <= bytesMax) {
      const bytes = file.read(0, file.size)
      const content = bytes && copy(bytes)
      file.release()
      return content
    }
    problems.add('damaged', path, `It has ${file.size} bytes; at most ${bytesMax} are expected.`)
    return undefined
  }

  /** Called by a file that is used. Closes another one if too many are open. */
  used(file: StoredFile): void {
    this.#open.delete(file)
    this.#open.add(file)
    if (this.#open.size <= STORED_FILES_OPEN_MAX) return
    for (const oldest of this.#open) {
      oldest.release()
      return
    }
  }

  released(file: StoredFile): void {
    this.#open.delete(file)
  }

  close(): void {
    for (const file of [...this.#open]) file.release()
  }
}

/** One regular file. */
export class StoredFile implements DataSource {
  readonly path: string
  /** Bytes, when it was opened first. */
  size = 0
  readonly #pool: FilePool
  readonly #problems: ProblemList
  #fd: number | undefined
  #window: Uint8Array | undefined
  #windowAt = 0
  #windowBytes = 0
  /** For reads that are longer than the window. */
  #large: Uint8Array | undefined

  constructor(pool: FilePool, path: string, problems: ProblemList) {
    this.#pool = pool
    this.path = path
    this.#problems = problems
  }

  /** Opens the file and notes its size. */
  exists(): boolean {
    return this.#descriptor() !== undefined
  }

  pathAt(): string {
    return this.path
  }

  read(at: number, length: number): Uint8Array | undefined {
    if (at < 0 || length < 0 || at + length > this.size) return undefined
    const inWindow = at - this.#windowAt
    const window = this.#window
    if (window !== undefined && inWindow >= 0 && inWindow + length <= this.#windowBytes) {
      return window.subarray(inWindow, inWindow + length)
    }
    return length > STORED_WINDOW_BYTES ? this.#readLarge(at, length) : this.#readWindow(at, length)
  }

  /** Closes the descriptor; the next read opens it again. Views that were given stay as they are. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#window = undefined
    this.#windowBytes = 0
    this.#large = undefined
    this.#pool.released(this)
  }

  #readWindow(at: number, length: number): Uint8Array | undefined {
    const fd = this.#descriptor()
    if (fd === undefined) return undefined
    this.#window ??= new Uint8Array(STORED_WINDOW_BYTES)
    const aligned = at - (at % ALIGN)
    const from = at + length <= aligned + STORED_WINDOW_BYTES ? aligned : at
    this.#windowAt = from
    this.#windowBytes = this.#fill(fd, this.#window, STORED_WINDOW_BYTES, from)
    if (at - from + length > this.#windowBytes) return undefined
    return this.#window.subarray(at - from, at - from + length)
  }

  #readLarge(at: number, length: number): Uint8Array | undefined {
    const fd = this.#descriptor()
    if (fd === undefined) return undefined
    if (this.#large === undefined || this.#large.length < length) {
      this.#large = new Uint8Array(length)
    }
    const read = this.#fill(fd, this.#large, length, at)
    return read < length ? undefined : this.#large.subarray(0, length)
  }

  #fill(fd: number, into: Uint8Array, length: number, at: number): number {
    let done = 0
    try {
      while (done < length) {
        const read = readSync(fd, into, done, length - done, at + done)
        if (read === 0) return done
        done += read
      }
    } catch (error) {
      this.#tell(error)
    }
    return done
  }

  #descriptor(): number | undefined {
    this.#fd ??= this.#opened()
    if (this.#fd !== undefined) this.#pool.used(this)
    return this.#fd
  }

  #opened(): number | undefined {
    let fd: number | undefined
    try {
      // Without waiting: where a pipe lies in the place of a file, opening would wait for its other end.
      fd = openSync(this.path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
      const stat = fstatSync(fd)
      if (stat.isFile()) {
        this.size = stat.size
        return fd
      }
      if (!stat.isDirectory()) this.#problems.add('damaged', this.path, 'It is no regular file.')
    } catch (error) {
      if (!isMissing(error)) this.#tell(error)
    }
    if (fd !== undefined) closeSync(fd)
    return undefined
  }

  #tell(error: unknown): void {
    this.#problems.add('damaged', this.path, fileError(error, this.path).message)
  }
}

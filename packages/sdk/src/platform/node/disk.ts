/**
 * A folder of the file system as the disk of a store, and the store in it.
 *
 * Owns: the mapping from the `Disk` contract to Node's file calls, and from the system's errors to ours. Folders are
 * made 0700 and files 0600, because keys lie among them. The lock is advisory, on an open file, so that it ends
 * with its process however that ends, and holds between two stores of one process as well.
 */

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { DatError, type Facts } from '@dat-rhino/core/base/errors'
import { fromUtf8Lossy, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { Disk, DiskFile } from '@dat-rhino/core/store/disk'
import { openStore } from '@dat-rhino/core/store/open'
import type { OpenStoreOptions } from '@dat-rhino/core/store/options'
import type { Store } from '@dat-rhino/core/store/store'
import { trimSync, tryLock } from 'fs-native-extensions'

/** How a folder is opened. */
export interface NodeDiskOptions {
  /** Nothing is made or changed. Default false. */
  readonly readOnly?: boolean
}

/** The file that holds the lock, and the description of whoever has it. */
export const LOCK_NAME = 'lock'
/** Whose inode tells a copy from the original: made once, never replaced. */
const KEYS_NAME = 'keys'
/** The lock lies behind the description, so that the others can read that where locks are mandatory. */
export const LOCK_OFFSET = 0x40000000
const DESCRIPTION_BYTES_MAX = 1_024

/** `statfs` types of file systems that number their files anew at every mount: FAT, exFAT, FUSE, 9p, SMB. */
const UNSTABLE_INODES: ReadonlySet<number> = new Set([
  0x4d44, 0x2011bab0, 0x65735546, 0x01021997, 0x517b, 0xff534d42, 0xfe534d42,
])

/** Makes the folder if it is not there, unless `readOnly`. Throws `NOT_FOUND` or `IO`. */
export function openNodeDisk(folder: string, options: NodeDiskOptions = {}): Disk {
  const readOnly = options.readOnly ?? false
  const absolute = path.resolve(folder)
  if (!readOnly)
    attempt('made', absolute, () => fs.mkdirSync(absolute, { recursive: true, mode: 0o700 }))
  const isThere = fs.statSync(absolute, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (!isThere)
    throw new DatError('NOT_FOUND', `There is no folder ${absolute}.`, { path: absolute })
  return new NodeDisk(absolute, readOnly)
}

/** Opens the store in a folder with the checksum of the platform. Throws like `openStore` and `openNodeDisk`. */
export function openNodeStore(
  folder: string,
  options: Omit<OpenStoreOptions, 'disk' | 'crc32'> = {},
): Promise<Store> {
  const disk = openNodeDisk(folder, { readOnly: options.readOnly ?? false })
  return openStore({ ...options, disk, crc32 })
}

class NodeDisk implements Disk {
  readonly path: string
  readonly readOnly: boolean
  #lockFd: number | undefined

  constructor(folder: string, readOnly: boolean) {
    this.path = folder
    this.readOnly = readOnly
  }

  list(): string[] {
    return attempt('listed', this.path, () => fs.readdirSync(this.path))
  }

  open(name: string, options: { create?: boolean } = {}): DiskFile | undefined {
    const file = this.#pathOf(name)
    const { O_RDONLY, O_RDWR, O_CREAT } = fs.constants
    const flags = this.readOnly ? O_RDONLY : options.create === true ? O_RDWR | O_CREAT : O_RDWR
    try {
      return new NodeFile(name, file, fs.openSync(file, flags, 0o600))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw refused('opened', file, error)
    }
  }

  rename(from: string, to: string): void {
    const target = this.#pathOf(to)
    attempt('renamed', target, () => fs.renameSync(this.#pathOf(from), target))
  }

  remove(name: string): void {
    const file = this.#pathOf(name)
    attempt('removed', file, () => fs.rmSync(file, { force: true }))
  }

  async syncNames(): Promise<void> {
    // Windows has no such call; its file systems keep names in order by themselves.
    if (process.platform === 'win32') return
    const fd = attempt('opened', this.path, () => fs.openSync(this.path, fs.constants.O_RDONLY))
    try {
      await syncFd('synced', this.path, fd, fs.fsync)
    } finally {
      fs.closeSync(fd)
    }
  }

  lock(describe: string): void {
    const file = this.#pathOf(LOCK_NAME)
    const { O_RDWR, O_CREAT } = fs.constants
    const fd = attempt('opened', file, () => fs.openSync(file, O_RDWR | O_CREAT, 0o600))
    try {
      const isOurs = attempt('locked', file, () => tryLock(fd, LOCK_OFFSET, 1))
      if (!isOurs) throw this.#locked(fd)
      const command = process.argv.slice(1, 3).map((part) => path.basename(part))
      const text = `process ${process.pid} on ${os.hostname()} (${command.join(' ')}), ${describe}`
      attempt('written', file, () => {
        fs.ftruncateSync(fd)
        fs.writeSync(fd, utf8(text), 0)
      })
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    this.#lockFd = fd
  }

  #locked(fd: number): DatError {
    const bytes = new Uint8Array(DESCRIPTION_BYTES_MAX)
    const read = fs.readSync(fd, bytes, 0, bytes.length, 0)
    const holder = fromUtf8Lossy(bytes.subarray(0, read))
    return new DatError('STORE_LOCKED', `The store in ${this.path} is in use by ${holder}.`, {
      path: this.path,
      holder,
    })
  }

  unlock(): void {
    if (this.#lockFd === undefined) return
    fs.closeSync(this.#lockFd)
    this.#lockFd = undefined
  }

  freeBytes(): number {
    return attempt('measured', this.path, () => {
      const { bavail, bsize } = fs.statfsSync(this.path)
      return bavail * bsize
    })
  }

  identity(): string {
    const keys = fs.statSync(this.#pathOf(KEYS_NAME), { bigint: true, throwIfNoEntry: false })
    if (keys === undefined) return ''
    const { type } = fs.statfsSync(this.path)
    if (UNSTABLE_INODES.has(type)) return ''
    // Not the device: its number may change when the machine starts again.
    return `${fs.statSync(this.path, { bigint: true }).ino}-${keys.ino}`
  }

  #pathOf(name: string): string {
    return path.join(this.path, name)
  }
}

class NodeFile implements DiskFile {
  readonly name: string
  readonly #path: string
  readonly #fd: number

  constructor(name: string, file: string, fd: number) {
    this.name = name
    this.#path = file
    this.#fd = fd
  }

  size(): number {
    return attempt('measured', this.#path, () => fs.fstatSync(this.#fd).size)
  }

  read(into: Uint8Array, at: number, length: number, from: number): number {
    let done = 0
    try {
      while (done < length) {
        const read = fs.readSync(this.#fd, into, at + done, length - done, from + done)
        if (read === 0) break
        done += read
      }
    } catch (error) {
      throw refused('read', this.#path, error)
    }
    return done
  }

  async readLater(into: Uint8Array, at: number, length: number, from: number): Promise<number> {
    let done = 0
    while (done < length) {
      const read = await this.#readOnce(into, at + done, length - done, from + done)
      if (read === 0) break
      done += read
    }
    return done
  }

  #readOnce(into: Uint8Array, at: number, length: number, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, at, length, from, (error, read) => {
        if (error === null) resolve(read)
        else reject(refused('read', this.#path, error))
      })
    })
  }

  write(bytes: Uint8Array, to: number): void {
    let done = 0
    try {
      while (done < bytes.length) {
        done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, to + done)
      }
    } catch (error) {
      throw refused('written', this.#path, error)
    }
  }

  truncate(size: number): void {
    attempt('cut', this.#path, () => fs.ftruncateSync(this.#fd, size))
  }

  punch(from: number, length: number): boolean {
    // On Windows a hole is made of zeros unless the file was marked for it: nothing would be given back.
    if (process.platform === 'win32') return false
    try {
      trimSync(this.#fd, from, length)
      return true
    } catch (error) {
      if (NO_HOLES.has(codeOf(error))) return false
      throw refused('punched', this.#path, error)
    }
  }

  sync(): Promise<void> {
    return syncFd('synced', this.#path, this.#fd, fs.fdatasync)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

const NO_HOLES: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

type SyncCall = (fd: number, done: (error: NodeJS.ErrnoException | null) => void) => void

function syncFd(what: string, file: string, fd: number, call: SyncCall): Promise<void> {
  return new Promise((resolve, reject) => {
    call(fd, (error) => {
      if (error === null) resolve()
      else reject(refused(what, file, error))
    })
  })
}

function attempt<T>(what: string, file: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    throw refused(what, file, error)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The system's error as ours. */
function refused(what: string, file: string, cause: unknown): DatError {
  const code = codeOf(cause)
  const facts: Facts = { path: file, system: code }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const advice = 'Make room there, or clear or delete what is not needed.'
    return new DatError('STORE_FULL', `The disk has no room for ${file}. ${advice}`, facts, cause)
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const hint = 'it is not yours to write; you may open it for reading'
    return new DatError('IO', `${file} could not be ${what}: ${hint}.`, facts, cause)
  }
  return new DatError('IO', `${file} could not be ${what} (${code}).`, facts, cause)
}

/**
 * A disk in memory that notes every operation, so that a test can cut the power anywhere, and fail on demand.
 *
 * Owns: the model of what a disk may do to unsynced data. `killed` gives the disk as the next process finds it
 * when only our process died: everything is there. `powerCut` gives it as the next boot finds it: what was synced is
 * there; of the rest each sector of 512 bytes, each change of size and each prefix of the name changes may
 * or may not be. Faults are counters: a full disk, and the n-th read, write or sync that fails with all after it.
 */

import { DatError } from '../../src/base/errors.ts'
import type { Disk, DiskFile } from '../../src/store/disk.ts'
import { apply, Content, DiskImage, filesOf, type Op, sectors } from './disk-image.ts'

export interface Faults {
  /** Bytes by which files may still grow. */
  roomBytes: number
  /** The n-th read, write or sync from now on fails, and all after it. */
  readsLeft: number
  writesLeft: number
  syncsLeft: number
  /** What `freeBytes` says; not what there is. */
  freeBytes: number
}

export class FakeDisk implements Disk {
  readonly path = 'fake disk'
  readonly readOnly: boolean
  readonly ops: Op[] = []
  readonly faults: Faults = {
    roomBytes: Number.POSITIVE_INFINITY,
    readsLeft: Number.POSITIVE_INFINITY,
    writesLeft: Number.POSITIVE_INFINITY,
    syncsLeft: Number.POSITIVE_INFINITY,
    freeBytes: Number.POSITIVE_INFINITY,
  }
  /** What `identity` says. */
  id = ''
  canPunch = true
  /** Reads so far, those in the thread pool apart. */
  reads = 0
  laterReads = 0
  /** Called at every synchronous read: a test may let time pass there. */
  onRead: (() => void) | undefined
  readonly #names: Map<string, number>
  readonly #contents: Map<number, Content>
  readonly #initial: ReadonlyMap<string, Uint8Array>
  #next: number
  #isLocked = false
  openFiles = 0

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map(), shared?: FakeDisk) {
    this.#initial = files
    this.readOnly = shared !== undefined
    this.#names = shared === undefined ? new Map() : shared.#names
    this.#contents = shared === undefined ? new Map() : shared.#contents
    this.#next = shared === undefined ? 0 : shared.#next
    for (const [name, bytes] of files) {
      const content = new Content()
      content.write(0, bytes)
      this.#contents.set(this.#next, content)
      this.#names.set(name, this.#next++)
    }
  }

  /** The same files for a reader; nothing can be changed through it. */
  reader(): FakeDisk {
    return new FakeDisk(new Map(), this)
  }

  // ---- The contract ----

  list(): string[] {
    return [...this.#names.keys()]
  }

  open(name: string, options: { create?: boolean } = {}): DiskFile | undefined {
    if (!this.#names.has(name)) {
      if (options.create !== true) return undefined
      this.#change({ kind: 'create', name, id: this.#next++ })
    }
    this.openFiles++
    return new FakeFile(this, name, this.#names.get(name) ?? -1)
  }

  rename(from: string, to: string): void {
    this.#change({ kind: 'rename', name: from, to })
  }

  remove(name: string): void {
    this.#change({ kind: 'remove', name })
  }

  async syncNames(): Promise<void> {
    const began = this.ops.length
    await this.#sync()
    this.ops.push({ kind: 'syncNames', began })
  }

  lock(): void {
    if (this.#isLocked)
      throw new DatError('STORE_LOCKED', 'The store is in use.', { holder: 'test' })
    this.#isLocked = true
  }

  unlock(): void {
    this.#isLocked = false
  }

  freeBytes(): number {
    return this.faults.freeBytes
  }

  identity(): string {
    return this.id
  }

  // ---- For the files ----

  content(id: number): Content {
    const content = this.#contents.get(id)
    if (content === undefined) throw new Error('no such file')
    return content
  }

  countRead(): void {
    if (this.faults.readsLeft-- <= 0) throw new DatError('IO', 'A read failed.')
  }

  async #sync(): Promise<void> {
    await Promise.resolve()
    if (this.faults.syncsLeft-- <= 0) throw new DatError('IO', 'A sync failed.')
  }

  async syncFile(id: number): Promise<void> {
    const began = this.ops.length
    await this.#sync()
    this.ops.push({ kind: 'sync', id, began })
  }

  writeFile(id: number, at: number, bytes: Uint8Array): void {
    if (this.faults.writesLeft-- <= 0) throw new DatError('IO', 'A write failed.')
    const growth = Math.max(at + bytes.length - this.content(id).size, 0)
    const missing = growth - this.faults.roomBytes
    const written = missing > 0 ? bytes.subarray(0, Math.max(bytes.length - missing, 0)) : bytes
    this.faults.roomBytes -= Math.min(growth, this.faults.roomBytes)
    this.#change({ kind: 'write', id, at, bytes: new Uint8Array(written) })
    if (missing > 0) throw new DatError('STORE_FULL', 'No room on the disk.')
  }

  changeFile(op: Op): void {
    if (op.kind === 'truncate') {
      const freed = this.content(op.id).size - op.size
      if (freed > 0) this.faults.roomBytes += freed
    }
    this.#change(op)
  }

  #change(op: Op): void {
    if (this.readOnly) throw new DatError('IO', 'The disk is read-only.')
    this.ops.push(op)
    apply(op, this.#names, this.#contents)
  }

  // ---- Crashes ----

  /** Every file as it is now. */
  files(): Map<string, Uint8Array> {
    return filesOf(this.#names, this.#contents)
  }

  /**
   * The disk after our process died behind operation `count`, and with only `bytes` bytes of that operation if it
   * is a write.
   */
  killed(count: number = this.ops.length, bytes: number = Number.POSITIVE_INFINITY): FakeDisk {
    const image = this.#start()
    for (const [i, op] of this.ops.slice(0, count).entries()) {
      const isCut = op.kind === 'write' && i === count - 1
      image.apply(isCut ? { ...op, bytes: op.bytes.subarray(0, bytes) } : op)
    }
    return this.#found(image)
  }

  /** The disk after the power went behind operation `count`; `chance` says what of the unsynced is there. */
  powerCut(count: number, chance: () => boolean): FakeDisk {
    const image = this.#start()
    const done = this.ops.slice(0, count)
    const syncedTo = new Map<number, number>()
    let namesTo = 0
    for (const op of done) {
      if (op.kind === 'sync') syncedTo.set(op.id, op.began)
      else if (op.kind === 'syncNames') namesTo = op.began
    }
    let areNamesLost = false
    for (const [i, op] of done.entries()) {
      if (op.kind === 'create' || op.kind === 'rename' || op.kind === 'remove') {
        // A journal keeps the order: once one is lost, so are all after it.
        areNamesLost ||= i >= namesTo && !chance()
        if (!areNamesLost) image.apply(op)
        else if (op.kind === 'create') image.makeNameless(op.id)
      } else if (op.kind === 'write' && i >= (syncedTo.get(op.id) ?? 0)) {
        for (const piece of sectors(op.at, op.bytes)) if (chance()) image.apply({ ...op, ...piece })
      } else if (op.kind === 'truncate' && i >= (syncedTo.get(op.id) ?? 0)) {
        if (chance()) image.apply(op)
      } else {
        image.apply(op)
      }
    }
    return this.#found(image)
  }

  #start(): DiskImage {
    return new DiskImage(this.#initial)
  }

  /** A disk of the same machine that begins with these files. */
  #found(image: DiskImage): FakeDisk {
    const disk = new FakeDisk(image.files())
    disk.id = this.id
    return disk
  }
}

class FakeFile implements DiskFile {
  readonly name: string
  readonly #disk: FakeDisk
  readonly #id: number
  #isOpen = true

  constructor(disk: FakeDisk, name: string, id: number) {
    this.#disk = disk
    this.name = name
    this.#id = id
  }

  size(): number {
    return this.#content.size
  }

  read(into: Uint8Array, at: number, length: number, from: number): number {
    this.#disk.reads++
    this.#disk.onRead?.()
    return this.#read(into, at, length, from)
  }

  async readLater(into: Uint8Array, at: number, length: number, from: number): Promise<number> {
    this.#disk.laterReads++
    await Promise.resolve()
    return this.#read(into, at, length, from)
  }

  #read(into: Uint8Array, at: number, length: number, from: number): number {
    this.#disk.countRead()
    const bytes = this.#content.view().subarray(from, from + length)
    into.set(bytes, at)
    return bytes.length
  }

  write(bytes: Uint8Array, to: number): void {
    this.#checkOpen()
    this.#disk.writeFile(this.#id, to, bytes)
  }

  truncate(size: number): void {
    this.#checkOpen()
    this.#disk.changeFile({ kind: 'truncate', id: this.#id, size })
  }

  punch(from: number, length: number): boolean {
    this.#checkOpen()
    if (!this.#disk.canPunch) return false
    this.#disk.changeFile({ kind: 'punch', id: this.#id, at: from, length })
    return true
  }

  sync(): Promise<void> {
    this.#checkOpen()
    return this.#disk.syncFile(this.#id)
  }

  close(): void {
    this.#checkOpen()
    this.#isOpen = false
    this.#disk.openFiles--
  }

  get #content(): Content {
    this.#checkOpen()
    return this.#disk.content(this.#id)
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new Error(`${this.name} is used after it was closed`)
  }
}

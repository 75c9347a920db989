/**
 * The file `index-<n>`: appended to at every checkpoint, written anew when more than half of it is out of date.
 *
 * Owns: the file and the images of its content. A new file is written under another name, synced and renamed, so
 * that at any moment there is one whole index. After a failed write the file is cut back to what it was.
 */

import type { Clock } from '../../base/clock.ts'
import { DatError } from '../../base/errors.ts'
import { Pace } from '../../base/pace.ts'
import { copy } from '../../bytes/bytes.ts'
import type { Writer } from '../../bytes/cursor.ts'
import type { Crc32 } from '../crc32.ts'
import type { FileTable } from './files.ts'
import {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  INDEX_PREFIX,
  KIND_INDEX,
  UNFINISHED,
} from './format.ts'
import { beginFrame, FRAME_HEADER_BYTES, type Frames, readFrames, sealFrame } from './frames.ts'
import { IndexImages } from './index-images.ts'

/** Below this, writing the file anew is not worth it. */
const GARBAGE_BYTES_MIN = 65_536
/** The file is read in pieces of so much. */
const READ_BYTES = 1_048_576
/** Payload of a frame in a new file, about: written in one turn, and later read in one. */
const FRAME_BYTES = 262_144

/** What was read of the newest index. */
export interface StoredIndex {
  readonly number: number
  /** Unknown if the header is damaged; the frames speak for themselves. */
  readonly storeId: Uint8Array | undefined
  readonly bytes: Uint8Array
  readonly frames: Frames
  /** A newer index than this could not be read. */
  readonly isOlder: boolean
}

/** Finds and reads the newest index, in slices; `undefined` if there is none that can be read. */
export async function readIndex(
  files: FileTable,
  crc32: Crc32,
  clock: Clock,
): Promise<StoredIndex | undefined> {
  const pace = new Pace(clock)
  let isOlder = false
  for (const number of indexNumbers(files.disk.list())) {
    const name = INDEX_PREFIX + number
    const content = await readWhole(files, name, pace)
    const header = decodeHeader(content, name, crc32)
    const frames = await readFrames(content, crc32, pace)
    if (frames.before.length + frames.behind.length > 0) {
      const storeId = header && copy(header.storeId)
      return { number, storeId, bytes: content, frames, isOlder }
    }
    isOlder = true
  }
  return undefined
}

/** What is there of the file. */
async function readWhole(files: FileTable, name: string, pace: Pace): Promise<Uint8Array> {
  const bytes = new Uint8Array(files.get(name).size())
  let read = 0
  while (read < bytes.length) {
    // Asked for anew each time: with many files it may have been closed during a turn.
    const piece = files.get(name).read(bytes, read, Math.min(READ_BYTES, bytes.length - read), read)
    if (piece === 0) break
    read += piece
    if (pace.isOver) await pace.turn()
  }
  return bytes.subarray(0, read)
}

/** Newest first. */
export function indexNumbers(names: readonly string[]): number[] {
  return names
    .filter((name) => /^index-\d+$/.test(name))
    .map((name) => Number(name.slice(INDEX_PREFIX.length)))
    .sort((a, b) => b - a)
}

/** Only `checkpoint.ts` writes through it. */
export class IndexFile {
  images: IndexImages
  /** Of the last frame. */
  frame: number
  readonly #files: FileTable
  readonly #crc32: Crc32
  readonly #storeId: Uint8Array
  readonly #syncs: boolean
  #number: number
  /** Bytes of the file that count. */
  #end: number

  /** @param syncs false in durability mode `none` */
  constructor(
    files: FileTable,
    crc32: Crc32,
    storeId: Uint8Array,
    syncs: boolean,
    images: IndexImages,
    state: { readonly number: number; readonly end: number; readonly frame: number },
  ) {
    this.#files = files
    this.#crc32 = crc32
    this.#storeId = storeId
    this.#syncs = syncs
    this.images = images
    this.#number = state.number
    this.#end = state.end
    this.frame = state.frame
  }

  get name(): string {
    return INDEX_PREFIX + this.#number
  }

  get fileBytes(): number {
    return this.#end
  }

  /** Is more than half of the file out of date? */
  get hasGarbage(): boolean {
    return this.#end > 2 * this.images.liveBytes + GARBAGE_BYTES_MIN
  }

  /** Cuts off what a crash left behind the last whole frame. */
  cutTail(): void {
    if (this.#end === 0) return
    const file = this.#files.get(this.name)
    if (file.size() > this.#end) file.truncate(this.#end)
  }

  /** Appends one step. On the disk when this resolves; the images then say the same. */
  async append(writer: Writer): Promise<void> {
    const bytes = copy(sealFrame(writer, this.frame + 1, false, this.#crc32))
    const file = this.#files.get(this.name)
    try {
      file.write(bytes, this.#end)
    } catch (error) {
      file.truncate(this.#end)
      throw error
    }
    if (this.#syncs) await this.#sync(this.name)
    this.#end += bytes.length
    this.frame++
    this.images.add(bytes, FRAME_HEADER_BYTES, bytes.length)
  }

  /**
   * Writes a new file with `last` behind everything in the images. In slices of one frame, with `pause` between.
   *
   * @param last an unsealed frame, complete: base and all segments, and what else is newer than the images
   */
  async rewrite(last: Writer, pause: () => Promise<void>): Promise<void> {
    const old = this.name
    const number = this.#number + 1
    const name = INDEX_PREFIX + number
    const file = this.#files.create(name + UNFINISHED)
    const images = new IndexImages()
    let end = HEADER_BYTES
    let frame = this.frame
    const write = (writer: Writer, continued: boolean): void => {
      const bytes = copy(sealFrame(writer, ++frame, continued, this.#crc32))
      // Not `file`: with many files it may have been closed during a pause.
      this.#files.get(name + UNFINISHED).write(bytes, end)
      images.add(bytes, FRAME_HEADER_BYTES, bytes.length)
      end += bytes.length
    }
    try {
      file.truncate(0)
      file.write(encodeHeader(KIND_INDEX, this.#storeId, number, this.#crc32), 0)
      let writer = beginFrame()
      for (let log = 0; log < this.images.logsEnd; log++) {
        this.images.copyLog(writer, log)
        if (writer.at < FRAME_BYTES) continue
        write(writer, true)
        writer = beginFrame()
        await pause()
      }
      write(writer, true)
      write(last, false)
      if (this.#syncs) await this.#sync(name + UNFINISHED)
    } catch (error) {
      this.#files.remove(name + UNFINISHED)
      throw error
    }
    this.#files.rename(name + UNFINISHED, name)
    if (this.#syncs) await this.#files.syncNames()
    if (this.#number > 0) this.#files.remove(old)
    this.#number = number
    this.#end = end
    this.frame = frame
    this.images = images
  }

  async #sync(name: string): Promise<void> {
    try {
      await this.#files.call(name, (file) => file.sync())
    } catch (cause) {
      // What is on the disk now is not known; the store stops writing.
      throw new DatError('IO', `The file ${name} could not be synced.`, { file: name }, cause)
    }
  }
}

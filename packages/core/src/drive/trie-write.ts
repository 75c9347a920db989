/**
 * Changing a hyperdrive 10.
 *
 * Owns: the rows that are written, byte for byte as hyperdrive 10.21 writes them, and what is refused. These statements
 * always hold:
 *
 * - Bytes are in the content log before the row that speaks of them is in the trie: a crash leaves unused bytes, never a
 *   row without them.
 * - A path below a mount is written into the mounted drive, where that is ours and not fixed at a version.
 * - A file does not take the place of a folder or a mount, nor the other way round: that is `CONFLICT`.
 *
 * Source: generation 2 drives, sections 4, 6 and 7.
 */

import { DatError } from '../base/errors.ts'
import { Mutex } from '../base/mutex.ts'
import { equal } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { MountOptions } from './drive.ts'
import type { Found, MountGraph, Place } from './mount-graph.ts'
import { encodeMount, MOUNT_FLAGS, mountKey } from './mount-record.ts'
import { normalize } from './path.ts'
import {
  FOLDER_MODE,
  fileMode,
  LINK_MODE,
  MODE_FOLDER,
  MODE_PERMISSIONS,
  permitted,
} from './stat.ts'
import { decodeStat, encodeStat, metadataMap, type StatRecord } from './stat-record.ts'
import { hasBelow, placedEntry } from './trie-listing.ts'
import type { DriveEntry, PutFileOptions } from './types.ts'

/** Hidden keys of tags. */
const TAGS_PREFIX = 'hyperdrive-tags'
const NOTHING_WRITTEN = { size: 0, blocks: 0, offset: 0, byteOffset: 0 }

export class TrieWriter {
  readonly #graph: MountGraph
  readonly #root: Place
  readonly #wallClockMs: () => number
  /** Whether a path is free, and the row for it, are one step. */
  readonly #lock = new Mutex()

  constructor(graph: MountGraph, root: Place, wallClockMs: () => number) {
    this.#graph = graph
    this.#root = root
    this.#wallClockMs = wallClockMs
  }

  // ---- Files and links ----

  put(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutFileOptions,
  ): Promise<void> {
    return this.#locked(path, async (found) => {
      this.#checkNoFolder(found)
      const metadata = metadataMap(options.metadata)
      const written = await found.place.files.write(content)
      await putStat(found, {
        mode: fileMode(options),
        ...this.#facts(options),
        ...written,
        metadata,
      })
    })
  }

  amend(path: string, options: PutFileOptions): Promise<boolean> {
    return this.#locked(path, async (found) => {
      const { place, entry } = found
      if (entry === undefined) return false
      const { invalid } = placedEntry(this.#graph, place, entry)
      if (invalid !== undefined || entry.value === undefined) throw unreadable(path, invalid)
      const stat = amended(decodeStat(entry.value), options)
      // A mount stays one.
      await place.files.trie.put(entry.key, encodeStat(stat), { flags: entry.flags })
      return true
    })
  }

  symlink(path: string, target: string, metadata: unknown): Promise<void> {
    return this.#locked(path, async (found) => {
      this.#checkNoFolder(found)
      if (target === '') throw new DatError('BAD_ARGUMENT', 'A link needs a target.', { path })
      const facts = { mode: LINK_MODE, ...this.#facts({}), ...NOTHING_WRITTEN, linkname: target }
      await putStat(found, { ...facts, metadata: metadataMap(metadata) })
    })
  }

  del(path: string): Promise<boolean> {
    return this.#locked(path, async (found) => {
      this.#checkNoFolder(found)
      return this.#delRow(found)
    })
  }

  // ---- Folders ----

  mkdir(path: string, options: PutFileOptions): Promise<void> {
    return this.#locked(path, async (found) => {
      this.#checkFree(found)
      const mode = MODE_FOLDER | ((options.mode ?? FOLDER_MODE) & MODE_PERMISSIONS)
      const metadata = metadataMap(options.metadata)
      await putStat(found, { mode, ...this.#facts(options), ...(await end(found)), metadata })
    })
  }

  rmdir(path: string): Promise<boolean> {
    return this.#locked(path, async (found) => {
      const entry = this.#entryOf(found)
      if (await hasBelow(found, {})) {
        throw new DatError('CONFLICT', `The folder ${path} is not empty: delete its files first.`, {
          path,
        })
      }
      if (entry === undefined) return false
      if (entry.stat.kind !== 'folder' || entry.mount !== undefined) throw taken(entry)
      return this.#delRow(found)
    })
  }

  // ---- Mounts ----

  mount(path: string, key: Uint8Array, { kind = 'drive', version }: MountOptions): Promise<void> {
    if (key.length !== KEY_BYTES) throw new DatError('BAD_ARGUMENT', 'A key has 32 bytes.')
    if (version !== undefined && (!Number.isSafeInteger(version) || version < 1)) {
      throw new DatError('BAD_ARGUMENT', 'A version is a whole number from 1 up.', { version })
    }
    return this.#locked(path, async (found) => {
      this.#checkFree(found)
      if (await hasBelow(found, {})) {
        throw new DatError('CONFLICT', `There are files below ${path}: a mount would hide them.`, {
          path,
        })
      }
      if (kind === 'log') return this.#mountLog(found, key, version)
      if (equal(key, found.place.files.log.key)) {
        throw new DatError('BAD_ARGUMENT', 'A drive is not mounted inside itself.', { path })
      }
      const mount = { key, version, hypercore: false }
      const stat = { mode: FOLDER_MODE, ...this.#facts({}), ...(await end(found)), mount }
      const record = encodeMount({ key, localPath: found.key, version })
      const flags = MOUNT_FLAGS
      await found.place.files.trie.batch([
        { type: 'put', key: mountKey(found.key), value: record, hidden: true, flags },
        { type: 'put', key: found.key, value: encodeStat(stat), flags },
      ])
    })
  }

  /** Size and blocks are those of now; whoever reads it later sees no more. */
  async #mountLog(found: Found, key: Uint8Array, version: number | undefined): Promise<void> {
    if (version !== undefined) {
      const message = 'A log that is mounted has no version: it shows the bytes that it has now.'
      throw new DatError('UNSUPPORTED', message, { version })
    }
    const { log } = await this.#graph.log(key)
    await putStat(found, {
      mode: fileMode({}),
      ...this.#facts({}),
      ...(await end(found)),
      size: log.byteLength,
      blocks: log.length,
      mount: { key, version, hypercore: true },
    })
  }

  unmount(path: string): Promise<boolean> {
    return this.#locked(path, async (found) => {
      const entry = this.#entryOf(found)
      if (entry?.mount === undefined) return false
      if (entry.mount.kind === 'log') return this.#delRow(found)
      await found.place.files.trie.batch([
        { type: 'del', key: mountKey(found.key), hidden: true },
        { type: 'del', key: found.key },
      ])
      return true
    })
  }

  // ---- Tags ----

  async tag(name: string, version: number): Promise<void> {
    const writer = new Writer(8)
    writer.varint(version)
    await this.#root.files.trie.put(tagKey(name), writer.take(), { hidden: true })
  }

  async untag(name: string): Promise<boolean> {
    return (await this.#root.files.trie.del(tagKey(name), { hidden: true })) !== undefined
  }

  async tags(options: WaitOptions): Promise<Map<string, number>> {
    const tags = new Map<string, number>()
    const rows = this.#root.reader.entries(TAGS_PREFIX, { hidden: true, gt: true }, options)
    for await (const { key, value } of rows) {
      if (value === undefined) continue
      const name = key.slice(TAGS_PREFIX.length + 1)
      try {
        tags.set(name, new Reader(value).varint())
      } catch (error) {
        throw new DatError('BAD_CONTENT', `The tag ${name} names no version.`, { name }, error)
      }
    }
    return tags
  }

  // ---- What they share ----

  async #locked<T>(path: string, write: (found: Found) => Promise<T>): Promise<T> {
    const key = normalize(path).slice(1)
    const release = await this.#lock.acquire()
    try {
      const found = await this.#graph.find({ place: this.#root, key }, {})
      checkWritable(found)
      return await write(found)
    } finally {
      release()
    }
  }

  #facts(options: PutFileOptions): Pick<StatRecord, 'uid' | 'gid' | 'mtime' | 'ctime'> {
    const { uid = 0, gid = 0, mtimeMs, ctimeMs } = options
    const mtime = whole(mtimeMs ?? this.#wallClockMs())
    return { uid, gid, mtime, ctime: whole(ctimeMs ?? this.#wallClockMs()) }
  }

  #entryOf({ place, entry }: Found): DriveEntry | undefined {
    return entry && placedEntry(this.#graph, place, entry)
  }

  #checkFree(found: Found): void {
    const entry = this.#entryOf(found)
    if (entry !== undefined) throw taken(entry)
  }

  #checkNoFolder(found: Found): void {
    const entry = this.#entryOf(found)
    const isFolder = entry?.stat.kind === 'folder' || entry?.mount?.kind === 'drive'
    if (entry !== undefined && isFolder) throw taken(entry)
  }

  async #delRow({ place, entry }: Found): Promise<boolean> {
    if (entry === undefined) return false
    return (await place.files.trie.del(entry.key)) !== undefined
  }
}

function checkWritable({ place }: Found): void {
  if (!place.pinned && place.files.trie.writable) return
  const where = place.base === '' ? 'This drive' : `The drive that is mounted at ${place.base}`
  const facts = { path: place.base }
  if (place.pinned) {
    const message = `${where} shows a version that stays: write to a mount without one.`
    throw new DatError('NOT_WRITABLE', message, { ...facts, reason: 'version' })
  }
  try {
    place.files.trie.checkWritable()
  } catch (error) {
    if (place.base === '' || !(error instanceof DatError)) throw error
    const message = `${where} can't be written. ${error.message}`
    throw new DatError(error.code, message, { ...error.facts, ...facts }, error)
  }
}

async function putStat({ place, key }: Found, stat: StatRecord): Promise<void> {
  await place.files.trie.put(key, encodeStat(stat))
}

/** What the options do not name stays. */
function amended(stat: StatRecord, options: PutFileOptions): StatRecord {
  const { mode, executable, metadata, uid, gid, mtimeMs, ctimeMs } = options
  const isPermitted = mode !== undefined || executable !== undefined
  return {
    ...stat,
    ...(isPermitted && { mode: permitted(stat.mode, { mode, executable }) }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(mtimeMs !== undefined && { mtime: whole(mtimeMs) }),
    ...(ctimeMs !== undefined && { ctime: whole(ctimeMs) }),
    ...(metadata !== undefined && { metadata: metadataMap(metadata) }),
  }
}

function unreadable(path: string, why = 'it has no value'): DatError {
  return new DatError('BAD_CONTENT', `The entry of ${path} is damaged: ${why}. Write it anew.`, {
    path,
  })
}

/** The end of the content log, which hyperdrive notes where there is no content. */
async function end({ place }: Found): Promise<typeof NOTHING_WRITTEN> {
  const { log } = await place.files.content({})
  return { size: 0, blocks: 0, offset: log.length, byteOffset: log.byteLength }
}

function taken({ path, stat, mount }: DriveEntry): DatError {
  const what =
    mount !== undefined ? 'a mount' : stat.kind === 'folder' ? 'a folder' : `a ${stat.kind}`
  const how = mount?.kind === 'drive' ? 'unmount' : stat.kind === 'folder' ? 'rmdir' : 'del'
  return new DatError('CONFLICT', `${path} is ${what}: take it away first (${how}).`, { path })
}

function tagKey(name: string): string {
  if (name !== '' && !name.startsWith('/') && !name.endsWith('/')) return `${TAGS_PREFIX}/${name}`
  throw new DatError('BAD_ARGUMENT', 'A tag is a name without a slash at its ends.', { name })
}

function whole(timeMs: number): number {
  const time = Math.floor(timeMs)
  if (Number.isSafeInteger(time) && time >= 0) return time
  throw new DatError('BAD_ARGUMENT', 'A time is given in milliseconds since 1970.', { timeMs })
}

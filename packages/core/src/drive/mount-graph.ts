/**
 * Drives inside a drive.
 *
 * Owns: which drive a path leads into, and the open drives. A drive may be mounted at many paths, in others and in
 * itself; it is open once. What strangers can make us hold is bounded: `MOUNT_DEPTH_MAX` drives on the way to a path,
 * `MOUNTED_DRIVES_MAX` open at a time. Beyond, the path fails with `OVER_LIMIT`; the others go on.
 * Source: the hypertrie specification, section 11.
 */

import { DatError } from '../base/errors.ts'
import { MOUNT_DEPTH_MAX, MOUNTED_DRIVES_MAX } from '../base/limits.ts'
import { hex } from '../bytes/bytes.ts'
import type { TrieEntry, TrieReader } from '../index/trie/trie.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import { Blobs } from './blobs.ts'
import { decodeMount, MOUNTS_PREFIX, type MountRecord, mountKey } from './mount-record.ts'
import { TrieFiles } from './trie-content.ts'
import type { DriveEntry, LogProvider } from './types.ts'

/** A drive as it is seen from the outermost one. */
export interface Place {
  readonly files: TrieFiles
  /** The version that is shown. */
  readonly reader: TrieReader
  /** Path of its root in the outermost drive: empty, or with a slash in front. */
  readonly base: string
  /** Is that a version that stays? */
  readonly pinned: boolean
  /** The drives on the way, from the outermost to this one, by key. */
  readonly chain: readonly string[]
}

/** A key of one of the drives. */
export interface Spot {
  readonly place: Place
  /** Without a slash in front; empty for the root. */
  readonly key: string
}

/** What stands there. */
export interface Found extends Spot {
  readonly entry: TrieEntry | undefined
}

export class MountGraph {
  readonly #store: LogProvider
  readonly #root: TrieFiles
  readonly #readOnly: boolean
  /** Mounted drives, and logs that are shown as files, by key. */
  readonly #drives = new Map<string, Promise<TrieFiles>>()
  readonly #logs = new Map<string, Promise<Log>>()
  /** Which drive an entry that we gave is from. */
  readonly #owners = new WeakMap<DriveEntry, TrieFiles>()

  constructor(store: LogProvider, root: TrieFiles, readOnly: boolean) {
    this.#store = store
    this.#root = root
    this.#readOnly = readOnly
  }

  /** The outermost drive, read through `reader`. */
  root(reader: TrieReader, pinned: boolean): Place {
    return { files: this.#root, reader, base: '', pinned, chain: [hex(this.#root.log.key)] }
  }

  /** Remembers whose entry it is. */
  own(entry: DriveEntry, files: TrieFiles): DriveEntry {
    this.#owners.set(entry, files)
    return entry
  }

  ownerOf(entry: DriveEntry): TrieFiles | undefined {
    return this.#owners.get(entry)
  }

  // ---- Paths -------------------------------------------------------------------------------------

  /** Goes down through mounts until the key is there, or is known to be nowhere. */
  async find(start: Spot, options: WaitOptions): Promise<Found> {
    let spot: Spot | undefined = start
    for (;;) {
      const { place, key }: Spot = spot
      const entry: TrieEntry | undefined =
        key === '' ? undefined : await place.reader.get(key, {}, options)
      if (entry !== undefined) return { place, key, entry }
      spot = await this.#below(place, key, options)
      if (spot === undefined) return { place, key, entry: undefined }
    }
  }

  /** Where what is below a folder stands: behind a mount if the folder is one, or lies in one. */
  async enter(start: Spot, options: WaitOptions): Promise<Spot> {
    let spot: Spot = start
    for (;;) {
      const { place, key }: Spot = spot
      if (key === '') return spot
      const inside: Place | undefined = await this.mounted(place, key, options)
      if (inside !== undefined) return { place: inside, key: '' }
      const next = await this.#below(place, key, options)
      if (next === undefined) return spot
      spot = next
    }
  }

  /** The drive that is mounted at this very key. */
  async mounted(place: Place, key: string, options: WaitOptions): Promise<Place | undefined> {
    const entry = await place.reader.get(mountKey(key), { hidden: true }, options)
    const record = entry && decodeMount(entry)
    return record && this.#open(place, key, record)
  }

  /** The rest of a key whose beginning is a mount. */
  async #below(place: Place, key: string, options: WaitOptions): Promise<Spot | undefined> {
    if (key === '') return undefined
    const how = { hidden: true, closest: true }
    const entry = await place.reader.get(mountKey(key), how, options)
    if (entry === undefined || !entry.key.startsWith(`${MOUNTS_PREFIX}/`)) return undefined
    // Where the record stands is where the mount is, whatever it says itself.
    const local = entry.key.slice(MOUNTS_PREFIX.length + 1)
    if (!key.startsWith(`${local}/`)) return undefined
    const record = decodeMount(entry)
    if (record === undefined) return undefined
    return {
      place: await this.#open(place, local, record),
      key: key.slice(local.length + 1),
    }
  }

  // ---- Open drives -------------------------------------------------------------------------------

  async #open(outer: Place, local: string, { key, version }: MountRecord): Promise<Place> {
    const base = `${outer.base}/${local}`
    if (outer.chain.length >= MOUNT_DEPTH_MAX) {
      throw new DatError(
        'OVER_LIMIT',
        `There are more than ${MOUNT_DEPTH_MAX} drives inside each other at ${base}: open the inner one by its key.`,
        { path: base },
      )
    }
    const name = hex(key)
    const files = name === hex(this.#root.log.key) ? this.#root : await this.#drive(name, key)
    // In a drive of ours there is nothing to wait for.
    if (version !== undefined && files.log.writable && version > files.trie.version) {
      throw new DatError(
        'BAD_CONTENT',
        `Version ${version} is mounted at ${base}, and the drive has ${files.trie.version}.`,
        { path: base, version },
      )
    }
    return {
      files,
      reader: version === undefined ? files.trie : files.trie.checkout(version),
      base,
      pinned: outer.pinned || version !== undefined,
      chain: [...outer.chain, name],
    }
  }

  #drive(name: string, key: Uint8Array): Promise<TrieFiles> {
    return kept(this.#drives, name, this.#size, async () => {
      const log = await this.#store.get({ key, generation: this.#root.log.generation.id })
      return TrieFiles.open(this.#store, log, { readOnly: this.#readOnly })
    })
  }

  /** A log that is shown as a file. */
  async log(key: Uint8Array): Promise<Blobs> {
    const log = await kept(this.#logs, hex(key), this.#size, () =>
      this.#store.get({ key, generation: this.#root.log.generation.id }),
    )
    return Blobs.open(log)
  }

  get #size(): number {
    return this.#drives.size + this.#logs.size
  }

  async close(): Promise<void> {
    const opened = [...this.#drives.values(), ...this.#logs.values()]
    this.#drives.clear()
    this.#logs.clear()
    await Promise.all(opened.map((opening) => opening.then((it) => it.close(), ignore)))
    await this.#root.close()
  }
}

/** What is open under a name, or opens it. A failure is not kept. */
function kept<T>(
  map: Map<string, Promise<T>>,
  name: string,
  size: number,
  open: () => Promise<T>,
): Promise<T> {
  const known = map.get(name)
  if (known !== undefined) return known
  if (size >= MOUNTED_DRIVES_MAX) {
    const message = `More than ${MOUNTED_DRIVES_MAX} drives are mounted here: open the inner one by its key.`
    return Promise.reject(new DatError('OVER_LIMIT', message))
  }
  const opening = open()
  map.set(name, opening)
  opening.catch(() => map.delete(name))
  return opening
}

function ignore(): void {
  // Was told to whoever asked for it.
}

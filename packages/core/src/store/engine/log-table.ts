/**
 * The logs of a store: by number, by discovery key, by name.
 *
 * Owns: which logs there are, and their slots. A log that nobody asked for is a number behind a hash of its discovery
 * key, another behind a hash of its name, and an offset in the index; its slot is made when it is asked for, and stays.
 * Of the index only what is asked for is decoded, and names are compared where they stand.
 */

import { DatError, invariant } from '../../base/errors.ts'
import type { Pace } from '../../base/pace.ts'
import { contains, copy, EMPTY, equal, equalAt, utf8 } from '../../bytes/bytes.ts'
import { Reader } from '../../bytes/cursor.ts'
import { readU32LE } from '../../bytes/integers.ts'
import { KEY_BYTES } from '../../crypto/crypto.ts'
import { EMPTY_HEAD, entryOf } from '../checks.ts'
import type { Alias, Head, LogEntry, LogIdentity } from '../store.ts'
import type { Image, IndexImages } from './index-images.ts'
import {
  generationOf,
  IDENTITY_AT,
  readIdentityItem,
  readState,
  readStateHead,
  readSummary,
  readUserData,
} from './index-items.ts'
import {
  IDENTITY_DISCOVERY_KEY_AT,
  IDENTITY_KEY_AT,
  identityAliasAt,
  identityManifest,
  isOwnIdentity,
} from './items.ts'
import type { KeyFile } from './key-file.ts'
import { LogIndex } from './log-index.ts'
import { EngineSlot, type SlotHost } from './slot.ts'
import { SlotState, type StateHost } from './slot-state.ts'

/** Where keys stand in the body of an identity in the index. */
const KEY_AT: number = IDENTITY_AT + IDENTITY_KEY_AT
const DISCOVERY_KEY_AT: number = IDENTITY_AT + IDENTITY_DISCOVERY_KEY_AT

/** Last use is kept in hours. */
const HOUR_MS = 3_600_000
/** Keys of so many entries lie in one piece of memory. */
const ENTRIES_TOGETHER = 64

export class LogTable {
  /** Number of the next log. */
  next: number
  /** Logs whose state differs from what the index file says. */
  readonly changed: Set<SlotState> = new Set()
  /** Logs that the index file still has. */
  readonly removed: Set<number> = new Set()
  /** Hours of last use that the index file does not know yet. */
  readonly usedNow: Map<number, number> = new Map()
  readonly #images: () => IndexImages
  readonly #keys: KeyFile
  readonly #stateHost: StateHost
  readonly #slotHost: SlotHost
  #byDiscoveryKey = new LogIndex()
  #byAlias = new LogIndex()
  readonly #slots = new Map<number, EngineSlot>()

  constructor(images: () => IndexImages, keys: KeyFile, stateHost: StateHost, slotHost: SlotHost) {
    this.#images = images
    this.#keys = keys
    this.#stateHost = stateHost
    this.#slotHost = slotHost
    this.next = images().base?.nextLog ?? 0
  }

  /** Takes over the logs of the index. To be called once, before anything else is asked. */
  async fill(pace: Pace): Promise<void> {
    const images = this.#images()
    const index = new LogIndex(images.logsEnd)
    let aliases: LogIndex | undefined
    const reader = new Reader(EMPTY)
    for (let log = 0; log < images.logsEnd; log++) {
      if (pace.due()) await pace.turn()
      const at = images.identityAt(log)
      if (at === 0) continue
      const bytes = images.identityBytes(log)
      index.add(readU32LE(bytes, at + DISCOVERY_KEY_AT), log)
      const from = identityAliasAt(bytes, at + IDENTITY_AT)
      if (from === 0) continue
      aliases ??= new LogIndex(images.logsEnd)
      aliases.add(storedHash(bytes, from, reader), log)
    }
    this.#byDiscoveryKey = index
    if (aliases !== undefined) this.#byAlias = aliases
  }

  get size(): number {
    return this.#byDiscoveryKey.size
  }

  numbers(): number[] {
    const numbers: number[] = []
    for (let log = 0; log < this.next; log++) if (this.#has(log)) numbers.push(log)
    return numbers
  }

  #has(log: number): boolean {
    return this.#slots.has(log) || (!this.removed.has(log) && this.#images().has(log))
  }

  // ---- Lists ----

  /** What lists show of each log, from its slot or from the index: no page is read and no slot made. */
  *entries(): Iterable<LogEntry> {
    const keys = new KeyRoom()
    let namespace: Uint8Array = EMPTY
    for (let log = 0; log < this.next; log++) {
      if (!this.#has(log)) continue
      const usedMs = this.#usedHour(log) * HOUR_MS
      const slot = this.#slots.get(log)
      const image = slot === undefined ? this.#images().identity(log) : undefined
      const entry =
        slot !== undefined
          ? entryOf(slot, usedMs)
          : image && this.#storedEntry(log, image, usedMs, keys, namespace)
      if (entry === undefined) continue
      namespace = entry.alias?.namespace ?? namespace
      yield entry
    }
  }

  /** @param namespace that of the log before: most logs of a store share one */
  #storedEntry(
    log: number,
    { bytes, at }: Image,
    usedMs: number,
    keys: KeyRoom,
    namespace: Uint8Array,
  ): LogEntry {
    const state = this.#images().state(log)
    const { length, fork, heldBlocks, heldBytes } =
      state === undefined ? NOTHING_HELD : readSummary(state.bytes, state.at, state.length)
    return {
      log,
      key: keys.copy(bytes, at + KEY_AT),
      discoveryKey: keys.copy(bytes, at + DISCOVERY_KEY_AT),
      generation: generationOf(bytes, at),
      alias: storedAlias(bytes, at, namespace),
      isOwn: isOwnIdentity(bytes, at + IDENTITY_AT),
      ...{ length, fork, heldBlocks, heldBytes, usedMs },
    }
  }

  /** Logs that have user data of a name. */
  withUserData(name: string): number[] {
    const logs = this.#images()
      .withUserData(name)
      .filter((log) => {
        return !this.#slots.has(log) && !this.removed.has(log)
      })
    for (const [log, { state }] of this.#slots) if (state.userData?.has(name)) logs.push(log)
    return logs.sort((a, b) => a - b)
  }

  /** Somebody uses the log in this hour. */
  used(log: number, hour: number): void {
    if (this.#usedHour(log) !== hour) this.usedNow.set(log, hour)
  }

  #usedHour(log: number): number {
    return this.usedNow.get(log) ?? this.#images().usedHour(log)
  }

  // ---- One log ----

  find(discoveryKey: Uint8Array): number | undefined {
    return this.#byDiscoveryKey.find(readU32LE(discoveryKey, 0), discoveryKey, this.#isKeyOf)
  }

  readonly #isKeyOf = (log: number, discoveryKey: Uint8Array): boolean => {
    const images = this.#images()
    const at = images.identityAt(log)
    if (at === 0) return equal(this.#slots.get(log)?.identity.discoveryKey ?? EMPTY, discoveryKey)
    return equalAt(images.identityBytes(log), at + DISCOVERY_KEY_AT, discoveryKey, 0, KEY_BYTES)
  }

  findAlias({ namespace, name }: Alias): number | undefined {
    const wanted = { namespace, name: utf8(name) }
    return this.#byAlias.find(
      aliasHash(namespace, 0, wanted.name, 0, wanted.name.length),
      wanted,
      this.#isNameOf,
    )
  }

  readonly #isNameOf = (log: number, { namespace, name }: AliasBytes): boolean => {
    const images = this.#images()
    const at = images.identityAt(log)
    if (at === 0) {
      const alias = this.#slots.get(log)?.identity.alias
      return (
        alias !== undefined && equal(alias.namespace, namespace) && equal(utf8(alias.name), name)
      )
    }
    const bytes = images.identityBytes(log)
    const from = identityAliasAt(bytes, at + IDENTITY_AT)
    if (from === 0 || !equalAt(bytes, from, namespace, 0, KEY_BYTES)) return false
    const reader = new Reader(bytes, from + KEY_BYTES)
    return reader.uint() === name.length && equalAt(bytes, reader.at, name, 0, name.length)
  }

  /** The slot of a log that is there. Throws `NOT_FOUND`. */
  slot(log: number): EngineSlot {
    const known = this.#slots.get(log) ?? this.#load(log)
    if (known !== undefined) return known
    throw notFound(log)
  }

  /** The slot of a log if it is there. */
  slotIf(log: number): EngineSlot | undefined {
    return this.#slots.get(log) ?? this.#load(log)
  }

  /** Logs of which blocks or nodes lie beyond the head's length. */
  beyondHeads(): EngineSlot[] {
    for (const log of this.#images().logsBeyond()) this.slotIf(log)
    return [...this.#slots.values()].filter(({ state }) => state.extent > state.length)
  }

  add(log: number, identity: LogIdentity): EngineSlot {
    const { publicKey } = identity
    const secretKey = identity.secretKey ?? (publicKey && this.#keys.secretKey(publicKey))
    const own = { ...identity, secretKey }
    const state = new SlotState(this.#stateHost, log, identity.generation, own)
    const slot = new EngineSlot(this.#slotHost, state)
    this.next = Math.max(this.next, log + 1)
    this.restore(slot)
    state.touchAll()
    return slot
  }

  /** Puts back a log that was removed and is not after all. */
  restore(slot: EngineSlot): void {
    const { discoveryKey, alias } = slot.identity
    this.#slots.set(slot.log, slot)
    this.#byDiscoveryKey.add(readU32LE(discoveryKey, 0), slot.log)
    if (alias !== undefined) this.#byAlias.add(hashOf(alias), slot.log)
    this.removed.delete(slot.log)
    this.changed.add(slot.state)
  }

  remove(slot: EngineSlot): void {
    const { discoveryKey, alias } = slot.identity
    // Whoever still has the slot may ask it who it was.
    slot.state.keepAll()
    invariant(this.#slots.delete(slot.log), 'A log was removed twice.', { log: slot.log })
    this.#byDiscoveryKey.remove(readU32LE(discoveryKey, 0), slot.log)
    if (alias !== undefined) this.#byAlias.remove(hashOf(alias), slot.log)
    this.removed.add(slot.log)
    this.usedNow.delete(slot.log)
    this.changed.delete(slot.state)
  }

  #load(log: number): EngineSlot | undefined {
    if (this.removed.has(log)) return undefined
    const images = this.#images()
    const image = images.identity(log)
    if (image === undefined) return undefined
    const generation = generationOf(image.bytes, image.at)
    const state = new SlotState(this.#stateHost, log, generation, undefined)
    const newest = images.state(log)
    if (newest !== undefined) readState(newest.bytes, newest.at, newest.length, state)
    for (const data of images.userData(log)) {
      const { name, value } = readUserData(data.bytes, data.at, data.length)
      if (value === undefined) continue
      state.userData ??= new Map()
      state.userData.set(name, value)
    }
    const slot = new EngineSlot(this.#slotHost, state)
    this.#slots.set(log, slot)
    return slot
  }

  /** The identity as the index has it, with its secret key where that is in the file of keys. */
  identityOf(log: number): LogIdentity {
    const image = this.#images().identity(log)
    if (image === undefined) throw notFound(log)
    const stored = readIdentityItem(image.bytes, image.at, image.length)
    const secretKey = stored.publicKey && this.#keys.secretKey(stored.publicKey)
    return secretKey === undefined ? stored : { ...stored, secretKey }
  }

  /** Copies the key and the discovery key that the index has. */
  copyKeysOf(log: number, into: Uint8Array): void {
    const { bytes, at } = this.#stored(log)
    for (let i = 0; i < 2 * KEY_BYTES; i++) into[i] = bytes[at + IDENTITY_KEY_AT + i] ?? 0
  }

  isOwn(log: number): boolean {
    const { bytes, at } = this.#stored(log)
    return isOwnIdentity(bytes, at) || identityAliasAt(bytes, at) !== 0
  }

  isHashOfManifest(log: number): boolean {
    const { bytes, at } = this.#stored(log)
    const manifest = identityManifest(bytes, at)
    const key = bytes.subarray(at + IDENTITY_KEY_AT, at + IDENTITY_DISCOVERY_KEY_AT)
    return manifest !== undefined && !contains(manifest, key)
  }

  /** Where the identity stands in the index. */
  #stored(log: number): { readonly bytes: Uint8Array; readonly at: number } {
    const images = this.#images()
    const at = images.identityAt(log)
    if (at === 0) throw notFound(log)
    return { bytes: images.identityBytes(log), at: at + IDENTITY_AT }
  }

  /** The head as the index has it. */
  headOf(log: number): Head {
    const image = this.#images().state(log)
    return image === undefined ? EMPTY_HEAD : readStateHead(image.bytes, image.at, image.length)
  }
}

// ---- Names, as they stand in the index -----------------------------------------------------------

/** An alias with its name in UTF-8. */
interface AliasBytes {
  readonly namespace: Uint8Array
  readonly name: Uint8Array
}

function hashOf({ namespace, name }: Alias): number {
  const bytes = utf8(name)
  return aliasHash(namespace, 0, bytes, 0, bytes.length)
}

/** Of the alias that stands at `at`. */
function storedHash(bytes: Uint8Array, at: number, reader: Reader): number {
  reader.reset(bytes, at + KEY_BYTES)
  const length = reader.uint()
  return aliasHash(bytes, at, bytes, reader.at, length)
}

/** FNV-1a, of the beginning of the namespace, which is a hash or zero, and of the name. */
function aliasHash(
  namespace: Uint8Array,
  namespaceAt: number,
  name: Uint8Array,
  nameAt: number,
  nameBytes: number,
): number {
  let hash = 0x811c9dc5 ^ readU32LE(namespace, namespaceAt)
  for (let i = 0; i < nameBytes; i++) hash = Math.imul(hash ^ (name[nameAt + i] ?? 0), 0x0100_0193)
  // The last byte alone would move the place in the table by little.
  return hash ^ (hash >>> 15)
}

/** The alias in the body of an identity. @param known a namespace that is used again if it is the same */
function storedAlias(bytes: Uint8Array, at: number, known: Uint8Array): Alias | undefined {
  const from = identityAliasAt(bytes, at + IDENTITY_AT)
  if (from === 0) return undefined
  const isKnown = equalAt(bytes, from, known, 0, KEY_BYTES)
  const namespace = isKnown ? known : copy(bytes.subarray(from, from + KEY_BYTES))
  return { namespace, name: new Reader(bytes, from + KEY_BYTES).string() }
}

/** Copies of keys, many in one piece of memory: each of its own would take three times the memory. */
class KeyRoom {
  #room: Uint8Array = EMPTY
  #at = 0

  copy(bytes: Uint8Array, from: number): Uint8Array {
    if (this.#at === this.#room.length) {
      this.#room = new Uint8Array(2 * ENTRIES_TOGETHER * KEY_BYTES)
      this.#at = 0
    }
    const key = this.#room.subarray(this.#at, this.#at + KEY_BYTES)
    for (let i = 0; i < KEY_BYTES; i++) key[i] = bytes[from + i] ?? 0
    this.#at += KEY_BYTES
    return key
  }
}

const NOTHING_HELD = { length: 0, fork: 0, heldBlocks: 0, heldBytes: 0 } as const

function notFound(log: number): DatError {
  return new DatError('NOT_FOUND', `The store has no log ${log}.`, { log })
}

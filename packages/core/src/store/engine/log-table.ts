/**
 * The logs of a store: by number, by discovery key, by name.
 *
 * Owns: which logs there are, and their slots. A log that nobody asked for is a number behind its discovery key and
 * an offset in the index; its slot is made when it is asked for, and stays.
 */

import { DatError, invariant } from '../../base/errors.ts'
import { equal, equalAt } from '../../bytes/bytes.ts'
import { KEY_BYTES } from '../../crypto/crypto.ts'
import { aliasText, EMPTY_HEAD } from '../checks.ts'
import type { Alias, LogEntry, LogIdentity } from '../store.ts'
import { DiscoveryIndex } from './discovery-index.ts'
import type { IndexImages } from './index-images.ts'
import { readIdentityItem, readState, readSummary, readUserData } from './index-items.ts'
import { IDENTITY_DISCOVERY_KEY_AT } from './items.ts'
import type { KeyFile } from './key-file.ts'
import { EngineSlot, type SlotHost } from './slot.ts'
import { SlotState, type StateHost } from './slot-state.ts'

/** The discovery key in the body of an identity in the index: behind the log's number. */
const DISCOVERY_KEY_AT = 4 + IDENTITY_DISCOVERY_KEY_AT

/** Last use is kept in hours. */
const HOUR_MS = 3_600_000

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
  readonly #byDiscoveryKey: DiscoveryIndex
  /** Filled when somebody first asks for a name. */
  #byAlias: Map<string, number> | undefined
  readonly #slots = new Map<number, EngineSlot>()

  constructor(images: () => IndexImages, keys: KeyFile, stateHost: StateHost, slotHost: SlotHost) {
    this.#images = images
    this.#keys = keys
    this.#stateHost = stateHost
    this.#slotHost = slotHost
    this.next = images().base?.nextLog ?? 0
    const index = new DiscoveryIndex((log, key) => this.#isKeyOf(log, key))
    this.#byDiscoveryKey = index
    images().eachIdentity((log, bytes, at) => index.add(bytes, at + DISCOVERY_KEY_AT, log))
  }

  #isKeyOf(log: number, discoveryKey: Uint8Array): boolean {
    const slot = this.#slots.get(log)
    if (slot !== undefined) return equal(slot.identity.discoveryKey, discoveryKey)
    const image = this.#images().identity(log)
    if (image === undefined) return false
    return equalAt(image.bytes, image.at + DISCOVERY_KEY_AT, discoveryKey, 0, KEY_BYTES)
  }

  get size(): number {
    return this.#byDiscoveryKey.size
  }

  numbers(): number[] {
    return this.#byDiscoveryKey.numbers().sort((a, b) => a - b)
  }

  /** What lists show of each log, from its slot or from the index: no page is read and no slot made. */
  *entries(): Iterable<LogEntry> {
    for (const log of this.numbers()) {
      const slot = this.#slots.get(log)
      const known = slot === undefined ? this.#storedEntry(log) : entryOf(slot)
      if (known !== undefined) yield { log, ...known, usedMs: this.#usedHour(log) * HOUR_MS }
    }
  }

  #storedEntry(log: number): Omit<LogEntry, 'log' | 'usedMs'> | undefined {
    const images = this.#images()
    const image = images.identity(log)
    if (image === undefined) return undefined
    const identity = readIdentityItem(image.bytes, image.at, image.length)
    const state = images.state(log)
    if (state === undefined) return { identity, head: EMPTY_HEAD, heldBlocks: 0, heldBytes: 0 }
    return { identity, ...readSummary(state.bytes, state.at, state.length) }
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

  find(discoveryKey: Uint8Array): number | undefined {
    return this.#byDiscoveryKey.find(discoveryKey)
  }

  findAlias(alias: Alias): number | undefined {
    return this.#aliases().get(aliasText(alias))
  }

  /** The slot of a log that is there. Throws `NOT_FOUND`. */
  slot(log: number): EngineSlot {
    const known = this.#slots.get(log) ?? this.#load(log)
    if (known !== undefined) return known
    throw new DatError('NOT_FOUND', `The store has no log ${log}.`, { log })
  }

  /** The slot of a log if it is there. */
  slotIf(log: number): EngineSlot | undefined {
    return this.#slots.get(log) ?? this.#load(log)
  }

  /** Logs of which blocks or nodes lie beyond the head's length. */
  beyondHeads(): EngineSlot[] {
    for (const log of this.#images().logsBeyond()) this.slotIf(log)
    return [...this.#slots.values()].filter(({ state }) => state.extent > state.head.length)
  }

  add(log: number, identity: LogIdentity): EngineSlot {
    const { publicKey } = identity
    const secretKey = identity.secretKey ?? (publicKey && this.#keys.secretKey(publicKey))
    const state = new SlotState(this.#stateHost, log, { ...identity, secretKey })
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
    this.#byDiscoveryKey.add(discoveryKey, 0, slot.log)
    if (alias !== undefined) this.#byAlias?.set(aliasText(alias), slot.log)
    this.removed.delete(slot.log)
    this.changed.add(slot.state)
  }

  remove(slot: EngineSlot): void {
    const { discoveryKey, alias } = slot.identity
    invariant(this.#slots.delete(slot.log), 'A log was removed twice.', { log: slot.log })
    this.#byDiscoveryKey.remove(discoveryKey, slot.log)
    if (alias !== undefined) this.#byAlias?.delete(aliasText(alias))
    this.removed.add(slot.log)
    this.usedNow.delete(slot.log)
    this.changed.delete(slot.state)
  }

  #load(log: number): EngineSlot | undefined {
    if (this.removed.has(log)) return undefined
    const images = this.#images()
    const image = images.identity(log)
    if (image === undefined) return undefined
    const stored = readIdentityItem(image.bytes, image.at, image.length)
    const secretKey = stored.publicKey && this.#keys.secretKey(stored.publicKey)
    const state = new SlotState(this.#stateHost, log, { ...stored, secretKey })
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

  #aliases(): Map<string, number> {
    if (this.#byAlias !== undefined) return this.#byAlias
    const aliases = new Map<string, number>()
    for (const log of this.#byDiscoveryKey.numbers()) {
      const alias = this.#slots.get(log)?.identity.alias ?? this.#storedAlias(log)
      if (alias !== undefined) aliases.set(aliasText(alias), log)
    }
    this.#byAlias = aliases
    return aliases
  }

  #storedAlias(log: number): Alias | undefined {
    const image = this.#images().identity(log)
    return image && readIdentityItem(image.bytes, image.at, image.length).alias
  }
}

function entryOf(slot: EngineSlot): Omit<LogEntry, 'log' | 'usedMs'> {
  const { head, heldBlocks, heldBytes } = slot
  return { identity: { ...slot.identity, secretKey: undefined }, head, heldBlocks, heldBytes }
}

/**
 * Peers that the owner of a store wants nothing to do with, for good.
 *
 *     record := u8 version 1, uint count, 32 bytes × count
 *
 * Owns: the list, and where it is kept: as user data of a log that is there for nothing else, whose key derives from
 * the store's primary key, so that nobody can ask for it. Always true: a ban holds from the moment of the call and
 * over restarts once the call has resolved. A record of another version is as if there were none.
 */

import { DatError, isCode } from '../base/errors.ts'
import { copy, equal, hex } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import { childNamespace, deriveKeyPair, ROOT_NAMESPACE } from '../crypto/derive.ts'
import { logIdentity } from '../log/identity.ts'
import { OWN_DATA_PREFIX } from '../log/state.ts'
import type { Alias, Slot, Store } from '../store/store.ts'

const BANS = `${OWN_DATA_PREFIX}bans`
const VERSION = 1
/** So many in one record; who needs more wants a list of those that are allowed. */
const BANS_MAX = 16_384

/** The banned peers of one store. */
export class Bans {
  readonly #store: Store
  #keys: ReadonlyMap<string, Uint8Array>

  constructor(store: Store) {
    this.#store = store
    // Not by its name: names are gone through when somebody first asks for one.
    const [log] = store.logsWith(BANS)
    this.#keys = read(log === undefined ? undefined : store.slot(log).userData(BANS))
  }

  get list(): Uint8Array[] {
    return [...this.#keys.values()].map(copy)
  }

  has(remotePublicKey: Uint8Array): boolean {
    return this.#keys.size > 0 && this.#keys.has(hex(remotePublicKey))
  }

  /**
   * Holds at once; resolves when it is on the disk.
   *
   * @throws DatError BAD_ARGUMENT, NOT_WRITABLE (it holds until the store is closed)
   */
  async set(remotePublicKey: Uint8Array, isBanned: boolean): Promise<void> {
    if (remotePublicKey.length !== KEY_BYTES) {
      throw new DatError('BAD_ARGUMENT', "A peer's key has 32 bytes.")
    }
    const id = hex(remotePublicKey)
    if (this.#keys.has(id) === isBanned) return
    if (isBanned && this.#keys.size >= BANS_MAX) {
      const message = 'Too many peers are banned; allow the others by a policy instead.'
      throw new DatError('BAD_ARGUMENT', message, { bans: this.#keys.size })
    }
    const keys = new Map(this.#keys)
    if (isBanned) keys.set(id, copy(remotePublicKey))
    else keys.delete(id)
    this.#keys = keys
    if (!this.#store.writable) {
      const message = 'The store is read-only: the ban holds until it is closed.'
      throw new DatError('NOT_WRITABLE', message)
    }
    const slot = this.#slot() ?? (await this.#create())
    // Another call may have changed the list meanwhile; the newest is written, by each of them.
    slot.stageUserData(BANS, written(this.#keys))
    await this.#store.commit()
    await this.#store.sync()
  }

  #slot(): Slot | undefined {
    const log = this.#store.findAlias(alias())
    return log === undefined ? undefined : this.#store.slot(log)
  }

  async #create(): Promise<Slot> {
    const { namespace, name } = alias()
    const keyPair = deriveKeyPair(this.#store.primaryKey, namespace, name)
    const identity = logIdentity({ key: keyPair.publicKey, keyPair, alias: { namespace, name } })
    try {
      return await this.#store.create(identity)
    } catch (error) {
      const slot = isCode(error, 'CONFLICT') ? this.#slot() : undefined
      if (slot === undefined) throw error
      return slot
    }
  }
}

/** Is it the name of the log that a list is kept in, which is no log that anybody should see? */
export function isBansLog(name: Alias | undefined): boolean {
  return name?.name === BANS && equal(name.namespace, alias().namespace)
}

function alias(): Alias {
  return { namespace: childNamespace(ROOT_NAMESPACE, BANS), name: BANS }
}

function read(bytes: Uint8Array | undefined): ReadonlyMap<string, Uint8Array> {
  const keys = new Map<string, Uint8Array>()
  if (bytes === undefined || bytes[0] !== VERSION) return keys
  const from = new Reader(bytes, 1)
  for (let left = from.count(KEY_BYTES); left > 0; left--) {
    const key = copy(from.fixed(KEY_BYTES))
    keys.set(hex(key), key)
  }
  return keys
}

function written(keys: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
  if (keys.size === 0) return undefined
  const into = new Writer(8 + keys.size * KEY_BYTES)
  into.u8(VERSION)
  into.uint(keys.size)
  for (const key of keys.values()) into.fixed(key)
  return into.take()
}

/**
 * Which log a caller means, and who that log is.
 *
 * Owns: the five ways of naming a log. A stored alias goes before any derivation, since older stores gave other
 * keys to the same names; the rules by which key, manifest and key pair belong together are the log's.
 * Source: corestore 2 and 3.
 */

import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import { deriveKeyPair } from '../crypto/derive.ts'
import { type KeyLike, keyBytes } from '../crypto/links.ts'
import { type IdentityInput, logIdentity, plainIdentity } from '../log/identity.ts'
import type { Alias, LogIdentity, Store } from '../store/store.ts'

/**
 * Which generation a log is of that is not stored yet; that of a stored one is known. `unknown`: peers are asked in
 * each, and the first head that verifies settles it.
 */
export type WantedGeneration = LogIdentity['generation'] | 'unknown'

/** Which log: exactly one of the five ways. `generation` is 3 by default. Keys are bytes, hex, z-base-32 or links. */
export type LogSelector =
  | { readonly key: KeyLike; readonly generation?: WantedGeneration }
  | { readonly name: string; readonly namespace?: Uint8Array }
  | { readonly keyPair: KeyPair; readonly generation?: LogIdentity['generation'] }
  /** `manifest` in its encoded form. */
  | { readonly manifest: Uint8Array; readonly keyPair?: KeyPair }
  | { readonly discoveryKey: KeyLike }

/** The log that was meant. */
export interface Identified {
  /** Its number in the store, if it was found by its name: then nothing else need be known of it. */
  readonly log: number | undefined
  /** Empty if it was found by its name. */
  readonly discoveryKey: Uint8Array
  /** Who the log is, for making it; undefined if it can only be opened. */
  readonly identity: LogIdentity | undefined
  readonly keyPair: KeyPair | undefined
  /** The identities that are possible, one of which a verified head settles; empty if it is known. */
  readonly candidates: readonly LogIdentity[]
}

/** @param namespace where names are looked up unless the selector says otherwise */
export function identify(store: Store, namespace: Uint8Array, selector: LogSelector): Identified {
  checkIsOne(selector)
  if ('discoveryKey' in selector) return stored(keyBytes(selector.discoveryKey, 'discovery key'))
  if ('name' in selector) {
    return byName(store, { namespace: selector.namespace ?? namespace, name: selector.name })
  }
  const input = 'key' in selector ? { ...selector, key: keyBytes(selector.key) } : selector
  const wanted = 'generation' in selector ? (selector.generation ?? 3) : 3
  return wanted === 'unknown' ? unknown(input) : known(input, wanted)
}

/** A second name would be ignored, and whoever gave it would write to another log than he thinks. */
function checkIsOne(selector: LogSelector): void {
  const isByKey = 'key' in selector || 'manifest' in selector || 'keyPair' in selector
  const isByName = 'name' in selector
  const isByDiscoveryKey = 'discoveryKey' in selector
  if (Number(isByKey) + Number(isByName) + Number(isByDiscoveryKey) <= 1) return
  throw new DatError(
    'BAD_ARGUMENT',
    'A log is asked for in one way: a name, a discovery key, or a key, manifest and key pair that belong together.',
  )
}

function byName(store: Store, alias: Alias): Identified {
  keyBytes(alias.namespace, 'namespace')
  if (typeof alias.name !== 'string') throw new DatError('BAD_ARGUMENT', 'A name is a string.')
  const log = store.findAlias(alias)
  if (log !== undefined) return { ...stored(EMPTY), log }
  return known({ keyPair: deriveKeyPair(store.primaryKey, alias.namespace, alias.name), alias }, 3)
}

function stored(discoveryKey: Uint8Array): Identified {
  return { ...NOT_STORED, discoveryKey }
}

function known(input: IdentityInput, generation: LogIdentity['generation']): Identified {
  const identity = IDENTITIES[generation](input)
  const { discoveryKey } = identity
  return { ...NOT_STORED, discoveryKey, identity, keyPair: input.keyPair }
}

function unknown(input: IdentityInput): Identified {
  const candidates = Object.values(IDENTITIES).map((identityOf) => identityOf(input))
  const discoveryKey = candidates[0]?.discoveryKey ?? EMPTY
  return { ...NOT_STORED, discoveryKey, candidates }
}

const NOT_STORED: Identified = {
  log: undefined,
  discoveryKey: EMPTY,
  identity: undefined,
  keyPair: undefined,
  candidates: [],
}

/** The number of the log that was meant, if it is stored. */
export function storedLog(store: Store, { log, discoveryKey }: Identified): number | undefined {
  return log ?? store.find(discoveryKey)
}

/** Who a log is in each generation. */
const IDENTITIES: Readonly<
  Record<LogIdentity['generation'], (input: IdentityInput) => LogIdentity>
> = {
  1: (input) => plainIdentity(1, input),
  2: (input) => plainIdentity(2, input),
  3: (input) => logIdentity(input),
}

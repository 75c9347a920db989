/**
 * Which log a caller means, and who that log is.
 *
 * Owns: the five ways of naming a log. A stored alias goes before any derivation, since older stores gave other
 * keys to the same names; the rules by which key, manifest and key pair belong together are the log's.
 * Source: corestore 2 and 3.
 */

import { DatError } from '../base/errors.ts'
import { KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { deriveKeyPair } from '../crypto/derive.ts'
import { type IdentityInput, logIdentity } from '../log/identity.ts'
import type { Alias, LogIdentity, Store } from '../store/store.ts'

/** Which log: exactly one of the five ways. */
export type LogSelector =
  | { readonly key: Uint8Array }
  | { readonly name: string; readonly namespace?: Uint8Array }
  | { readonly keyPair: KeyPair }
  /** `manifest` in its encoded form. */
  | { readonly manifest: Uint8Array; readonly keyPair?: KeyPair }
  | { readonly discoveryKey: Uint8Array }

/** The log that was meant. */
export interface Identified {
  readonly discoveryKey: Uint8Array
  /** Who the log is, for making it; undefined if it can only be opened. */
  readonly identity: LogIdentity | undefined
  readonly keyPair: KeyPair | undefined
}

/** @param namespace where names are looked up unless the selector says otherwise */
export function identify(store: Store, namespace: Uint8Array, selector: LogSelector): Identified {
  if ('discoveryKey' in selector) return stored(selector.discoveryKey)
  if ('name' in selector) {
    return byName(store, { namespace: selector.namespace ?? namespace, name: selector.name })
  }
  if ('key' in selector) checkKey('key', selector.key)
  return known(selector)
}

function byName(store: Store, alias: Alias): Identified {
  checkKey('namespace', alias.namespace)
  const log = store.findAlias(alias)
  if (log !== undefined) return stored(store.slot(log).identity.discoveryKey)
  return known({ keyPair: deriveKeyPair(store.primaryKey, alias.namespace, alias.name), alias })
}

function stored(discoveryKey: Uint8Array): Identified {
  checkKey('discovery key', discoveryKey)
  return { discoveryKey, identity: undefined, keyPair: undefined }
}

function known(input: IdentityInput): Identified {
  const identity = logIdentity(input)
  return { discoveryKey: identity.discoveryKey, identity, keyPair: input.keyPair }
}

function checkKey(what: string, bytes: Uint8Array): void {
  if (bytes.length === KEY_BYTES) return
  const message = `A ${what} has ${KEY_BYTES} bytes, not ${bytes.length}.`
  throw new DatError('BAD_ARGUMENT', message, { bytes: bytes.length })
}

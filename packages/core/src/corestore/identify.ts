/**
 * Which log a caller means, and who that log is.
 *
 * Owns: the ways of naming a log, and the identity of a new one. A stored alias goes before any derivation, since
 * older stores gave other keys to the same names; a manifest that is given with a key pair must name it.
 * Source: corestore 2 and 3.
 */

import { DatError } from '../base/errors.ts'
import { copy, equal } from '../bytes/bytes.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import { deriveKeyPair } from '../crypto/derive.ts'
import { discoveryKey } from '../crypto/keys.ts'
import { decodeManifest, defaultManifest, encodeManifest, manifestKey } from '../log/manifest.ts'
import type { Alias, LogIdentity, Store } from '../store/store.ts'

/** Which log: exactly one of the five ways. */
export type LogSelector =
  | { readonly key: Uint8Array }
  | { readonly name: string; readonly namespace?: Uint8Array }
  | { readonly keyPair: KeyPair }
  /** `manifest` in its encoded form. */
  | { readonly manifest: Uint8Array; readonly keyPair?: KeyPair }
  | { readonly discoveryKey: Uint8Array }

export interface Identified {
  readonly discoveryKey: Uint8Array
  /** Who the log is, for making it; undefined if it can only be opened. */
  readonly identity: LogIdentity | undefined
  readonly keyPair: KeyPair | undefined
}

/** @param namespace where names are looked up unless the selector says otherwise */
export function identify(store: Store, namespace: Uint8Array, selector: LogSelector): Identified {
  if ('name' in selector) {
    return byName(store, { namespace: selector.namespace ?? namespace, name: selector.name })
  }
  if ('discoveryKey' in selector) {
    checkKey(selector.discoveryKey, 'discovery key')
    return { discoveryKey: selector.discoveryKey, identity: undefined, keyPair: undefined }
  }
  if ('key' in selector) {
    checkKey(selector.key, 'key')
    return known(identityOf(copy(selector.key), undefined, undefined, undefined), undefined)
  }
  if ('manifest' in selector) return byManifest(selector.manifest, selector.keyPair)
  const manifest = encodeManifest(defaultManifest(selector.keyPair.publicKey))
  return byManifest(manifest, selector.keyPair)
}

function byName(store: Store, alias: Alias): Identified {
  checkKey(alias.namespace, 'namespace')
  const log = store.findAlias(alias)
  if (log !== undefined) {
    const { identity } = store.slot(log)
    return { discoveryKey: identity.discoveryKey, identity: undefined, keyPair: undefined }
  }
  const keyPair = deriveKeyPair(store.primaryKey, alias.namespace, alias.name)
  const manifest = encodeManifest(defaultManifest(keyPair.publicKey))
  // The secret key is not stored: it derives from the primary key and the alias.
  const owner = { publicKey: keyPair.publicKey, secretKey: undefined }
  return known(identityOf(manifestKey(manifest), manifest, owner, alias), keyPair)
}

function byManifest(given: Uint8Array, keyPair: KeyPair | undefined): Identified {
  const manifest = decodeManifest(given)
  const encoded = encodeManifest(manifest)
  const signs =
    keyPair === undefined ||
    manifest.signers.some((signer) => equal(signer.publicKey, keyPair.publicKey))
  if (!signs) throw new DatError('BAD_ARGUMENT', 'The key pair is none of the signers of this log.')
  return known(identityOf(manifestKey(encoded), encoded, keyPair, undefined), keyPair)
}

function known(identity: LogIdentity, keyPair: KeyPair | undefined): Identified {
  return { discoveryKey: identity.discoveryKey, identity, keyPair }
}

function identityOf(
  key: Uint8Array,
  manifest: Uint8Array | undefined,
  owner: { publicKey: Uint8Array; secretKey: Uint8Array | undefined } | undefined,
  alias: Alias | undefined,
): LogIdentity {
  return {
    key,
    discoveryKey: discoveryKey(key),
    generation: 3,
    manifest,
    publicKey: owner?.publicKey,
    secretKey: owner?.secretKey,
    alias,
  }
}

function checkKey(bytes: Uint8Array, what: string): void {
  if (bytes.length === KEY_BYTES) return
  const message = `A ${what} has ${KEY_BYTES} bytes, not ${bytes.length}.`
  throw new DatError('BAD_ARGUMENT', message, { bytes: bytes.length })
}

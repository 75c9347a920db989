/**
 * Who a new log is: from what its maker knows to the identity that a store keeps.
 *
 * Owns: the rules by which key, manifest and key pair belong together. A manifest that does not hash to the
 * key is refused, since whoever accepted it would take data that its signers, and not the key, stand behind.
 * Source: the generation 3 data model, section 5.
 */

import { DatError } from '../base/errors.ts'
import { copy, equal } from '../bytes/bytes.ts'
import { KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { discoveryKey, isKeyPair } from '../crypto/keys.ts'
import type { Alias, LogIdentity } from '../store/store.ts'
import {
  decodeManifest,
  encodeDefaultManifest,
  encodeManifest,
  isCompat,
  manifestKey,
} from './manifest.ts'

/** What the maker of a log knows; at least one of key, manifest and key pair. */
export interface IdentityInput {
  /** Alone: a log to read. With a key pair: must belong to it. */
  readonly key?: Uint8Array
  /** Encoded. */
  readonly manifest?: Uint8Array
  /** Alone: a log of one signer with the default manifest. */
  readonly keyPair?: KeyPair
  /** The name from which the key pair was derived; the secret key is then not stored again. */
  readonly alias?: Alias
}

/** The identity of a generation 3 log. Throws `BAD_ARGUMENT` if the parts do not belong together. */
export function logIdentity(input: IdentityInput): LogIdentity {
  const { keyPair } = input
  // That of a name was made from it a moment ago, and making it a second time takes as long as a signature.
  if (input.alias === undefined) checkKeyPair(keyPair)
  const manifest = manifestFor(input)
  const key = input.key ?? (manifest && manifestKey(manifest))
  if (key === undefined) {
    throw new DatError('BAD_ARGUMENT', 'A log needs a key, a manifest or a key pair.')
  }
  return identity(3, key, manifest, keyPair, input.alias)
}

/** The identity of a log of generation 1 or 2, whose key is its signer's public key. */
export function plainIdentity(
  generation: 1 | 2,
  input: { readonly key?: Uint8Array; readonly keyPair?: KeyPair },
): LogIdentity {
  const { keyPair } = input
  checkKeyPair(keyPair)
  const key = input.key ?? keyPair?.publicKey
  if (key === undefined) throw new DatError('BAD_ARGUMENT', 'A log needs a key or a key pair.')
  if (keyPair !== undefined && !equal(key, keyPair.publicKey)) throw mismatch('key pair')
  return identity(generation, key, undefined, keyPair, undefined)
}

/** The manifest to store, in canonical form; none for readers, and for logs whose key is their public key. */
function manifestFor(input: IdentityInput): Uint8Array | undefined {
  const { key, keyPair } = input
  if (input.manifest !== undefined) {
    const manifest = decodeManifest(input.manifest)
    const encoded = encodeManifest(manifest)
    const fits = key === undefined || equal(manifestKey(encoded), key) || isCompat(manifest, key)
    if (!fits) throw mismatch('manifest')
    return encoded
  }
  if (keyPair === undefined || (key !== undefined && equal(key, keyPair.publicKey)))
    return undefined
  const encoded = encodeDefaultManifest(keyPair.publicKey)
  if (key !== undefined && !equal(manifestKey(encoded), key)) throw mismatch('key pair')
  return encoded
}

function identity(
  generation: LogIdentity['generation'],
  key: Uint8Array,
  manifest: Uint8Array | undefined,
  keyPair: KeyPair | undefined,
  alias: Alias | undefined,
): LogIdentity {
  if (key.length !== KEY_BYTES) {
    throw new DatError('BAD_ARGUMENT', 'A key has 32 bytes.', { bytes: key.length })
  }
  return {
    key: copy(key),
    discoveryKey: discoveryKey(key),
    generation,
    manifest,
    publicKey: keyPair?.publicKey,
    secretKey: alias === undefined ? keyPair?.secretKey : undefined,
    alias,
  }
}

function checkKeyPair(keyPair: KeyPair | undefined): void {
  if (keyPair === undefined || isKeyPair(keyPair)) return
  throw new DatError('BAD_ARGUMENT', 'The two halves of a key pair do not belong together.')
}

function mismatch(what: string): DatError {
  return new DatError('BAD_ARGUMENT', `The ${what} does not belong to the key.`)
}

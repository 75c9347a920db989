/**
 * From a store's primary key, a namespace and a name to the key pair that writes the log of that name.
 *
 * Owns: the derivation of corestore 6 and 7. Same primary key, namespace and name give the same key pair,
 * for ever: these bytes are what people's data hangs on. The key of the log is another matter (the hash
 * of its manifest, or the public key itself), and a stored alias goes before any derivation.
 * Source: the corestore specification, section 2.
 */

import { fromHex, utf8 } from '../bytes/bytes.ts'
import { crypto, type KeyPair } from './crypto.ts'
import { hash, hashKeyed } from './keys.ts'

/** The namespace in which a store starts. */
export const ROOT_NAMESPACE: Uint8Array = new Uint8Array(32)

/** The namespace `name` below `parent`. */
export function childNamespace(parent: Uint8Array, name: string | Uint8Array): Uint8Array {
  return hash(parent, bytesOf(name))
}

/** `namespace('corestore', 0)`. */
const CORESTORE = fromHex('ac5c4cbfb1064776404637a280c71fac823281d351ebeced03151743270def29')

/** The key pair of `name` in `space`, 32 bytes. */
export function deriveKeyPair(
  primaryKey: Uint8Array,
  space: Uint8Array,
  name: string | Uint8Array,
): KeyPair {
  return crypto().keyPair(hashKeyed(primaryKey, CORESTORE, space, bytesOf(name)))
}

function bytesOf(name: string | Uint8Array): Uint8Array {
  return typeof name === 'string' ? utf8(name) : name
}

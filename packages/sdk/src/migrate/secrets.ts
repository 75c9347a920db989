/**
 * Secret keys of old stores: where they lie, and how the others follow from them.
 *
 * Owns: reading and checking them. A secret key counts only if it makes the public key that it should. They are never
 * written, shown or put into a message. Sources: the generation 1 log, sections 2 and 6; corestore 5, section 2.
 */

import { homedir } from 'node:os'
import { join } from 'node:path'
import { concat, equal, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { Reader } from '@dat-rhino/core/bytes/cursor'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { kdfSeed } from '@dat-rhino/core/crypto/kdf'
import {
  hashKeyed,
  isKeyPair,
  keyPair,
  SECRET_KEY_BYTES,
  SEED_BYTES,
} from '@dat-rhino/core/crypto/keys'
import type { ProblemList } from './problems.ts'
import type { FilePool } from './stored-file.ts'

/** Where dat keeps the secret keys of all archives of a user. */
export function defaultSecretKeys(): string {
  return join(homedir(), '.dat', 'secret_keys')
}

/** File of a secret key in such a folder. */
export function secretKeyPath(folder: string, discoveryKey: Uint8Array): string {
  const name = hex(discoveryKey)
  return join(folder, name.slice(0, 2), name.slice(2))
}

/** The secret key in a file, if it is that of `key`; another content is told. */
export function readSecretKey(
  path: string,
  key: Uint8Array,
  pool: FilePool,
  problems: ProblemList,
): Uint8Array | undefined {
  const secretKey = pool.content(path, SECRET_KEY_BYTES, problems)
  if (secretKey === undefined) return undefined
  if (isKeyPair({ publicKey: key, secretKey })) return secretKey
  problems.add(
    'damaged',
    path,
    'It is not the secret key of this log; the log cannot be continued.',
  )
  return undefined
}

/** The public key that stands in the second half of a secret key, if the halves belong together. */
export function publicKeyOf(secretKey: Uint8Array): Uint8Array | undefined {
  if (secretKey.length !== SECRET_KEY_BYTES) return undefined
  const { publicKey } = keyPair(secretKey.subarray(0, SEED_BYTES))
  return equal(publicKey, secretKey.subarray(SEED_BYTES)) ? publicKey : undefined
}

/** Secret key of the content log of a hyperdrive 9, which is stored nowhere: it follows from that of the metadata. */
export function contentSecretKey(metadataSecretKey: Uint8Array): Uint8Array {
  const seed = kdfSeed(metadataSecretKey.subarray(0, SEED_BYTES), 1, 'hyperdri')
  return keyPair(seed).secretKey
}

/** Secret key of a named log of corestore 5. Its `name` file holds the bytes that are `name` here. */
export function corestore5SecretKey(masterKey: Uint8Array, name: Uint8Array): Uint8Array {
  return keyPair(hashKeyed(masterKey, concat(utf8('9\ncorestore'), name))).secretKey
}

/** The name in a `name` file of corestore 5: its length as a varint, then exactly so many bytes. */
export function corestore5Name(file: Uint8Array): Uint8Array | undefined {
  try {
    const r = new Reader(file)
    const length = r.varint()
    return length === r.left ? r.rest() : undefined
  } catch {
    return undefined
  }
}

/** The first 32 bytes of a `master_key` or `primary-key`, which may be followed by others. */
export function readPrimaryKey(
  path: string,
  pool: FilePool,
  problems: ProblemList,
): Uint8Array | undefined {
  const bytes = pool.content(path, 4_096, problems)
  if (bytes !== undefined && bytes.length >= KEY_BYTES) return bytes.subarray(0, KEY_BYTES)
  const message = 'Without it, logs that were made by name can be read and not continued.'
  problems.add(bytes === undefined ? 'missing' : 'damaged', path, message)
  return undefined
}

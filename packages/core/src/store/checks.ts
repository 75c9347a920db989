/**
 * What both engines check of their callers' arguments, and the small shapes they share.
 *
 * Owns: the empty head, the text forms under which logs and aliases are found, and the checks of
 * what would otherwise damage a store in silence.
 */

import { DatError, invariant } from '../base/errors.ts'
import { BLOCK_BYTES_MAX } from '../base/limits.ts'
import { contains, copy, mapKey } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { Alias, Head, LogEntry, LogIdentity, Slot } from './store.ts'

/** The head of a log that was just made. */
export const EMPTY_HEAD: Head = { fork: 0, length: 0, byteLength: 0, signature: undefined }

/** Bytes of a signature that is kept per length (generations 1 and 2). */
export const KEPT_SIGNATURE_BYTES = 64

/** Does a generation keep a signature per length? Looked up once, when a log is opened. */
export const KEPT_SIGNATURES: Readonly<Record<1 | 2 | 3, boolean>> = { 1: true, 2: true, 3: false }

/** One text for namespace and name; the namespace has a fixed length, so that nothing is ambiguous. */
export function aliasText(alias: Alias): string {
  return mapKey(alias.namespace) + alias.name
}

/** Keys of logs derive from it: one that is cut or filled up would be another, and weak. */
export function checkPrimaryKey(key: Uint8Array | undefined): void {
  if (key === undefined || (key instanceof Uint8Array && key.length === KEY_BYTES)) return
  throw new DatError('BAD_ARGUMENT', `A primary key has ${KEY_BYTES} bytes.`)
}

/** A copy that shares no memory with the caller. Throws `BAD_ARGUMENT` if a length is wrong. */
export function ownIdentity(identity: LogIdentity): LogIdentity {
  const { key, discoveryKey, generation, manifest, publicKey, secretKey, alias } = identity
  checkBytes('key', key, KEY_BYTES)
  checkBytes('discoveryKey', discoveryKey, KEY_BYTES)
  if (publicKey !== undefined) checkBytes('publicKey', publicKey, KEY_BYTES)
  if (secretKey !== undefined) checkBytes('secretKey', secretKey, 2 * KEY_BYTES)
  if (alias !== undefined) checkBytes('alias.namespace', alias.namespace, KEY_BYTES)
  if (secretKey !== undefined && publicKey === undefined) {
    throw new DatError('BAD_ARGUMENT', 'A secret key needs its public key beside it.')
  }
  return {
    key: copy(key),
    discoveryKey: copy(discoveryKey),
    generation,
    manifest: manifest && copy(manifest),
    publicKey: publicKey && copy(publicKey),
    secretKey: secretKey && copy(secretKey),
    alias: alias && { namespace: copy(alias.namespace), name: alias.name },
  }
}

/** What lists tell of a log that has a slot. */
export function entryOf(slot: Slot, usedMs: number): LogEntry {
  const { log, length, fork, heldBlocks, heldBytes } = slot
  const { key, discoveryKey, generation, alias, publicKey } = slot.identity
  const identity = { log, key, discoveryKey, generation, alias, isOwn: publicKey !== undefined }
  return { ...identity, length, fork, heldBlocks, heldBytes, usedMs }
}

/** A copy of a head that shares no memory with the caller, after checking its numbers. */
export function ownHead(head: Head): Head {
  const { fork, length, byteLength, signature } = head
  checkNumber('fork', fork)
  checkNumber('length', length)
  checkNumber('byteLength', byteLength)
  return { fork, length, byteLength, signature: signature && copy(signature) }
}

/** Throws `INVARIANT` unless `value` is a whole number from 0 up: a bug of the layers above. */
export function checkNumber(what: string, value: number): void {
  // Called for each number of each block: nothing is made unless it is wrong.
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new DatError('INVARIANT', `A store got a wrong ${what}.`, { value })
}

/** A signature that is to be kept for `length`, by a log that keeps them. */
export function checkKeptSignature(keeps: boolean, length: number, signature: Uint8Array): void {
  checkNumber('length', length)
  invariant(
    keeps && length > 0 && signature.length === KEPT_SIGNATURE_BYTES,
    'A signature of 64 bytes is kept per length by generations 1 and 2 only.',
    { length, bytes: signature.length },
  )
}

/** Throws `BAD_ARGUMENT` for a block that no peer would take. */
export function checkBlockSize(index: number, size: number): void {
  checkNumber('block index', index)
  checkNumber('block size', size)
  if (size > BLOCK_BYTES_MAX) {
    throw new DatError('BAD_ARGUMENT', `A block has at most ${BLOCK_BYTES_MAX} bytes.`, {
      index,
      size,
    })
  }
}

function checkBytes(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length === length) return
  throw new DatError('BAD_ARGUMENT', `The ${what} of a log has ${length} bytes.`, {
    bytes: bytes.length,
  })
}

// ---- What a slot tells of an identity ------------------------------------------------------------

/** Key and discovery key, one behind the other. */
export function copyKeysOf({ key, discoveryKey }: LogIdentity, into: Uint8Array): void {
  into.set(key)
  into.set(discoveryKey, key.length)
}

/** See `Slot.isOwn`. */
export function isOwn({ publicKey, alias }: LogIdentity): boolean {
  return publicKey !== undefined || alias !== undefined
}

/** See `Slot.isHashOfManifest`. */
export function isHashOfManifest({ key, manifest }: LogIdentity): boolean {
  return manifest !== undefined && !contains(manifest, key)
}

/**
 * The header in an oplog of hypercore 10: who the log is, and its newest tree.
 *
 * Owns: its two versions, and the form that stands in a file of its own. Pure; values are copies. Source: the corestore
 * specification, sections 9.2 and 9.3.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { STORED_RECORD_BYTES_MAX } from '@dat-rhino/core/base/limits'
import { copy } from '@dat-rhino/core/bytes/bytes'
import { Reader } from '@dat-rhino/core/bytes/cursor'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { decodeManifest, isCompat } from '@dat-rhino/core/log/manifest'
import { manifestView } from '@dat-rhino/core/wire/gen3-manifest'

/** What a header says. */
export interface OplogHeader {
  readonly key: Uint8Array
  /** Encoded; `undefined` for logs whose key is their signer's. */
  readonly manifest: Uint8Array | undefined
  readonly publicKey: Uint8Array | undefined
  readonly secretKey: Uint8Array | undefined
  readonly userData: ReadonlyMap<string, Uint8Array>
  readonly fork: number
  readonly length: number
  readonly signature: Uint8Array | undefined
}

const EXTERNAL = 1
const MANIFEST = 2
const KEY_PAIR = 4

/** Names and their values, of 2 bytes at least. */
const USER_DATA_BYTES = 2

/**
 * @param external reads a part of the file `header`
 * @throws DatError BAD_FRAME, OVER_LIMIT or UNSUPPORTED
 */
export function readHeader(
  payload: Uint8Array,
  external: (at: number, length: number) => Uint8Array | undefined,
): OplogHeader {
  const r = new Reader(payload)
  const version = r.uint()
  if (version === 0) return readVersion0(r)
  if (version !== 1) {
    throw new DatError('UNSUPPORTED', `The header has version ${version}, which is unknown.`, {
      version,
    })
  }
  const flags = r.uint()
  if ((flags & EXTERNAL) === 0) return readVersion1(r, flags)
  const at = r.uint()
  const length = r.uint()
  const whole = length <= STORED_RECORD_BYTES_MAX ? external(at, length) : undefined
  if (whole === undefined) {
    throw new DatError('BAD_FRAME', 'The file `header`, where the header lies, does not hold it.')
  }
  const inner = new Reader(whole)
  inner.uint() // version
  return readVersion1(inner, inner.uint())
}

function readVersion1(r: Reader, flags: number): OplogHeader {
  const key = copy(r.fixed(KEY_BYTES))
  const manifest = flags & MANIFEST ? copy(manifestView(r)) : undefined
  const publicKey = flags & KEY_PAIR ? copy(r.buffer(KEY_BYTES)) : undefined
  const secretKey = flags & KEY_PAIR ? kept(r.optionalBuffer()) : undefined
  const userData = readUserData(r)
  const fork = r.uint()
  const length = r.uint()
  r.optionalBuffer() // root hash: follows from the nodes
  const signature = kept(r.optionalBuffer())
  return {
    key,
    manifest: needed(manifest, key),
    publicKey,
    secretKey,
    userData,
    fork,
    length,
    signature,
  }
}

/** Of hypercore 10.0: the key is the public key. */
function readVersion0(r: Reader): OplogHeader {
  for (const _type of ['hash', 'bitfield', 'signature']) r.string(64)
  const userData = readUserData(r)
  const fork = r.uint()
  const length = r.uint()
  r.optionalBuffer() // root hash
  const signature = kept(r.optionalBuffer())
  const publicKey = kept(r.optionalBuffer())
  const secretKey = kept(r.optionalBuffer())
  if (publicKey?.length !== KEY_BYTES) {
    throw new DatError('BAD_FRAME', 'The header has no public key.')
  }
  return {
    key: publicKey,
    manifest: undefined,
    publicKey,
    secretKey,
    userData,
    fork,
    length,
    signature,
  }
}

/** A log whose key is that of its only signer needs no manifest. */
function needed(manifest: Uint8Array | undefined, key: Uint8Array): Uint8Array | undefined {
  return manifest !== undefined && isCompat(decodeManifest(manifest), key) ? undefined : manifest
}

function readUserData(r: Reader): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>()
  const count = r.count(USER_DATA_BYTES)
  for (let i = 0; i < count; i++) {
    const name = r.string()
    const value = r.optionalBuffer()
    if (value !== undefined) values.set(name, copy(value))
  }
  return values
}

function kept(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && copy(bytes)
}

/**
 * Where a manifest ends: it stands in a Data message without a length before it.
 *
 * Owns: stepping over a manifest. What it says and whether it belongs to a key is the
 * log's matter, which decodes the bytes that are found here.
 *
 * Always true: the view holds one whole manifest and nothing behind it, except for versions that we do not
 * know: then everything up to the end of the message, for the log to refuse. Source: the generation 3 data model, section 5.1.
 */

import { DatError } from '../base/errors.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_SIGNERS_MAX } from '../base/limits.ts'
import type { Reader } from '../bytes/cursor.ts'
import { HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'

const VERSION_KNOWN_MAX = 3
/** `uint 0 | namespace | public key` */
const SIGNER_BYTES = 1 + HASH_BYTES + KEY_BYTES

const HAS_PROLOGUE = 2
const HAS_LINKED = 4
const HAS_USER_DATA = 8

const TYPE_PROLOGUE = 0
const TYPE_SIGNER = 1

/** @throws DatError BAD_FRAME if it is cut, OVER_LIMIT if it is larger than any we take */
export function manifestView(from: Reader): Uint8Array {
  const start = from.at
  const version = from.uint()
  if (version === 0) skipFirstVersion(from)
  else if (version <= VERSION_KNOWN_MAX) skipManifest(from)
  else from.skip(from.left)
  const length = from.at - start
  if (length > MANIFEST_BYTES_MAX) {
    throw new DatError('OVER_LIMIT', 'A manifest is too long.', { length })
  }
  return from.bytes.subarray(start, from.at)
}

function skipManifest(from: Reader): void {
  const flags = from.uint()
  from.uint() // hash
  from.uint() // quorum
  skipSigners(from)
  if ((flags & HAS_PROLOGUE) !== 0) {
    from.skip(HASH_BYTES)
    from.uint()
  }
  if ((flags & HAS_LINKED) !== 0) from.skip(from.count(KEY_BYTES) * KEY_BYTES)
  if ((flags & HAS_USER_DATA) !== 0) from.skip(from.uint())
}

function skipFirstVersion(from: Reader): void {
  from.uint() // hash
  const type = from.uint()
  if (type === TYPE_PROLOGUE) {
    from.skip(HASH_BYTES)
  } else if (type === TYPE_SIGNER) {
    skipSigner(from)
  } else {
    from.uint() // flags
    from.uint() // quorum
    skipSigners(from)
  }
}

function skipSigners(from: Reader): void {
  const count = from.count(SIGNER_BYTES, MANIFEST_SIGNERS_MAX)
  for (let i = 0; i < count; i++) skipSigner(from)
}

function skipSigner(from: Reader): void {
  from.uint() // kind of signature
  from.skip(HASH_BYTES + KEY_BYTES)
}

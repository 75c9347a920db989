/**
 * What a trie says of a trie that is mounted in it.
 *
 *     Mount := 1 bytes key, 2 string localPath, 3 varint version, 4 string remotePath, 5 bytes hash
 *
 * Owns: both ways, the key under which a record stands, and which entries are mounts. A mount at P is two entries: the
 * record, hidden, under `mounts/P`, and what is seen, under P. Source: the hypertrie specification, section 11.
 */

import { DatError, isCode } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import { Fields, writeBytesField, writeStringField, writeVarintField } from '../bytes/protobuf.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { TrieEntry } from '../index/trie/trie.ts'

/** Flags of both entries of a mount, and of nothing else. */
export const MOUNT_FLAGS = 1
/** Below it stand the records. */
export const MOUNTS_PREFIX = 'mounts'

/** Which drive is mounted, and where. */
export interface MountRecord {
  readonly key: Uint8Array
  /** In the trie that holds the record, without a slash in front. */
  readonly localPath: string
  /** `undefined`: the newest. */
  readonly version: number | undefined
}

/** Where the record of a mount stands, in the hidden half. */
export function mountKey(path: string): string {
  return `${MOUNTS_PREFIX}/${path}`
}

/** The value of a record. */
export function encodeMount({ key, localPath, version }: MountRecord): Uint8Array {
  const writer = new Writer(64)
  writeBytesField(writer, 1, key)
  writeStringField(writer, 2, localPath)
  if (version !== undefined) writeVarintField(writer, 3, version)
  return writer.take()
}

/** `undefined` if the entry is no record of a mount. Throws `BAD_CONTENT`, `UNSUPPORTED`. */
export function decodeMount(entry: TrieEntry): MountRecord | undefined {
  if (entry.flags !== MOUNT_FLAGS || entry.value === undefined) return undefined
  let key: Uint8Array | undefined
  let localPath: string | undefined
  let version = 0
  let remotePath = ''
  try {
    const fields = new Fields(entry.value)
    while (fields.next()) {
      if (fields.number === 1) key = copy(fields.bytes())
      else if (fields.number === 2) localPath = fields.string()
      else if (fields.number === 3) version = fields.varint()
      else if (fields.number === 4) remotePath = fields.string()
    }
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) throw damaged(entry, error)
    throw error
  }
  if (key?.length !== KEY_BYTES || localPath === undefined) throw damaged(entry)
  // Joined in the wrong order by the only program that wrote it: nobody can have meant what it does.
  if (remotePath !== '') {
    throw new DatError(
      'UNSUPPORTED',
      `Only a folder of another drive is mounted at ${localPath}: open that drive by its own key.`,
      { path: localPath },
    )
  }
  return { key, localPath, version: version === 0 ? undefined : version }
}

function damaged({ seq, key }: TrieEntry, cause?: unknown): DatError {
  return new DatError('BAD_CONTENT', 'The record of a mount is damaged.', { seq, key }, cause)
}

/**
 * Block 0 of a trie's log.
 *
 *     header := 1 string type ("hypertrie"), 2 bytes metadata, 3 string subtype
 *
 * Owns: both ways. Source: the hypertrie specification, section 1.
 */

import { DatError } from '../../base/errors.ts'
import { copy } from '../../bytes/bytes.ts'
import { Writer } from '../../bytes/cursor.ts'
import { Fields, writeBytesField, writeStringField } from '../../bytes/protobuf.ts'
import type { TrieHeader } from './types.ts'

const TYPE = 'hypertrie'

/** Throws `BAD_CONTENT` for the first block of something else. */
export function decodeHeader(block: Uint8Array): TrieHeader {
  let type: string | undefined
  let metadata: Uint8Array | undefined
  let subtype: string | undefined
  try {
    const fields = new Fields(block)
    while (fields.next()) {
      if (fields.number === 1) type = fields.string()
      else if (fields.number === 2) metadata = copy(fields.bytes())
      else if (fields.number === 3) subtype = fields.string()
    }
  } catch (error) {
    throw noTrie(error)
  }
  if (type !== TYPE) throw noTrie()
  return { metadata, subtype }
}

/** The bytes of block 0. */
export function encodeHeader(header: Partial<TrieHeader>): Uint8Array {
  const writer = new Writer(64)
  writeStringField(writer, 1, TYPE)
  if (header.metadata !== undefined) writeBytesField(writer, 2, header.metadata)
  if (header.subtype !== undefined) writeStringField(writer, 3, header.subtype)
  return writer.take()
}

function noTrie(cause?: unknown): DatError {
  return new DatError('BAD_CONTENT', 'The log holds something else than a trie.', { seq: 0 }, cause)
}

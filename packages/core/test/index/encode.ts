/** Blocks of a bee made field by field, as slowly and plainly as can be: for whatever an author may sign. */

import { concat, EMPTY, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { writeBytesField, writePackedField } from '../../src/bytes/protobuf.ts'

/** A tree node: blocks of its keys, and pairs of block and position. */
export interface NodeSource {
  readonly keys: readonly number[]
  readonly children: readonly number[]
}

function fields(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer()
  write(writer)
  return writer.take()
}

/** The message of one tree node. */
export function encodeNode({ keys, children }: NodeSource): Uint8Array {
  return fields((writer) => {
    writePackedField(writer, 1, keys)
    writePackedField(writer, 2, children)
  })
}

/** @param nodes messages of tree nodes */
export function encodeOf(
  nodes: readonly Uint8Array[],
  key: Uint8Array,
  value: Uint8Array | undefined,
): Uint8Array {
  const index = nodes.map((node) => fields((writer) => writeBytesField(writer, 1, node)))
  return concat(
    fields((writer) => writeBytesField(writer, 1, concat(...index))),
    fields((writer) => writeBytesField(writer, 2, key)),
    value === undefined ? EMPTY : fields((writer) => writeBytesField(writer, 3, value)),
  )
}

export function encodeBlock(
  nodes: readonly NodeSource[],
  key: Uint8Array | string,
  value?: Uint8Array | string,
): Uint8Array {
  const bytes = (of: Uint8Array | string): Uint8Array => (typeof of === 'string' ? utf8(of) : of)
  const valueBytes = value === undefined ? undefined : bytes(value)
  return encodeOf(nodes.map(encodeNode), bytes(key), valueBytes)
}

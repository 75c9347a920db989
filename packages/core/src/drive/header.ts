/**
 * What the first block of a log says of what it is the log of.
 *
 *     header := 1 string name of the format, 2 bytes (drives of 9 and 10: the key of the content log), …
 *
 * Owns: reading that much of any header, and which formats are drives. Bytes are a stranger's: what is no header is an
 * answer, not an error.
 */

import { DatError, isCode } from '../base/errors.ts'
import { Fields } from '../bytes/protobuf.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { DriveFormat } from './drive.ts'

/** Formats by the name in block 0. */
const FORMATS: ReadonlyMap<string, DriveFormat> = new Map([
  ['hyperdrive', 'hyperdrive 9'],
  ['hypertrie', 'hyperdrive 10'],
  ['hyperbee', 'hyperdrive 13'],
])

/** The format of the drive whose log of rows begins with `block`. Throws `UNSUPPORTED` if it is none. */
export function driveFormat(block: Uint8Array): DriveFormat {
  const { name, content } = readHeader(block)
  const format = name === undefined ? undefined : FORMATS.get(name)
  // Tries hold other things too: that of a drive names the log of the files. A bee need not: it can be derived.
  const hasFiles = format === 'hyperdrive 13' || content?.length === KEY_BYTES
  if (format !== undefined && hasFiles) return format
  const what = name === undefined ? 'a plain log, or encrypted' : `a log of "${name}"`
  throw new DatError('UNSUPPORTED', `The key leads to ${what}, not to a drive.`, {
    format: name ?? '',
  })
}

/** The text in the first field of a protobuf message, as all formats have it in their header, and the bytes behind. */
export function readHeader(block: Uint8Array): {
  readonly name: string | undefined
  readonly content: Uint8Array | undefined
} {
  let name: string | undefined
  let content: Uint8Array | undefined
  try {
    const fields = new Fields(block)
    for (let isFirst = true; fields.next(); isFirst = false) {
      const { number } = fields
      if (isFirst && number !== 1) break
      if (number === 2) content = fields.bytes()
      if (!isFirst) continue
      const text = fields.string()
      if (/^[\w.-]{1,64}$/.test(text)) name = text
    }
  } catch (error) {
    // Not even the beginning of a header, or not its end.
    if (!isCode(error, 'BAD_FRAME')) throw error
  }
  return { name, content }
}

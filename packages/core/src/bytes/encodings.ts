/**
 * Texts and JSON as the bytes that logs and bees keep.
 *
 * Owns: the pairs of functions that hypercore and hyperbee call `utf-8`, `json` and `binary`. Logs and bees know
 * bytes only: whoever wants values encodes on the way in and decodes on the way out (`encoded` of
 * `log/encoded.ts` does both), and sees that keys of a bee sort by bytes.
 */

import { fromUtf8, utf8 as toUtf8 } from './bytes.ts'
import { Reader, Writer } from './cursor.ts'

/** Both ways between a value and its bytes. */
export interface Encoding<T> {
  encode(value: T): Uint8Array
  /** Throws `BAD_FRAME` or a `SyntaxError` for bytes that are no such value. */
  decode(bytes: Uint8Array): T
}

/** Bytes as they are. */
export const binary: Encoding<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes }

/** Bytes behind their length, as hypercore's extensions without an encoding send them. */
export const prefixed: Encoding<Uint8Array> = {
  encode(value) {
    const writer = new Writer(value.length + 9)
    writer.buffer(value)
    return writer.take()
  },
  decode: (bytes) => new Reader(bytes).buffer(),
}

/** Texts in UTF-8. */
export const utf8: Encoding<string> = { encode: toUtf8, decode: fromUtf8 }

/** `JSON.stringify` without spaces, as hyperbee's `json` writes it. */
export const json: Encoding<unknown> = {
  encode: (value) => toUtf8(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(fromUtf8(bytes)),
}

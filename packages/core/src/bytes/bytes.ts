/**
 * The few things everybody does with bytes: copy, join, compare, and write as text.
 *
 * Owns: the one hex and the one UTF-8 of the project. Bytes are `Uint8Array`; a `Buffer` that comes in
 * from outside is one too, so nothing here calls `slice`, which copies in one class and not in the other.
 * Results are new memory of the caller's unless the docstring says that they are views.
 */

import { DatError } from '../base/errors.ts'

/** No bytes. Shared by all who need none; there is nothing in it to change. */
export const EMPTY: Uint8Array = new Uint8Array(0)

/** New memory with the same content, whatever class `bytes` is of. */
export function copy(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length)
  out.set(bytes)
  return out
}

/** All parts one behind the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Same length, same content. Stops at the first difference: not for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Are `length` bytes of `a` from `atA` and of `b` from `atB` the same? False beyond either end. */
export function equalAt(
  a: Uint8Array,
  atA: number,
  b: Uint8Array,
  atB: number,
  length: number,
): boolean {
  if (atA + length > a.length || atB + length > b.length) return false
  for (let i = 0; i < length; i++) if (a[atA + i] !== b[atB + i]) return false
  return true
}

/** `equal` in a time that depends on the length alone. For capabilities, tags and other secrets. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

/** Order by unsigned bytes, a prefix before what continues it: negative, 0 or positive. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length)
  for (let i = 0; i < common; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Is every byte zero? True for no bytes. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

// ---- Text ----------------------------------------------------------------------------------------

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) =>
  i.toString(16).padStart(2, '0'),
)

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] ?? 0]
  return text
}

/** The bytes of a hex text, upper or lower case. Throws `BAD_ARGUMENT` for anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) {
    throw new DatError('BAD_ARGUMENT', 'Not a hex text.', { length: text.length })
  }
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return out
}

const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder('utf-8', { ignoreBOM: true })

/** The UTF-8 bytes of a text. A lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 bytes. Throws `BAD_FRAME` if they are not well-formed. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch (cause) {
    throw new DatError(
      'BAD_FRAME',
      'A text is not well-formed UTF-8.',
      { bytes: bytes.length },
      cause,
    )
  }
}

/** The text of UTF-8 bytes with U+FFFD for what is not well-formed: for showing, never for comparing. */
export function fromUtf8Lossy(bytes: Uint8Array): string {
  return lossy.decode(bytes)
}

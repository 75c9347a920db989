/**
 * Bencode, the encoding of BitTorrent's messages (BEP 3).
 *
 * Owns: both directions. Strings are bytes, dictionaries are maps whose keys are read as Latin-1. Always true: any bytes are
 * one value or `undefined`; work is in proportion to their length, nesting and number of values are bounded.
 */

import { BENCODE_DEPTH_MAX, BENCODE_VALUES_MAX } from '@dat-rhino/core/base/limits'
import { concat } from '@dat-rhino/core/bytes/bytes'

/** A value. */
export type Bencoded = number | Uint8Array | readonly Bencoded[] | BencodedMap

/** A dictionary; it is written in order of its keys, as it has to be. */
export type BencodedMap = ReadonlyMap<string, Bencoded>

const [D, E, I, L, COLON, MINUS, ZERO, NINE] = [0x64, 0x65, 0x69, 0x6c, 0x3a, 0x2d, 0x30, 0x39]
/** Digits of the greatest safe integer. */
const DIGITS_MAX = 16

/** The one way to write a value: keys in the order of their bytes. Numbers are whole. */
export function bencode(value: Bencoded): Uint8Array {
  if (typeof value === 'number') return latin1(`i${value}e`)
  if (value instanceof Uint8Array) return concat(latin1(`${value.length}:`), value)
  const parts: Uint8Array[] = []
  if (isList(value)) for (const item of value) parts.push(bencode(item))
  else {
    for (const key of [...value.keys()].sort()) {
      const item = value.get(key)
      if (item !== undefined) parts.push(bencode(latin1(key)), bencode(item))
    }
  }
  return concat(latin1(isList(value) ? 'l' : 'd'), ...parts, latin1('e'))
}

/** The one value that the bytes are; views into them. Undefined: they are none. */
export function bdecode(bytes: Uint8Array): Bencoded | undefined {
  const reader = new BencodeReader(bytes)
  const value = reader.value(0)
  return reader.isAtEnd ? value : undefined
}

/** An ASCII text as bytes. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0))
}

/** The dictionary's value if it is a string; `length` asks for one of that many bytes. */
export function bytesAt(
  map: Bencoded | undefined,
  key: string,
  length?: number,
): Uint8Array | undefined {
  const value = map instanceof Map ? map.get(key) : undefined
  if (!(value instanceof Uint8Array)) return undefined
  return length === undefined || value.length === length ? value : undefined
}

function isList(value: readonly Bencoded[] | BencodedMap): value is readonly Bencoded[] {
  return Array.isArray(value)
}

class BencodeReader {
  readonly #bytes: Uint8Array
  #at = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Undefined: there is none, and nothing behind it may be read. */
  value(depth: number): Bencoded | undefined {
    if (depth > BENCODE_DEPTH_MAX || ++this.#count > BENCODE_VALUES_MAX) return undefined
    const first = this.#bytes[this.#at]
    if (first === I) {
      this.#at++
      return this.#number(E)
    }
    if (first === L || first === D) {
      this.#at++
      return first === L ? this.#list(depth + 1) : this.#map(depth + 1)
    }
    return this.#string()
  }

  #list(depth: number): Bencoded | undefined {
    const items: Bencoded[] = []
    while (this.#bytes[this.#at] !== E) {
      const item = this.value(depth)
      if (item === undefined) return undefined
      items.push(item)
    }
    this.#at++
    return items
  }

  #map(depth: number): Bencoded | undefined {
    const map = new Map<string, Bencoded>()
    while (this.#bytes[this.#at] !== E) {
      const key = this.#string()
      const item = key === undefined ? undefined : this.value(depth)
      if (key === undefined || item === undefined) return undefined
      map.set(String.fromCharCode(...key.subarray(0, 64)), item)
    }
    this.#at++
    return map
  }

  #string(): Uint8Array | undefined {
    const length = this.#number(COLON)
    if (length === undefined || length < 0 || this.#at + length > this.#bytes.length) {
      return undefined
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Decimal digits and what ends them. */
  #number(end: number): number | undefined {
    const isNegative = this.#bytes[this.#at] === MINUS
    if (isNegative) this.#at++
    let value = 0
    for (let digits = 0; digits <= DIGITS_MAX; digits++) {
      const byte = this.#bytes[this.#at++]
      if (byte === end && digits > 0) {
        return Number.isSafeInteger(value) ? (isNegative ? -value : value) : undefined
      }
      if (byte === undefined || byte < ZERO || byte > NINE) return undefined
      value = value * 10 + (byte - ZERO)
    }
    return undefined
  }
}

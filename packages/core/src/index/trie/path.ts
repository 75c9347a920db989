/**
 * The way of a key through the trie, digit by digit.
 *
 *     position 0            1 if hidden, else 0
 *     1 … 4 × hash bytes    two bits of the hash each, low bits first; a component takes 32
 *     the last              4: here it ends
 *
 * Owns: the digits, the components, and the questions that need both. The last digit of a component is a terminator:
 * there two components with one hash must be told apart by their names, which is to collide.
 * Source: the hypertrie specification, section 3.
 */

import { TRIE_COMPONENTS_MAX } from '../../base/limits.ts'
import { utf8 } from '../../bytes/bytes.ts'
import { SIPHASH_BYTES, sipHash } from './siphash.ts'

/** The digit of the end. */
export const END = 4
/** Digits of one component. */
export const COMPONENT_DIGITS = 32

/** Hash of all components, 8 bytes each. */
export type Hash = (components: readonly string[]) => Uint8Array

/** A key with its digits. */
export class Path {
  readonly key: string
  readonly hidden: boolean
  readonly components: readonly string[]
  readonly hash: Uint8Array
  /** Number of digits. */
  readonly length: number

  /** @param key as `normalized` gives it */
  constructor(key: string, hidden: boolean, hash: Hash = hashed) {
    this.key = key
    this.hidden = hidden
    this.components = split(key)
    this.hash = hash(this.components)
    this.length = 4 * this.hash.length + 2
  }

  digit(i: number): number {
    if (i === 0) return this.hidden ? 1 : 0
    const byte = this.hash[(i - 1) >> 2]
    return byte === undefined ? END : (byte >> (2 * ((i - 1) & 3))) & 3
  }

  /** Have the components that end at terminator `i` different names? */
  collides(other: Path, i: number): boolean {
    const component = i / COMPONENT_DIGITS - 1
    return this.components[component] !== other.components[component]
  }

  /** Are all digits before `i` the same, and the names of all components that end there? */
  sharesWith(other: Path, i: number): boolean {
    if (i === 0) return true
    if (this.hidden !== other.hidden || i > this.length || i > other.length) return false
    const whole = (i - 1) >> 2
    for (let at = 0; at < whole; at++) if (this.hash[at] !== other.hash[at]) return false
    for (let at = 4 * whole + 1; at < i; at++) if (this.digit(at) !== other.digit(at)) return false
    const components = Math.floor((i - 1) / COMPONENT_DIGITS)
    for (let c = 0; c < components; c++) {
      if (this.components[c] !== other.components[c]) return false
    }
    return true
  }
}

/** Is digit `i` the last of a component? */
export function isTerminator(i: number): boolean {
  return i > 0 && (i & (COMPONENT_DIGITS - 1)) === 0
}

/** A key as it is written: without its first slash. */
export function normalized(key: string): string {
  return key.startsWith('/') ? key.slice(1) : key
}

/** Has a key more components than anybody uses? */
export function hasTooMany(key: string): boolean {
  let count = 1
  for (let at = key.indexOf('/'); at !== -1; at = key.indexOf('/', at + 1)) count++
  return count > TRIE_COMPONENTS_MAX
}

function split(key: string): readonly string[] {
  const components = key.split('/')
  if (components[0] === '') components.shift()
  if (components.at(-1) === '') components.pop()
  return components
}

function hashed(components: readonly string[]): Uint8Array {
  const out = new Uint8Array(SIPHASH_BYTES * components.length)
  for (let i = 0; i < components.length; i++) {
    const component = components[i] ?? ''
    const length = writeAscii(component, scratch)
    if (length === NOT_ASCII) {
      const bytes = utf8(component)
      sipHash(bytes, bytes.length, out, SIPHASH_BYTES * i)
    } else {
      sipHash(scratch, length, out, SIPHASH_BYTES * i)
    }
  }
  return out
}

/** Most components are short and ASCII: a `TextEncoder` call for each took a seventh of a walk's time. */
const scratch = new Uint8Array(256)
const NOT_ASCII = -1

/** Number of bytes written. */
function writeAscii(text: string, into: Uint8Array): number {
  if (text.length > into.length) return NOT_ASCII
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return NOT_ASCII
    into[i] = code
  }
  return text.length
}

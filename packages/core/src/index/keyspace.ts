/**
 * Keys below a prefix: what a sub adds to a bee.
 *
 * Owns: the prefix and the arithmetic of ranges below it. A key of the sub is `prefix ‖ key` in the tree. A range
 * that is open at an end ends there with the prefix: at `prefix` itself, and before the next byte string that
 * does not begin with it. (Hyperbee's own subs begin behind `prefix ‖ 00`, so they never list the empty key
 * and the key `00`, which they do hold; ours list everything that `get` finds.)
 * Source: the hyperbee specification, section 7.
 */

import { concat, EMPTY, equalAt } from '../bytes/bytes.ts'
import type { BeeRange } from './types.ts'

const ZERO: Uint8Array = Uint8Array.of(0)

/** All keys that begin with one prefix. */
export class Keyspace {
  static readonly ALL: Keyspace = new Keyspace(EMPTY)
  readonly prefix: Uint8Array
  readonly #end: Uint8Array | undefined

  constructor(prefix: Uint8Array) {
    this.prefix = prefix
    this.#end = behind(prefix)
  }

  /** The keys of this space that begin with `name` and `separator`, as a space of their own. */
  sub(name: Uint8Array, separator: Uint8Array = ZERO): Keyspace {
    return new Keyspace(concat(this.prefix, name, separator))
  }

  /** The key in the tree. */
  encode(key: Uint8Array): Uint8Array {
    return this.prefix.length === 0 ? key : concat(this.prefix, key)
  }

  /** The key in this space: a view. */
  decode(key: Uint8Array): Uint8Array {
    return this.prefix.length === 0 ? key : key.subarray(this.prefix.length)
  }

  /** Does this key of the tree belong to this space? */
  has(key: Uint8Array): boolean {
    return equalAt(key, 0, this.prefix, 0, this.prefix.length)
  }

  encodeRange(range: BeeRange): BeeRange {
    if (this.prefix.length === 0) return range
    const { gt, gte, lt, lte, reverse, limit } = range
    const encoded = {
      gt: gt && this.encode(gt),
      gte: gt === undefined ? this.encode(gte ?? EMPTY) : undefined,
      lt: lt && this.encode(lt),
      lte: lte && this.encode(lte),
      reverse,
      limit,
    }
    if (lt === undefined && lte === undefined) encoded.lt = this.#end
    return encoded
  }
}

/** The first byte string behind all that begin with `prefix`; `undefined` if there is none. */
export function behind(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return undefined
  const end = concat(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] ?? 0) + 1
  return end
}

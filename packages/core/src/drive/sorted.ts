/** The order of names in drives: that of their bytes. */

import { compare, utf8 } from '../bytes/bytes.ts'

/** In order of the bytes of what `textOf` gives. */
export function sorted<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, bytes: utf8(textOf(item)) }))
  keyed.sort((a, b) => compare(a.bytes, b.bytes))
  return keyed.map(({ item }) => item)
}

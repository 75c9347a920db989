/**
 * z-base-32, the text form of keys on today's network.
 *
 * Owns: the alphabet and both directions. Most significant bit first, no padding; bits that are left over
 * in the last character are written as zeros and ignored when reading, as everybody does.
 */

const ALPHABET = 'ybndrfg8ejkmcpqxot1uwisza345h769'

const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (c, i) => [c, i]))

/** The text of `bytes`: 52 characters for a key. */
export function z32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let count = 0
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff
    count += 8
    for (; count >= 5; count -= 5) text += ALPHABET.charAt((bits >>> (count - 5)) & 31)
  }
  return count === 0 ? text : text + ALPHABET.charAt((bits << (5 - count)) & 31)
}

/** The bytes of a text; `undefined` if a character is not in the alphabet (upper case is not). */
export function fromZ32(text: string): Uint8Array | undefined {
  const out = new Uint8Array(Math.floor((text.length * 5) / 8))
  let bits = 0
  let count = 0
  let at = 0
  for (const character of text) {
    const value = VALUES.get(character)
    if (value === undefined) return undefined
    bits = ((bits << 5) | value) & 0xfff
    count += 5
    if (count < 8) continue
    count -= 8
    out[at++] = (bits >>> count) & 0xff
  }
  return out
}

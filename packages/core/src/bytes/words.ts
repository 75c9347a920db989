/**
 * Bits in arrays of 32-bit words, least significant bit first: the arithmetic below `Bitfield`.
 *
 * Owns: filling, counting, searching and copying ranges of bits without a step per bit. A range is
 * `start .. end`, end not included, within the words; nobody checks that here.
 */

const ALL = 0xffffffff

/** Set bits of a 32-bit word. */
export function popcount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Number of the lowest set bit; 32 for zero. */
function lowestBit(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word)
}

/** The bits of word `w` that lie in `start .. end`. */
function mask(w: number, start: number, end: number): number {
  const from = Math.max(start - w * 32, 0)
  const to = Math.min(end - w * 32, 32)
  // A shift by 32 is a shift by 0, so the full word is a case of its own.
  const below = to === 32 ? ALL : (1 << to) - 1
  return below & (ALL << from)
}

/** Sets or clears a range; returns by how much the number of set bits changed. */
export function fillBits(words: Uint32Array, start: number, end: number, value: boolean): number {
  let change = 0
  for (let w = start >>> 5; w * 32 < end; w++) {
    const old = words[w] ?? 0
    const bits = mask(w, start, end)
    const now = value ? old | bits : old & ~bits
    if (now === old) continue
    words[w] = now
    change += popcount(now) - popcount(old)
  }
  return change
}

/** Number of set bits in a range. */
export function countBits(words: Uint32Array, start: number, end: number): number {
  let count = 0
  for (let w = start >>> 5; w * 32 < end; w++) {
    count += popcount((words[w] ?? 0) & mask(w, start, end))
  }
  return count
}

/** First bit of a range that is `value`; `end` if there is none. */
export function findBit(words: Uint32Array, start: number, end: number, value: boolean): number {
  for (let w = start >>> 5; w * 32 < end; w++) {
    const word = words[w] ?? 0
    const hits = (value ? word : ~word) & mask(w, start, end)
    if (hits !== 0) return w * 32 + lowestBit(hits)
  }
  return end
}

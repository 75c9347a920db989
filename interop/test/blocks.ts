/** Test data that looks random and is the same each time. */

/** Numbers 0 ≤ n < 2^32 from a seed (xorshift32). */
export function randomNumbers(seed: number): () => number {
  let x = seed | 0 || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}

/** `count` blocks of `minBytes` to `maxBytes`. */
export function randomBlocks(
  count: number,
  minBytes: number,
  maxBytes: number,
  seed = 1,
): Uint8Array[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, () => {
    const block = new Uint8Array(minBytes + (next() % (maxBytes - minBytes + 1)))
    for (let i = 0; i < block.length; i++) block[i] = next()
    return block
  })
}

/** Block after block, as one string: two lists are equal exactly when these are. */
export function fingerprint(blocks: readonly Uint8Array[]): string {
  return blocks.map((block) => Buffer.from(block).toString('hex')).join('\n')
}

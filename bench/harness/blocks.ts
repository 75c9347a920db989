/**
 * Blocks of content that look random, are the same in every process, and cost little more than a copy.
 *
 * Owns: the pool and how block `i` is cut from it. Compression must not help, so the pool is pseudo-random; no
 * two blocks are equal, because each starts with its number.
 */

const POOL_BYTES = 1 << 20
const pool = fill()

function fill(): Uint8Array {
  const bytes = new Uint8Array(POOL_BYTES)
  let x = 0x9e3779b9
  for (let i = 0; i < POOL_BYTES; i += 4) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes[i] = x
    bytes[i + 1] = x >>> 8
    bytes[i + 2] = x >>> 16
    bytes[i + 3] = x >>> 24
  }
  return bytes
}

/** Block number `index`, of `size` bytes. A Buffer, because the reference takes nothing else everywhere. */
export function block(index: number, size: number): Buffer {
  const from = (index * 7_919) % (POOL_BYTES - size)
  const bytes = Buffer.allocUnsafe(size)
  bytes.set(pool.subarray(from, from + size))
  bytes.writeUInt32LE(index, 0)
  return bytes
}

export function blocks(count: number, size: number, from = 0): Buffer[] {
  return Array.from({ length: count }, (_, i) => block(from + i, size))
}

/** Throws unless `bytes` is block `index`. */
export function check(index: number, size: number, bytes: Uint8Array | null | undefined): void {
  if (bytes == null || !block(index, size).equals(bytes)) {
    throw new Error(`Block ${index} is not what was written.`)
  }
}

/** Which blocks a run reads, in an order without pattern: `count` numbers below `length`. */
export function randomOrder(count: number, length: number): Uint32Array {
  const order = new Uint32Array(count)
  let x = 0x2545f491
  for (let i = 0; i < count; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    order[i] = (x >>> 0) % length
  }
  return order
}

/**
 * Operations that each process does before the clock starts, so that both sides run compiled code: a twentieth of
 * the run, in whole batches.
 */
export function warmCount(count: number, batch = 1): number {
  return batch * Math.ceil(count / 20 / batch)
}

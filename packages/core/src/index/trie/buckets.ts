/**
 * What a node knows of other nodes: for each position of its path, the newest ones that go another way from there.
 *
 *     buckets := varint positions, then for each that is used, ascending: varint position, varint mask, varint seq …
 *
 * Owns: both ways, and how a bucket is filled. Slot `s` of a bucket is for nodes whose digit is `s mod 5`; slots of 5 and
 * more are for those that collide. Every seq is older than the node itself, so following them ends.
 * Source: the hypertrie specification, section 4.
 */

import { DatError } from '../../base/errors.ts'
import { TRIE_BUCKETS_BYTES_MAX } from '../../base/limits.ts'
import { Reader, Writer } from '../../bytes/cursor.ts'

/** Digits that a position can have. */
export const DIGITS = 5
/** Slots of a bucket: as many as its mask has bits. */
const SLOTS_MAX = 32

/** Slots of one position; 0 is an empty one. */
export type Bucket = readonly number[]
/** Buckets by position. */
export type Buckets = ReadonlyMap<number, Bucket>

/** No slots. */
export const EMPTY_BUCKET: Bucket = []

/**
 * @param seq the node's own
 * @param positions number of digits of its path
 * @throws DatError BAD_FRAME for what no writer makes
 */
export function decodeBuckets(bytes: Uint8Array, seq: number, positions: number): Buckets {
  const buckets = new Map<number, Bucket>()
  if (bytes.length > TRIE_BUCKETS_BYTES_MAX) throw broken('they are too long')
  const reader = new Reader(bytes)
  reader.varint()
  let last = -1
  while (reader.left > 0) {
    const position = reader.varint()
    if (position <= last || position >= positions) throw broken('a position is out of order')
    last = position
    buckets.set(position, readBucket(reader, seq))
  }
  return buckets
}

function readBucket(reader: Reader, seq: number): Bucket {
  const bucket: number[] = []
  let mask = reader.varint()
  if (mask >= 2 ** SLOTS_MAX) throw broken('a mask is too long')
  for (; mask > 0; mask = Math.floor(mask / 2)) {
    const older = mask % 2 === 1 ? reader.varint() : 0
    if (mask % 2 === 1 && (older === 0 || older >= seq)) throw broken(`it refers to block ${older}`)
    bucket.push(older)
  }
  return bucket
}

/** The bytes of buckets. Throws `BAD_ARGUMENT` if they are more than hypertrie writes. */
export function encodeBuckets(buckets: Buckets): Uint8Array {
  const writer = new Writer(128)
  const positions = [...buckets.keys()].sort((a, b) => a - b)
  writer.varint((positions.at(-1) ?? -1) + 1)
  for (const position of positions) {
    const bucket = buckets.get(position) ?? EMPTY_BUCKET
    let mask = 0
    for (let slot = 0; slot < bucket.length; slot++) if (bucket[slot]) mask += 2 ** slot
    writer.varint(position)
    writer.varint(mask)
    for (const seq of bucket) if (seq) writer.varint(seq)
  }
  if (writer.at > TRIE_BUCKETS_BYTES_MAX) throw tooMany()
  return writer.take()
}

/** Puts a node into the first free slot of its digit, unless the bucket has it. */
export function push(
  buckets: Map<number, number[]>,
  position: number,
  digit: number,
  seq: number,
): void {
  const bucket = buckets.get(position) ?? []
  buckets.set(position, bucket)
  if (bucket.includes(seq)) return
  let slot = digit % DIGITS
  while (bucket[slot]) slot += DIGITS
  if (slot >= SLOTS_MAX - 1) throw tooMany()
  while (bucket.length < slot) bucket.push(0)
  bucket[slot] = seq
}

function broken(why: string): DatError {
  return new DatError('BAD_FRAME', `Buckets are broken: ${why}.`)
}

function tooMany(): DatError {
  return new DatError('BAD_ARGUMENT', 'The key has too many neighbours to be written: use another.')
}

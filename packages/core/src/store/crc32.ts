/**
 * CRC-32 (IEEE 802.3, as zlib and PNG have it): the checksum of everything in a store's files.
 *
 * Owns: the function type and a table-driven fallback. A platform with a native one (`zlib.crc32` of Node, ten times
 * faster) hands it in when the store is opened; both give the same numbers.
 */

/** The checksum of `bytes`; `seed` is the checksum of what comes before them, 0 for nothing. */
export type Crc32 = (bytes: Uint8Array, seed?: number) => number

const POLYNOMIAL = 0xedb88320

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1
  return rest >>> 0
})

export const crc32: Crc32 = (bytes, seed = 0) => {
  let rest = ~seed
  for (let i = 0; i < bytes.length; i++) {
    rest = (TABLE[(rest ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (rest >>> 8)
  }
  return ~rest >>> 0
}

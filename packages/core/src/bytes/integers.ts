/**
 * Whole numbers in bytes, as free functions over `(bytes, at)`: fixed widths in both byte orders, and the
 * two variable forms of the field.
 *
 * Owns: the one varint of each kind.
 *
 * - `uint`: the compact integer of generation 3. Up to 0xfc the byte itself, else `fd` + u16, `fe` + u32,
 *   `ff` + u64, little-endian. We always write the shortest form (manifest hashes depend on it).
 * - `varint`: LEB128 as protobuf has it, 7 bits per byte, lowest first.
 *
 * All numbers are in 0 .. 2^53 - 1. These functions do not check the end of the buffer: `Reader` and
 * `Writer` (cursor.ts) do. Beyond the end they read zeros and write nothing.
 */

const TWO_32 = 0x1_0000_0000

/** Two bytes, lowest first. */
export function readU16LE(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}

/** Four bytes, lowest first. */
export function readU32LE(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 3] ?? 0) * 0x1000000
  return high + (((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at] ?? 0))
}

/** Four bytes, highest first. */
export function readU32BE(bytes: Uint8Array, at: number): number {
  const high = (bytes[at] ?? 0) * 0x1000000
  return high + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
}

/** May return more than 2^53 - 1, rounded: compare with `Number.MAX_SAFE_INTEGER` before use. */
export function readU64LE(bytes: Uint8Array, at: number): number {
  return readU32LE(bytes, at + 4) * TWO_32 + readU32LE(bytes, at)
}

/** May return more than 2^53 - 1, rounded: compare with `Number.MAX_SAFE_INTEGER` before use. */
export function readU64BE(bytes: Uint8Array, at: number): number {
  return readU32BE(bytes, at) * TWO_32 + readU32BE(bytes, at + 4)
}

/** Two bytes, lowest first. */
export function writeU16LE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

/** Four bytes, lowest first; of larger numbers the lowest 32 bits. */
export function writeU32LE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** Four bytes, highest first; of larger numbers the lowest 32 bits. */
export function writeU32BE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Eight bytes, lowest first. */
export function writeU64LE(bytes: Uint8Array, at: number, value: number): void {
  writeU32LE(bytes, at, value)
  writeU32LE(bytes, at + 4, Math.floor(value / TWO_32))
}

/** Eight bytes, highest first. */
export function writeU64BE(bytes: Uint8Array, at: number, value: number): void {
  writeU32BE(bytes, at, Math.floor(value / TWO_32))
  writeU32BE(bytes, at + 4, value)
}

// ---- uint, the compact integer -------------------------------------------------------------------

/** Bytes that `writeUint` will write. */
export function uintBytes(value: number): number {
  return value <= 0xfc ? 1 : value <= 0xffff ? 3 : value <= 0xffffffff ? 5 : 9
}

/** Writes the shortest form and returns the offset behind it. */
export function writeUint(bytes: Uint8Array, at: number, value: number): number {
  if (value <= 0xfc) {
    bytes[at] = value
    return at + 1
  }
  if (value <= 0xffff) {
    bytes[at] = 0xfd
    writeU16LE(bytes, at + 1, value)
    return at + 3
  }
  if (value <= 0xffffffff) {
    bytes[at] = 0xfe
    writeU32LE(bytes, at + 1, value)
    return at + 5
  }
  bytes[at] = 0xff
  writeU64LE(bytes, at + 1, value)
  return at + 9
}

// ---- varint, LEB128 ------------------------------------------------------------------------------

/** Bytes that `writeVarint` will write. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/** Writes the shortest form and returns the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  // Above 31 bits the operators would cut: divide until the rest fits.
  while (rest > 0x7fffffff) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at] = rest
  return at + 1
}

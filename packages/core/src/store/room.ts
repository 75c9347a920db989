/**
 * How much more a store takes, and the error when that is nothing.
 *
 * Owns: two limits on blocks, asked before anything is staged: a quota that the owner gives, and bytes of the disk that
 * are left to everybody else. These statements always hold:
 *
 * - Only blocks are counted out. Heads, hashes, user data, and above all what gives space back (clearing, deleting,
 *   the index) are written in any case, so a full store can always be emptied again.
 * - The file system is asked once for `ROOM_MEASURE_BYTES`, and always before something is refused.
 */

import { DatError } from '../base/errors.ts'
import { ROOM_MEASURE_BYTES } from '../base/limits.ts'

/** What there is to count. */
export interface RoomHost {
  /** Bytes that the store takes, with everything below `measuredTo`. */
  usedBytes(): number
  /** Bytes free where the store lies; Infinity where nobody knows. */
  freeBytes(): number
  /** The address that `usedBytes` and `freeBytes` reach to. */
  measuredTo(): number
}

export class Room {
  #quotaBytes: number
  readonly #keepFreeBytes: number
  readonly #host: RoomHost
  /** Blocks that end at or before this address are taken without measuring again. */
  #known = -1

  constructor(quotaBytes: number, keepFreeBytes: number, host: RoomHost) {
    this.#quotaBytes = checkBytes('quotaBytes', quotaBytes)
    this.#keepFreeBytes = checkBytes('keepFreeBytes', keepFreeBytes)
    this.#host = host
  }

  /** The quota from now on. Throws `BAD_ARGUMENT`. */
  setQuota(bytes: number): void {
    this.#quotaBytes = checkBytes('quotaBytes', bytes)
    this.#known = -1
  }

  /** Throws `STORE_FULL` if a block of `bytes` bytes staged at `address` would not leave what has to be left. */
  check(address: number, bytes: number): void {
    const end = address + bytes
    if (end <= this.#known) return
    const last = this.#host.measuredTo() + this.left
    if (end > last) throw this.#full(bytes)
    this.#known = Math.min(last, end + ROOM_MEASURE_BYTES)
  }

  /** Bytes of blocks that are still taken, 0 or more; Infinity where nothing limits them. */
  get left(): number {
    const { left } = this.#measure()
    return left
  }

  #measure(): { left: number; used: number; free: number } {
    const used = this.#quotaBytes === Number.POSITIVE_INFINITY ? 0 : this.#host.usedBytes()
    const free = this.#keepFreeBytes === 0 ? Number.POSITIVE_INFINITY : this.#host.freeBytes()
    const left = Math.max(0, Math.min(this.#quotaBytes - used, free - this.#keepFreeBytes))
    return { left, used, free }
  }

  #full(bytes: number): DatError {
    // What was measured long ago may be wrong by now.
    this.#known = -1
    const { used, free } = this.#measure()
    const quotaBytes = this.#quotaBytes
    const keepFreeBytes = this.#keepFreeBytes
    if (quotaBytes - used <= free - keepFreeBytes) {
      return new DatError(
        'STORE_FULL',
        `The store has used up its quota of ${quotaBytes} bytes. Clear or delete what is not needed, or give it more.`,
        { bytes, quotaBytes, usedBytes: used },
      )
    }
    return new DatError(
      'STORE_FULL',
      `The disk has ${free} bytes left, and ${keepFreeBytes} are kept free. Make room there, or keep less free.`,
      { bytes, keepFreeBytes, freeBytes: free },
    )
  }
}

function checkBytes(name: string, bytes: number): number {
  if (bytes === Number.POSITIVE_INFINITY || (Number.isSafeInteger(bytes) && bytes >= 0)) {
    return bytes
  }
  throw new DatError('BAD_ARGUMENT', `${name} is a number of bytes, 0 or more.`, { [name]: bytes })
}

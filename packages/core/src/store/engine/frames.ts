/**
 * The frames of an index file, and reading them back however badly the file fared.
 *
 *     index := header, frame *
 *     frame := length:  u32   // of the payload
 *              crc32:   u32   // of everything behind this field
 *              number:  u32   // one more than that of the frame before
 *              flags:   u32   // 1: the next frame belongs to the same step; all of a step count, or none
 *              payload: item *
 *
 * Owns: this grammar. A frame that is cut short at the end of the file was never promised to anybody. A damaged frame
 * with right ones behind it is damage: `before` then has the whole steps before it, which together with the data log
 * may still be everything, and `behind` each other frame that is right. Do not change these numbers.
 */

import { RECORD_BYTES_MAX } from '../../base/limits.ts'
import type { Pace } from '../../base/pace.ts'
import { Writer } from '../../bytes/cursor.ts'
import { readU32LE, writeU32LE } from '../../bytes/integers.ts'
import type { Crc32 } from '../crc32.ts'
import { HEADER_BYTES } from './format.ts'

/** In front of the items of a frame. */
export const FRAME_HEADER_BYTES = 16
const BODY_AT = 8
const NUMBER_AT = 8
const FLAGS_AT = 12
const FLAG_CONTINUED = 1
/** Frames that one damaged place can have swallowed, at most. */
const NUMBERS_LOST_MAX = 65_536

/** A frame's payload within the bytes of the file. */
export interface Frame {
  readonly from: number
  readonly end: number
  readonly number: number
}

/** What can be read of an index file. */
export interface Frames {
  readonly before: readonly Frame[]
  readonly behind: readonly Frame[]
  /** Behind the last frame of `before`. */
  readonly end: number
}

/** A writer with room for the header of a frame; `sealFrame` fills it in. */
export function beginFrame(): Writer {
  const writer = new Writer(4_096)
  writer.skip(FRAME_HEADER_BYTES)
  return writer
}

/** The frame's bytes; a view of the writer's. */
export function sealFrame(
  writer: Writer,
  number: number,
  continued: boolean,
  crc32: Crc32,
): Uint8Array {
  const bytes = writer.view()
  writeU32LE(bytes, 0, bytes.length - FRAME_HEADER_BYTES)
  writeU32LE(bytes, NUMBER_AT, number)
  writeU32LE(bytes, FLAGS_AT, continued ? FLAG_CONTINUED : 0)
  writeU32LE(bytes, 4, crc32(bytes.subarray(BODY_AT)))
  return bytes
}

/** Finds the frames in the content of an index file, also behind damage. */
export async function readFrames(bytes: Uint8Array, crc32: Crc32, pace: Pace): Promise<Frames> {
  const before: Frame[] = []
  let step: Frame[] = []
  let at = HEADER_BYTES
  let end = at
  let number = -1
  while (isFrame(bytes, at, crc32)) {
    const frame = frameAt(bytes, at)
    if (number >= 0 && frame.number !== number + 1) break
    number = frame.number
    step.push(frame)
    at = frame.end
    if (pace.isOver) await pace.turn()
    if (isContinued(bytes, frame)) continue
    before.push(...step)
    step = []
    end = at
  }
  return { before, behind: [...step, ...framesBehind(bytes, at, number, crc32)], end }
}

/** Right frames anywhere behind a damaged one, with numbers that rise. */
function framesBehind(bytes: Uint8Array, from: number, number: number, crc32: Crc32): Frame[] {
  const found: Frame[] = []
  let last = number
  for (let at = from + 1; at + FRAME_HEADER_BYTES <= bytes.length; at++) {
    const claimed = readU32LE(bytes, at + NUMBER_AT)
    // A number far off is not a frame's; without this bound every offset might cost a checksum.
    if (claimed <= last || claimed > last + NUMBERS_LOST_MAX) continue
    if (!isFrame(bytes, at, crc32)) continue
    const frame = frameAt(bytes, at)
    found.push(frame)
    last = claimed
    at = frame.end - 1
  }
  return found
}

function frameAt(bytes: Uint8Array, at: number): Frame {
  const from = at + FRAME_HEADER_BYTES
  return { from, end: from + readU32LE(bytes, at), number: readU32LE(bytes, at + NUMBER_AT) }
}

function isContinued(bytes: Uint8Array, frame: Frame): boolean {
  return (readU32LE(bytes, frame.from - FRAME_HEADER_BYTES + FLAGS_AT) & FLAG_CONTINUED) !== 0
}

function isFrame(bytes: Uint8Array, at: number, crc32: Crc32): boolean {
  if (at + FRAME_HEADER_BYTES > bytes.length || readU32LE(bytes, at + FLAGS_AT) > FLAG_CONTINUED) {
    return false
  }
  const end = at + FRAME_HEADER_BYTES + readU32LE(bytes, at)
  if (end > bytes.length || end - at > RECORD_BYTES_MAX) return false
  return crc32(bytes.subarray(at + BODY_AT, end)) === readU32LE(bytes, at + 4)
}

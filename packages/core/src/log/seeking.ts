/**
 * Where a byte of a log lies, asking peers for the nodes that tell.
 *
 * Owns: the rounds of asking. Each brings the range in which the byte may lie down to a part of itself.
 */

import { DatError } from '../base/errors.ts'
import type { Log } from './log.ts'
import type { WaitOptions } from './remote.ts'
import type { Waits } from './waits.ts'

/** Rounds of asking in one seek: each halves the range, so honest answers need fewer. */
const SEEK_ROUNDS_MAX = 64

/** Where a byte lies: in which block, and how far into it. */
export interface BytePlace {
  readonly index: number
  readonly offset: number
}

/** The block in which byte `byte` lies and the place in it; undefined beyond the end. */
export async function seekByte(
  log: Log,
  waits: Waits,
  byte: number,
  options: WaitOptions,
): Promise<BytePlace | undefined> {
  checkIndex(byte)
  const { replica } = log
  for (let round = 0; round < SEEK_ROUNDS_MAX; round++) {
    log.checkOpen()
    const found = replica.seekLocal(byte, log.paddingBytes)
    if (found.kind === 'found') return { index: found.index, offset: found.offset }
    if (found.kind === 'outside') return undefined
    const isThere = (): boolean => replica.seekLocal(byte, log.paddingBytes).kind !== 'range'
    await waits.run(options, (wait) =>
      waits.ask(wait, isThere, (remote, left) => remote.seek(byte, log.paddingBytes, left)),
    )
  }
  throw new DatError('NOT_AVAILABLE', 'Peers do not tell where that byte lies.', { byte })
}

/** Throws unless it is a whole number from 0 on. */
export function checkIndex(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new DatError('BAD_ARGUMENT', 'A whole number from 0 on is needed.', { value })
}

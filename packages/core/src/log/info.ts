/**
 * A log in numbers.
 *
 * Owns: `log.info()`. Everything in it is of one moment and known here: nobody is asked.
 */

import { verifyConflict } from './conflict.ts'
import type { Log } from './log.ts'
import type { LogInfo } from './options.ts'

/** See `Log.info`. */
export function infoOf(log: Log): LogInfo {
  const { key, discoveryKey, length, byteLength, fork, contiguousLength } = log
  const { remoteContiguousLength, paddingBytes, writable, peerCount } = log
  const { frozen, slot, conflict: evidence } = log.replica
  const { heldBlocks } = slot
  const held = { contiguousLength, heldBlocks, remoteContiguousLength }
  const conflict = evidence === undefined ? undefined : verifyConflict(evidence, key)
  const state = { writable, frozen, conflict, peerCount }
  return { key, discoveryKey, length, byteLength, fork, ...held, paddingBytes, ...state }
}

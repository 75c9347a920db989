/**
 * A log from somebody's old files, taken into a store of ours: only what is proved, with its own signatures.
 *
 * Owns: the call and what it tells. How the files are verified is in `adoption.ts`.
 */

import type { AdoptOptions, AdoptReport } from './adopt-report.ts'
import type { Replica } from './replica.ts'
import type { StoredLog } from './stored-log.ts'

export type {
  AdoptOptions,
  AdoptProgress,
  AdoptReport,
  DamagedBlock,
  DamageReason,
} from './adopt-report.ts'

/**
 * Verifies everything and keeps what can be verified, committed in slices. The replica is of the same key and
 * generation; what it holds already stays. The source is neither written to nor closed.
 *
 * @throws DatError BAD_ARGUMENT for another log; CONFLICT if the replica has another history; BAD_SIGNATURE if
 *   nothing in the files is signed by its key; ABORTED between two slices (what was committed stays); and what
 *   commits throw
 */
export function adopt(
  replica: Replica,
  stored: StoredLog,
  options: AdoptOptions = {},
): Promise<AdoptReport> {
  return replica.adopt(stored, options)
}

/**
 * Why a log can't be written here.
 *
 * Owns: the order in which reasons are looked for, from what only another opening mends to what another key pair mends,
 * and what each tells people to do. `facts.reason` names it for programs. Asking costs no more than `writable` as long
 * as nothing is in the way.
 */

import { DatError } from '../base/errors.ts'
import type { Store } from '../store/store.ts'
import { forkedError } from './conflict.ts'
import { type LogState, missingKey } from './state.ts'

/**
 * What is in the way: how it was opened, its store, the missing secret key, or that one key pair is not enough. A
 * log that two histories are signed of is refused with the code `FORKED` instead.
 */
export type RefusalReason = 'handle' | 'store' | 'key' | 'signers'

/**
 * Throws unless the log may be changed: `NOT_WRITABLE`, or `FORKED` with what is proved.
 *
 * @param signature complete, from somebody who has what is missing here
 */
export function checkWritable(state: LogState, signature: Uint8Array | undefined): void {
  if (!state.store.writable) throw readOnlyStore(state.store)
  if (state.frozen) throw forkedError(state.conflict, state.slot.identity.key)
  if (signature !== undefined || state.maySign) return
  if (state.keyPair === undefined) throw missingKey()
  throw notWritable(
    'signers',
    'This key pair may not sign this log alone: collect the signatures of the others, and pass the complete one.',
  )
}

/** The error of whoever wants to change something in this store. */
export function readOnlyStore({ whyReadOnly, cause }: Store): DatError {
  const why = whyReadOnly ?? 'it was closed'
  return notWritable(
    'store',
    `The store of this log is read-only: ${why}. Open it for writing; a copied or damaged one needs \`recover\`, ` +
      'which is your word that no other copy of it goes on.',
    cause,
  )
}

/** The error of whoever has opened it so that it is not written. @param what `handle`, `bee` … */
export function openedForReading(what: string): DatError {
  return notWritable(
    'handle',
    `This ${what} is for reading only. Open another one, without \`readOnly\` or \`writable: false\`.`,
  )
}

function notWritable(reason: RefusalReason, message: string, cause?: unknown): DatError {
  return new DatError('NOT_WRITABLE', message, { reason }, cause)
}

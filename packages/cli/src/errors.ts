/**
 * What a person can do about an error, and the exit code a program sees.
 *
 * Owns: one hint per code, and the way in which any thrown value becomes a `DatError`.
 */

import { CODES, type Code, DatError } from '@dat-rhino/core/base/errors'

const HINTS: Partial<Record<Code, string>> = {
  BAD_LINK: 'A link looks like hyper://<52 letters and digits> or dat://<64 hex digits>.',
  NO_PEERS:
    'Is somebody sharing it right now? Is this machine online? Wait longer with --timeout SECONDS (0: no limit).',
  NOT_AVAILABLE:
    'Somebody else may have it, now or later: the same command goes on where this one stopped.',
  TIMEOUT: 'What has arrived is kept: the same command goes on where this one stopped.',
  LOCAL_CHANGES:
    'To have the files of the drive instead, use --force; yours are then kept as NAME.orig.',
  STORE_LOCKED:
    'Stop the other process first. (With --storage PATH this one has a store of its own; a share has another link by that.)',
  STORE_FULL: 'Make room and run the same command again: nothing is lost.',
  NOT_WRITABLE: 'Only a device that holds the secret key can change this.',
  STORE_TOO_NEW: 'Update dat.',
  INVARIANT:
    'This is a bug of dat. Please report it with what the same command says with --verbose.',
}

const RECOVER_HINT =
  'If no other copy of this folder is shared any more, say so with --recover. Two copies that change spoil the link.'

const QUOTA_HINT =
  'Give it a larger --quota, or make room with dat store, and run the same command again: nothing is lost.'

/** What to do about it, if that is not plain from the message. */
export function hintFor(error: DatError): string | undefined {
  if (error.code === 'NOT_WRITABLE') return hintForRefused(error)
  if (error.code === 'STORE_FULL' && error.facts['quotaBytes'] !== undefined) return QUOTA_HINT
  return HINTS[error.code]
}

/** Where something else than the secret key is missing, the message says what to do. */
function hintForRefused({ facts }: DatError): string | undefined {
  if (facts['recoverable'] === true) return RECOVER_HINT
  const { reason = 'key' } = facts
  return reason === 'key' ? HINTS.NOT_WRITABLE : undefined
}

/** The exit code of a run that ends with `error`. */
export function exitCodeOf(error: DatError): number {
  return CODES[error.code].exit
}

/** Errors of the system and of other libraries, in our terms. */
export function toDatError(thrown: unknown): DatError {
  if (thrown instanceof DatError) return thrown
  // What went wrong first made the closing go wrong too.
  if (thrown instanceof Error && 'suppressed' in thrown) return toDatError(thrown.suppressed)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new DatError('ABORTED', 'Stopped.', {}, thrown)
  }
  const system = systemCode(thrown)
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return new DatError('STORE_FULL', `The disk is full: ${message}`, { system }, thrown)
  }
  if (system !== undefined) return new DatError('IO', message, { system }, thrown)
  return new DatError('INVARIANT', message, {}, thrown)
}

/** The chain of causes with their stacks, for `--verbose`. */
export function explain(error: Error): string {
  const lines = [error.stack ?? String(error)]
  for (let cause = error.cause; cause !== undefined; ) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    lines.push(`caused by: ${text}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return lines.join('\n')
}

/** `ENOENT` and the like; the codes of Node itself (`ERR_…`) mean a fault of the program. */
function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  const { code } = thrown
  return typeof code === 'string' && /^E(?!RR_)[A-Z0-9]+$/.test(code) ? code : undefined
}

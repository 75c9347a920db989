/**
 * The one error class and the closed table of its codes.
 *
 * Owns: every way in which this project can fail, whose fault it is, and what a program or a person
 * should do. The CLI takes its exit codes from here, an HTTP server its statuses. A new way to fail
 * is a new row; two rows that ask the caller to do the same thing are one row.
 *
 * `undefined` and `false` are answers, never errors, and never stand for "nobody answered".
 */

/** Who must act: the caller, a remote peer, the disk, nobody (wait or go elsewhere), or us. */
export type Fault = 'caller' | 'remote' | 'disk' | 'nobody' | 'us'

/** Every code: whose fault, which HTTP status, which exit code of a command. */
export const CODES = {
  /** An argument has the wrong form or range; call again, corrected. */
  BAD_ARGUMENT: { fault: 'caller', http: 400, exit: 64 },
  /** The text is no key or link of any generation. */
  BAD_LINK: { fault: 'caller', http: 400, exit: 65 },
  /** The secret key is not here, or the store or session is read-only. */
  NOT_WRITABLE: { fault: 'caller', http: 403, exit: 77 },
  /** The log, drive, store or session was closed. */
  CLOSED: { fault: 'caller', http: 409, exit: 70 },
  /** The caller's AbortSignal fired. */
  ABORTED: { fault: 'caller', http: 499, exit: 130 },
  /** The policy of the store, a ban or earlier offences keep the peer out; change that, or wait. */
  DENIED: { fault: 'caller', http: 403, exit: 77 },
  /** This generation, format or platform cannot do that. */
  UNSUPPORTED: { fault: 'caller', http: 501, exit: 78 },
  /** The target holds something else already; nothing was changed. */
  CONFLICT: { fault: 'caller', http: 409, exit: 73 },
  /** Local files were edited since the last pass; they were not overwritten. */
  LOCAL_CHANGES: { fault: 'caller', http: 409, exit: 75 },

  /** The thing does not exist: known from verified data, not from silence. */
  NOT_FOUND: { fault: 'nobody', http: 404, exit: 66 },
  /** No peer that could answer was reachable. */
  NO_PEERS: { fault: 'nobody', http: 503, exit: 68 },
  /** Peers are there, but none holds what was asked. */
  NOT_AVAILABLE: { fault: 'nobody', http: 404, exit: 69 },
  /** The time that the caller gave ran out. */
  TIMEOUT: { fault: 'nobody', http: 504, exit: 124 },
  /** The log was truncated below what this snapshot or checkout needs. */
  SNAPSHOT_GONE: { fault: 'nobody', http: 410, exit: 69 },

  /** The peer's handshake or capability is wrong. */
  BAD_HANDSHAKE: { fault: 'remote', http: 502, exit: 76 },
  /** Bytes that cannot be decoded, or that break the wire's grammar. */
  BAD_FRAME: { fault: 'remote', http: 502, exit: 76 },
  /** Blocks or hashes that do not fit the signed tree. */
  BAD_PROOF: { fault: 'remote', http: 502, exit: 76 },
  /** A head or manifest that its key does not stand behind. */
  BAD_SIGNATURE: { fault: 'remote', http: 502, exit: 76 },
  /** The owner signed two histories under one key. */
  FORKED: { fault: 'remote', http: 502, exit: 76 },
  /** A named limit was exceeded. */
  OVER_LIMIT: { fault: 'remote', http: 502, exit: 76 },
  /** Signed content (a bee node, a drive row, a file name) that no honest writer makes. */
  BAD_CONTENT: { fault: 'remote', http: 502, exit: 76 },

  /** Stored bytes are damaged; `facts` name the file and the log. */
  CORRUPT_STORE: { fault: 'disk', http: 500, exit: 74 },
  /** Another process holds the store; `facts` name it. */
  STORE_LOCKED: { fault: 'disk', http: 503, exit: 71 },
  /** No room on the disk; reading goes on, writing resumes when there is room. */
  STORE_FULL: { fault: 'disk', http: 507, exit: 72 },
  /** The store was written by a newer version. */
  STORE_TOO_NEW: { fault: 'disk', http: 500, exit: 78 },
  /** The operating system refused a read or a write; `cause` says why. */
  IO: { fault: 'disk', http: 500, exit: 74 },

  /** A statement that must always hold does not: a bug of ours. */
  INVARIANT: { fault: 'us', http: 500, exit: 70 },
} as const

/** A code of the table. */
export type Code = keyof typeof CODES

/** The facts behind a message: index, key, path, peer. For programs; the message is for people. */
export type Facts = Readonly<Record<string, string | number | boolean>>

/** The only error that this project throws on purpose. */
export class DatError extends Error {
  override readonly name = 'DatError'
  readonly code: Code
  readonly facts: Facts

  /**
   * @param message what happened and, where it is not plain, what to do next
   * @param cause the error underneath, kept for `--verbose` and for logs
   */
  constructor(code: Code, message: string, facts: Facts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }

  get fault(): Fault {
    return CODES[this.code].fault
  }
}

/** Is `error` one of ours, and with this code? */
export function isCode(error: unknown, code: Code): error is DatError {
  return error instanceof DatError && error.code === code
}

/** Throws `INVARIANT` unless `condition` holds. Use where data is written and where it is read back. */
export function invariant(condition: boolean, message: string, facts?: Facts): asserts condition {
  if (!condition) throw new DatError('INVARIANT', message, facts)
}

/** Something that was thrown, as an error: code of others may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new DatError('INVARIANT', String(thrown))
}

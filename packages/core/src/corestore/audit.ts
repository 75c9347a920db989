/**
 * Is what is stored of all logs what their authors signed?
 *
 * Owns: the walk from log to log, in order of discovery key. One log after the other is opened, audited in slices
 * (`log/audit.ts`) and let go again: no peer hears of it, and memory stays that of one log. A log that can't be opened
 * or read is told and passed over; one that is deleted meanwhile is not told at all.
 */

import { asError, DatError, isCode } from '../base/errors.ts'
import type { AuditOptions, AuditProgress, AuditReport } from '../log/audit.ts'
import type { Alias } from '../store/store.ts'
import type { Identified } from './identify.ts'
import type { LogRecord } from './listing.ts'
import type { OpenLog } from './open-log.ts'

/** One log of a store, audited. */
export interface LogAudit {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly alias: Alias | undefined
  /** Undefined if the log could not be looked at; `error` then says why. */
  readonly report: AuditReport | undefined
  readonly error: Error | undefined
}

/** How far the audit of a store is. */
export interface StoreAuditProgress extends AuditProgress {
  /** The log that is looked at, and how many are done of how many. */
  readonly key: Uint8Array
  readonly logsDone: number
  readonly logCount: number
}

/** As for one log. */
export interface StoreAuditOptions extends Omit<AuditOptions, 'onProgress'> {
  /** Called now and then, and at the end of each log. */
  readonly onProgress?: (progress: StoreAuditProgress) => void
}

/** What an audit asks of the store that it belongs to. */
export interface AuditedStore {
  /** All that there are. */
  list(): Promise<readonly LogRecord[]>
  identify(discoveryKey: Uint8Array): Identified
  get(wanted: Identified): Promise<OpenLog>
  /** Nobody needs it any more: it may be closed in memory. */
  release(log: OpenLog): Promise<void>
}

/** One report after the other. What was found before an error or a `break` is repaired, if it was to be. */
export async function* auditStore(
  store: AuditedStore,
  options: StoreAuditOptions,
): AsyncGenerator<LogAudit, undefined> {
  const logs = await store.list()
  for (const [logsDone, log] of logs.entries()) {
    const { signal } = options
    if (signal?.aborted === true) {
      throw new DatError('ABORTED', 'The audit was aborted.', { logsDone }, signal.reason)
    }
    const tell = tellOf(options, log, logsDone, logs.length)
    const audited = await auditOne(store, log, options, tell)
    if (audited !== undefined) yield audited
  }
}

function tellOf(
  { onProgress }: StoreAuditOptions,
  { key }: LogRecord,
  logsDone: number,
  logCount: number,
): (progress: AuditProgress) => void {
  return (progress) => onProgress?.({ ...progress, key, logsDone, logCount })
}

async function auditOne(
  store: AuditedStore,
  { key, discoveryKey, alias }: LogRecord,
  options: StoreAuditOptions,
  onProgress: (progress: AuditProgress) => void,
): Promise<LogAudit | undefined> {
  let open: OpenLog | undefined
  try {
    open = await store.get(store.identify(discoveryKey))
    const report = await open.audit({ ...options, onProgress })
    return { key, discoveryKey, alias, report, error: undefined }
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return undefined
    if (isCode(error, 'ABORTED') || isCode(error, 'CLOSED')) throw error
    return { key, discoveryKey, alias, report: undefined, error: asError(error) }
  } finally {
    if (open !== undefined) await store.release(open)
  }
}

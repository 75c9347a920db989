/**
 * What is in a store, for a user.
 *
 * Owns: which logs are shown and in which order. Nothing is opened for it and no file is read; a hundred thousand logs
 * are gone through in slices, so that the event loop goes on meanwhile.
 */

import type { Clock } from '../base/clock.ts'
import { Pace } from '../base/pace.ts'
import { sorted } from '../base/sort.ts'
import { compare, equal } from '../bytes/bytes.ts'
import { allDraftLogs } from '../log/draft.ts'
import type { Alias, LogEntry, Store } from '../store/store.ts'
import { isBansLog } from './bans.ts'
import { goneLogs } from './deletion.ts'

/** A stored log as `list` tells it. */
export type LogRecord = LogEntry

/** All logs in order of discovery key; with a namespace, those named in it, in order of name. */
export async function listLogs(
  store: Store,
  clock: Clock,
  namespace: Uint8Array | undefined,
): Promise<LogRecord[]> {
  const pace = new Pace(clock)
  const hidden = new Set([...allDraftLogs(store), ...goneLogs(store)])
  const records: LogRecord[] = []
  for (const record of store.entries()) {
    if (pace.due()) await pace.turn()
    const { log, alias } = record
    if (namespace !== undefined && !isIn(namespace, alias)) continue
    if (!hidden.has(log) && !isBansLog(alias)) records.push(record)
  }
  return sorted(records, namespace === undefined ? byDiscoveryKey : byName, pace)
}

function isIn(namespace: Uint8Array, alias: Alias | undefined): boolean {
  return alias !== undefined && equal(alias.namespace, namespace)
}

function byDiscoveryKey(a: LogRecord, b: LogRecord): number {
  return compare(a.discoveryKey, b.discoveryKey)
}

/** By code units, so that the order is the same on every machine. */
function byName(a: LogRecord, b: LogRecord): number {
  const [left, right] = [a.alias?.name ?? '', b.alias?.name ?? '']
  return left < right ? -1 : left > right ? 1 : 0
}

/**
 * `dat store ls|rm|gc [DIR]`: what takes space in a store, and how to be rid of it.
 *
 * Owns: the form of that list, and what is deleted only with `--force`: logs that only this device can write, and the
 * drive that the folder is made of. The list is read without a lock, also while another process has the store open.
 */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { equal } from '@dat-rhino/core/bytes/bytes'
import { Corestore, type LogRecord } from '@dat-rhino/core/corestore/corestore'
import { formatKey, parseLink } from '@dat-rhino/core/crypto/links'
import { folderPlace } from '@dat-rhino/sdk/files/folder-role'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { count, bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { lookForFolder } from './find-folder.ts'

export interface StoreFlags {
  readonly storage?: string
}

export interface RemoveFlags extends StoreFlags {
  readonly force?: boolean
}

/** A store on this machine. */
interface Place {
  readonly path: string
  /** The drive that the folder is made of, if it is one of ours. */
  readonly drive: Uint8Array | undefined
}

/** What is in a store, the largest first. */
export async function listStore(session: Session, dir: string, flags: StoreFlags): Promise<void> {
  const place = findStore(dir, flags)
  await using corestore = await openAt(place, true)
  const records = (await corestore.list()).sort((a, b) => b.heldBytes - a.heldBytes)
  for (const record of records) {
    session.output.result('log', fieldsOf(record, place), lineOf(record, place))
  }
  const heldBytes = records.reduce((sum, record) => sum + record.heldBytes, 0)
  const { fileBytes } = corestore.store.stats()
  const line = `${count(records.length, 'log')}, ${size(heldBytes)} of blocks; the store takes ${size(fileBytes)}`
  session.output.result('store', { logs: records.length, heldBytes, fileBytes }, line)
}

/** Deletes one log. */
export async function removeFromStore(
  session: Session,
  which: string,
  dir: string,
  flags: RemoveFlags,
): Promise<void> {
  const place = findStore(dir, flags)
  await using corestore = await openAt(place, false)
  const record = await findRecord(corestore, which)
  if (flags.force !== true) checkIsSpare(record, place)
  const before = corestore.store.stats().fileBytes
  await corestore.delete(record.key)
  const bytes = Math.max(0, before - corestore.store.stats().fileBytes)
  const fields = { ...fieldsOf(record, place), bytes }
  session.output.result('deleted', fields, `deleted ${formatKey(record.key)}: ${size(bytes)}`)
}

/** Gives back what nothing refers to. */
export async function collectStore(
  session: Session,
  dir: string,
  flags: StoreFlags,
): Promise<void> {
  await using corestore = await openAt(findStore(dir, flags), false)
  const report = await corestore.gc()
  session.output.result('collected', { ...report }, `${size(report.bytes)} given back`)
}

function findStore(dir: string, { storage }: StoreFlags): Place {
  const found = lookForFolder(dir, storage)
  if (found !== undefined) {
    const place = folderPlace(found.dir, storage === undefined ? undefined : resolve(storage))
    return { path: place.store, drive: found.role.key }
  }
  const path = storage === undefined ? resolve(dir) : join(resolve(storage), 'store')
  // A store that is looked for is never made.
  if (existsSync(join(path, 'keys'))) return { path, drive: undefined }
  const message = `${storage ?? dir} has no store: it is neither shared, nor a clone, nor a store itself.`
  throw new DatError('NOT_FOUND', message, { path })
}

async function openAt(place: Place, readOnly: boolean): Promise<Corestore & AsyncDisposable> {
  const corestore = await Corestore.open({ store: await openStorage(place.path, { readOnly }) })
  return Object.assign(corestore, { [Symbol.asyncDispose]: () => corestore.close() })
}

/** By key or link, by name, or by the first characters of a key as the list shows it. */
async function findRecord(corestore: Corestore, which: string): Promise<LogRecord> {
  const records = await corestore.list()
  const key = keyOf(which)
  const found = records.filter((record) => {
    if (key !== undefined) return equal(record.key, key)
    return record.alias?.name === which || formatKey(record.key).startsWith(which)
  })
  const [record] = found
  if (record !== undefined && found.length === 1) return record
  const problem = found.length === 0 ? 'No log' : 'More than one log'
  const message = `${problem} in this store is called ${which}. dat store ls shows what there is.`
  throw new DatError(found.length === 0 ? 'NOT_FOUND' : 'BAD_ARGUMENT', message, { which })
}

function keyOf(text: string): Uint8Array | undefined {
  try {
    return parseLink(text).key
  } catch {
    return undefined
  }
}

function checkIsSpare(record: LogRecord, { drive }: Place): void {
  const what =
    drive !== undefined && equal(record.key, drive)
      ? 'This log is what the folder is made of'
      : record.isOwn && record.length > 0
        ? 'Only this device can write this log, and what nobody else holds would be lost'
        : undefined
  if (what === undefined) return
  throw new DatError('CONFLICT', `${what}. --force deletes it.`, { key: formatKey(record.key) })
}

function fieldsOf(record: LogRecord, { drive }: Place): Record<string, unknown> {
  const { key, alias, generation, length, heldBlocks, heldBytes, usedMs, isOwn } = record
  return {
    key: formatKey(key),
    name: alias?.name ?? null,
    generation,
    length,
    heldBlocks,
    heldBytes,
    usedAt: usedMs === 0 ? null : new Date(usedMs).toISOString(),
    own: isOwn,
    drive: drive !== undefined && equal(key, drive),
  }
}

function lineOf(record: LogRecord, { drive }: Place): string {
  const { key, alias, length, heldBlocks, heldBytes, usedMs, isOwn } = record
  const used = usedMs === 0 ? '-' : new Date(usedMs).toISOString().slice(0, 10)
  const held = `${heldBlocks.toLocaleString('en-US')}/${length.toLocaleString('en-US')}`
  const notes = [
    alias?.name,
    drive !== undefined && equal(key, drive) ? '(this folder)' : undefined,
    isOwn ? '(own)' : undefined,
  ]
  const columns = [size(heldBytes).padStart(8), held.padStart(15), used.padEnd(10), formatKey(key)]
  return [...columns, ...notes.filter((note) => note !== undefined)].join('  ')
}

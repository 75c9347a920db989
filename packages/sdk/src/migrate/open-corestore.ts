/**
 * Opens what hypercore 10 and 11 store: single logs, corestores 6, and corestores 7 in RocksDB.
 *
 * Owns: finding the logs of such a store, their names and local values. A log that cannot be opened is told; the others
 * are given. Named sessions of corestore 7 (drafts that were never committed) are left out.
 * Sources: the corestore specification, sections 8 and 9.
 */

import { basename, join } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { equal, fromUtf8Lossy, hex } from '@dat-rhino/core/bytes/bytes'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { deriveKeyPair, ROOT_NAMESPACE } from '@dat-rhino/core/crypto/derive'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { Corestore7Log } from './corestore7-log.ts'
import { joinParts } from './formats.ts'
import { Hypercore10Log, loadOplog } from './hypercore10-log.ts'
import { type OpenContext, type Opened, type PartNames, partOf } from './open-context.ts'
import { ProblemList } from './problems.ts'
import { RocksDatabase } from './rocks-database.ts'
import {
  authKey,
  CORES,
  headKey,
  readAuth,
  readCoreRecord,
  readHead,
  readStoreHead,
  STORE_HEAD,
} from './rocks-rows.ts'
import { readPrimaryKey } from './secrets.ts'
import { isDirectory, listed, logFolders } from './signs.ts'
import type { Found, StoredPart } from './types.ts'

/** Local values under which corestore 6 keeps the name of a log. */
const NAME = 'corestore/name'
const NAMESPACE = 'corestore/namespace'

/** A single log of hypercore 10. */
export function openHypercore10({ path }: Found, context: OpenContext): Opened {
  const part = openFolder(path, context)
  return { archives: part === undefined ? [] : joinParts([part]) }
}

/** `cores/ab/cd/abcd…` and `primary-key`. */
export function openCorestore6({ path }: Found, context: OpenContext): Opened {
  const primaryKey = readPrimaryKey(join(path, 'primary-key'), context.pool, context.problems)
  const parts = logFolders(join(path, 'cores'))
    .map((folder) => openFolder(folder, context))
    .filter((part) => part !== undefined)
  checkPrimaryKey(primaryKey, parts, join(path, 'primary-key'), context)
  return { archives: joinParts(parts), primaryKey }
}

/** Of logs that were made by name, at least one must follow from the primary key. */
function checkPrimaryKey(
  primaryKey: Uint8Array | undefined,
  parts: readonly StoredPart[],
  path: string,
  context: OpenContext,
): void {
  if (primaryKey === undefined) return
  const named = parts.filter((part) => part.name !== undefined && part.log.secretKey !== undefined)
  const isDerived = named.some(({ name, namespace, log }) => {
    const { secretKey } = deriveKeyPair(primaryKey, namespace ?? ROOT_NAMESPACE, name ?? '')
    return log.secretKey !== undefined && equal(secretKey, log.secretKey)
  })
  if (named.length === 0 || isDerived) return
  const message = 'No named log of the store follows from it: it is damaged, or of another store.'
  context.problems.add('inconsistent', path, message)
}

function openFolder(folder: string, context: OpenContext): StoredPart | undefined {
  const { pool } = context
  const problems = new ProblemList()
  const file = (name: string) => pool.file(join(folder, name), problems)
  const oplog = file('oplog')
  if (oplog === undefined) {
    context.problems.add(
      'missing',
      join(folder, 'oplog'),
      'Without it nothing is known of this log.',
    )
    return undefined
  }
  try {
    const found = loadOplog(oplog, file('header'), problems)
    const { header } = found
    if (header === undefined) {
      context.problems.add('cut', oplog.path, 'It was never written to its end: the log is empty.')
      return undefined
    }
    const files = {
      path: folder,
      tree: file('tree'),
      bitfield: file('bitfield'),
      data: file('data'),
    }
    const log = new Hypercore10Log(files, header, found, problems)
    const name = log.userData.get(NAME)
    const space = log.userData.get(NAMESPACE)
    checkFolderName(folder, log, problems)
    const names: PartNames = {
      userData: log.userData,
      name: name && fromUtf8Lossy(name),
      namespace: space?.length === KEY_BYTES ? space : undefined,
    }
    return partOf(log, folder, problems, names)
  } catch (error) {
    return leftOut(error, oplog.path, context)
  }
}

function checkFolderName(folder: string, log: Hypercore10Log, problems: ProblemList): void {
  const name = basename(folder)
  if (!/^[0-9a-f]{64}$/.test(name) || hex(discoveryKey(log.key)) === name) return
  problems.add('inconsistent', folder, 'The folder is named after another log than the one in it.')
}

// ---- RocksDB -------------------------------------------------------------------------------------

/** A corestore 7. Throws `UNSUPPORTED` without `rocksdb-native`. */
export function openCorestore7({ path }: Found, context: OpenContext, rocksdb?: string): Opened {
  const inside = join(path, 'db')
  const at = isDirectory(inside) ? inside : path
  const { database, damage } = RocksDatabase.open(at, rocksdb)
  if (damage !== undefined) {
    const message = `Its newest records are damaged or cut short, and what they said is lost (${damage}).`
    context.problems.add('damaged', at, message)
  }
  if (!listed(at).some((name) => name.endsWith('.log'))) {
    const message = 'There is no write-ahead log (*.log): the newest changes may be lost.'
    context.problems.add('missing', at, message)
  }
  const parts: StoredPart[] = []
  let primaryKey: Uint8Array | undefined
  try {
    const headRow = database.get(STORE_HEAD)
    const head = headRow && readStoreHead(headRow)
    if (head === undefined) context.problems.add('missing', at, 'The store has no head record.')
    primaryKey = head?.primaryKey
    let found = 0
    for (const { key, value } of database.rows(CORES)) {
      const part = openRows(database, at, key.subarray(1), value, context)
      if (part !== undefined) parts.push(part)
      found++
    }
    if (found < (head?.cores ?? 0)) {
      const message = `The store has had ${head?.cores} logs, and ${found} are there: the others were deleted, or their records are lost.`
      context.problems.add('inconsistent', at, message)
    }
  } catch (error) {
    leftOut(error, at, context)
  }
  checkPrimaryKey(primaryKey, parts, at, context)
  return { archives: joinParts(parts), primaryKey, close: () => database.close() }
}

function openRows(
  database: RocksDatabase,
  path: string,
  dk: Uint8Array,
  value: Uint8Array,
  context: OpenContext,
): StoredPart | undefined {
  const problems = new ProblemList()
  try {
    const record = readCoreRecord(value)
    if (record.version === 0) {
      const message = `The log ${hex(dk)} was never brought over from the files of hypercore 10.`
      context.problems.add('unsupported', path, message)
      return undefined
    }
    const authRow = database.get(authKey(record.corePointer))
    if (authRow === undefined) throw missing(dk, 'key')
    const headRow = database.get(headKey(record.dataPointer))
    const head = headRow && readHead(headRow)
    const log = new Corestore7Log(
      database,
      path,
      { record, auth: readAuth(authRow), head },
      problems,
    )
    if (hex(discoveryKey(log.key)) !== hex(dk)) throw missing(dk, 'own key')
    return partOf(log, path, problems, { ...record.alias, userData: log.userData })
  } catch (error) {
    return leftOut(error, path, context)
  }
}

function missing(dk: Uint8Array, what: string): DatError {
  return new DatError('CORRUPT_STORE', `The rows of the log ${hex(dk)} do not hold its ${what}.`)
}

/** Tells why a log could not be opened. What is no fault of the store goes on. */
function leftOut(error: unknown, path: string, context: OpenContext): undefined {
  if (!(error instanceof DatError) || error.code === 'INVARIANT') throw error
  context.problems.add(
    error.code === 'UNSUPPORTED' ? 'unsupported' : 'damaged',
    path,
    error.message,
  )
  return undefined
}

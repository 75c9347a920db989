/**
 * What a folder is to us: a share, a clone, or nothing yet.
 *
 * Owns: where store and state of a folder live, and the small file that says which drive it belongs to.
 *
 *     DIR/.dat-rhino/folder.json     role, key            with `storage`: STORAGE/folders/<id>/folder.json
 *     DIR/.dat-rhino/files           the ledger                           STORAGE/folders/<id>/files
 *     DIR/.dat-rhino/store/          the logs                             STORAGE/store/
 *
 * A folder has one role for its life. A clone is not silently shared as something new, nor a share cloned into.
 */

import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { fromHex, hex } from '@dat-rhino/core/bytes/bytes'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { foreignStore } from './foreign-store.ts'
import { STATE_FOLDER } from './options.ts'
import { fileError, isMissing } from './problems.ts'

/** What `folder.json` says. */
export interface FolderRole {
  readonly role: 'share' | 'clone'
  readonly key: Uint8Array
}

/** Where store and state of one folder are. */
export interface FolderPlace {
  /** For the ledger and `folder.json`. */
  readonly state: string
  readonly store: string
}

const FORMAT = 1
const FILE = 'folder.json'

/**
 * @param dir the folder, absolute and without links
 * @param storage a folder for the stores of all, or `undefined`: inside `dir`
 */
export function folderPlace(dir: string, storage: string | undefined): FolderPlace {
  if (storage === undefined) {
    const state = join(dir, STATE_FOLDER)
    return { state, store: join(state, 'store') }
  }
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 32)
  return { state: join(storage, 'folders', id), store: join(storage, 'store') }
}

/** What `folder.json` says, or `undefined` if the folder is nothing yet. */
export function readRole(place: FolderPlace): FolderRole | undefined {
  const path = join(place.state, FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw fileError(error, path)
  }
  return parseRole(text, path)
}

/** Says what the folder is from now on. On the disk when this returns. */
export function writeRole(place: FolderPlace, state: FolderRole): void {
  const path = join(place.state, FILE)
  const record = { format: FORMAT, role: state.role, key: hex(state.key) }
  try {
    mkdirSync(place.state, { recursive: true, mode: 0o700 })
    const file = openSync(`${path}.next`, 'w', 0o600)
    writeSync(file, `${JSON.stringify(record)}\n`)
    fsyncSync(file)
    closeSync(file)
    renameSync(`${path}.next`, path)
  } catch (error) {
    throw fileError(error, path)
  }
}

/** Throws unless the folder is nothing yet or already what it is to become. */
export function checkRole(
  dir: string,
  state: FolderRole | undefined,
  wanted: 'share' | 'clone',
  key?: Uint8Array,
): void {
  if (state === undefined) return
  const link = formatLink({ key: state.key })
  const facts = { dir, role: state.role, link }
  if (state.role !== wanted) {
    const message =
      wanted === 'share'
        ? `${dir} is a clone of ${link}. Changes here belong to its owner; to share them as something new, copy the files to another folder.`
        : `${dir} is shared as ${link}. Clone into another folder.`
    throw new DatError('CONFLICT', message, facts)
  }
  if (key !== undefined && hex(key) !== hex(state.key)) {
    throw new DatError(
      'CONFLICT',
      `${dir} is already a clone of ${link}. Use another folder.`,
      facts,
    )
  }
}

/**
 * Throws `UNSUPPORTED` where a person points at the store of another program instead of at a folder of files. To share it
 * as files would give its secret keys away.
 */
export function checkIsNoStore(dir: string): void {
  const kind = foreignStore(dir)
  if (kind === undefined) return
  const message = `${dir} is ${kind}, not a folder of files. Sharing it would give its keys away.`
  throw new DatError('UNSUPPORTED', message, { dir, kind })
}

function parseRole(text: string, path: string): FolderRole {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch (cause) {
    throw new DatError('CORRUPT_STORE', `${path} is damaged.`, { path }, cause)
  }
  const { format, role, key } = { ...(record as object) } as Record<string, unknown>
  if (typeof format === 'number' && format > FORMAT) {
    throw new DatError('STORE_TOO_NEW', `${path} was written by a newer version of dat.`, { path })
  }
  const isRole = role === 'share' || role === 'clone'
  if (!isRole || typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key)) {
    throw new DatError('CORRUPT_STORE', `${path} is damaged.`, { path })
  }
  return { role, key: fromHex(key) }
}

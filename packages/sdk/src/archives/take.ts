/**
 * Logs of old files come into a store of ours: all of what they hold, or what is asked for, when it is asked for.
 *
 * Owns: those two ways, and what is told of them. Always true: only what `adopt` proves comes in; a log of which nothing
 * is proved is told and left out; the files are never written to; secret keys come in only when that is asked for.
 */

import { asError, DatError, isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { SECRET_KEY_BYTES } from '@dat-rhino/core/crypto/keys'
import { type AdoptReport, adopt } from '@dat-rhino/core/log/adopt'
import type { Log } from '@dat-rhino/core/log/log'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { storedRoots } from '../migrate/signed.ts'
import type { StoredArchive, StoredPart } from '../migrate/types.ts'
import { oldLink } from './choose.ts'
import { askFilesFirst, Part } from './files-remote.ts'
import type { ImportOptions, TakenArchive, TakenLog } from './types.ts'

/** Takes over all that the files hold of these archives, with every signature. */
export async function takeAll(
  corestore: Corestore,
  archives: readonly StoredArchive[],
  options: ImportOptions,
): Promise<TakenArchive[]> {
  const total = archives.reduce((sum, { parts }) => sum + blocksOf(parts), 0)
  let before = 0
  const taken: TakenArchive[] = []
  for (const archive of archives) {
    const logs: TakenLog[] = []
    for (const part of archive.parts) {
      logs.push(
        await takePart(corestore, part, options, (done) =>
          options.onProgress?.(before + done, total),
        ),
      )
      before += part.log.length
    }
    taken.push(describe(archive, logs))
  }
  return taken
}

function blocksOf(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { log }) => sum + log.length, 0)
}

async function takePart(
  corestore: Corestore,
  part: StoredPart,
  { writable = false, signal }: ImportOptions,
  onDone: (done: number) => void,
): Promise<TakenLog> {
  const { secretKey } = part.log
  const log = await handleOn(corestore, part.log, writable ? secretKey : undefined)
  try {
    return await told(part, () =>
      adopt(log.replica, part.log, {
        onProgress: ({ done }) => onDone(done),
        ...(signal === undefined ? {} : { signal }),
      }),
    )
  } finally {
    await log.close()
  }
}

/** Handles that are held while a store stands on old files, and what came of them. */
export interface Standing {
  readonly taken: readonly TakenArchive[]
  close(): Promise<void>
}

/**
 * Takes over the heads of these archives, and all rows; bytes of files follow when they are asked for, as long as the files are
 * open. Closing closes the handles, not the files.
 */
export async function standOn(
  corestore: Corestore,
  archives: readonly StoredArchive[],
  options: { readonly isAlone: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Standing> {
  const handles: Log[] = []
  const taken: TakenArchive[] = []
  let closed = false
  const close = async (): Promise<void> => {
    closed = true
    for (const log of handles) await log.close()
  }
  try {
    for (const archive of archives) {
      const logs: TakenLog[] = []
      for (const part of archive.parts) {
        const log = await handleOn(corestore, part.log, undefined)
        handles.push(log)
        const end = part.role === 'metadata' ? part.log.length : 0
        logs.push(await told(part, () => takeHead(log, part.log, end)))
        const source = {
          stored: part.log,
          problems: part.problems,
          get closed() {
            return closed
          },
        }
        askFilesFirst(log, source, options.isAlone)
        checkGoesOn(options.signal)
      }
      taken.push(describe(archive, logs))
    }
    return { taken, close }
  } catch (error) {
    await close()
    throw error
  }
}

function checkGoesOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new DatError('ABORTED', 'Opening the old files was aborted.', {}, signal.reason)
}

/** The newest head, which is all that reading needs. Where it does not stand, whatever does. */
async function takeHead(log: Log, stored: StoredLog, end: number): Promise<AdoptReport> {
  try {
    const { length } = stored
    const report = await adopt(log.replica, new Part(stored, { length, end }))
    if (report.length === length && report.damagedCount === 0) return report
  } catch (error) {
    if (!isCode(error, 'BAD_SIGNATURE')) throw error
  }
  // Roots and nodes that are damaged are made again from the blocks.
  return adopt(log.replica, stored)
}

/** With `secretKey`, a handle that can write. */
function handleOn(
  corestore: Corestore,
  { key, generation, manifest }: StoredLog,
  secretKey: Uint8Array | undefined,
): Promise<Log> {
  if (secretKey === undefined) return corestore.get({ key, generation })
  const publicKey = secretKey.subarray(SECRET_KEY_BYTES - KEY_BYTES)
  const keyPair = { publicKey, secretKey }
  if (manifest !== undefined) return corestore.get({ manifest, keyPair })
  // A log of today without manifest has a key that nothing else can be made from: it stays for reading.
  const isOld = generation !== 3
  return corestore.get(isOld ? { keyPair, generation } : { key, generation })
}

/** Of a failure to prove anything the log's entry tells; others end it all. */
async function told(part: StoredPart, take: () => Promise<AdoptReport>): Promise<TakenLog> {
  const { role, log, name, problems } = part
  const common = { role, key: hex(log.key), generation: log.generation, name, problems }
  try {
    return { ...common, report: await take(), problem: undefined }
  } catch (error) {
    if (!isCode(error, 'BAD_SIGNATURE')) throw error
    return { ...common, report: undefined, problem: asError(error).message }
  }
}

function describe(archive: StoredArchive, logs: readonly TakenLog[]): TakenArchive {
  const [first] = archive.parts
  const link = first === undefined ? '' : oldLink(first.log)
  return { link, key: hex(archive.key), format: archive.format, logs }
}

/** Bytes of all blocks of these archives, held or not, as far as the files tell. */
export function bytesOf(archives: readonly StoredArchive[]): number {
  let bytes = 0
  for (const { parts } of archives) {
    for (const { log } of parts) {
      const roots = storedRoots(log, log.length)
      for (let i = 0; i < (roots?.length ?? 0); i++) bytes += roots?.sizes[i] ?? 0
    }
  }
  return bytes
}

/**
 * Throws where nothing of the log of rows is proved: then nothing can be shown.
 *
 * @throws DatError CORRUPT_STORE
 */
export function checkProved(taken: TakenArchive | undefined, path: string): TakenArchive {
  const [rows] = taken?.logs ?? []
  // A log that is empty may be one; one whose files are damaged as well is not taken for that.
  const damage = rows?.report?.length === 0 ? rows.problems[0]?.message : undefined
  if (taken !== undefined && rows?.report !== undefined && damage === undefined) return taken
  const message = `Nothing in ${path} is proved: ${rows?.problem ?? damage ?? 'it holds no log.'}`
  throw new DatError('CORRUPT_STORE', message, { path })
}

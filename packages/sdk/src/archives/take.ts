/**
 * Logs of old files come into a store of ours, with all that they hold.
 *
 * Owns: that, and what is told of it; `stand.ts` has the other way, which takes what is asked for. Always true: only what
 * `adopt` proves comes in; a log of which nothing is proved is told and left out; the files are never written to; secret
 * keys come in only when that is asked for.
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

/** With `secretKey`, a handle that can write. */
export function handleOn(
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
export async function told(part: StoredPart, take: () => Promise<AdoptReport>): Promise<TakenLog> {
  const { role, log, name, problems } = part
  const common = { role, key: hex(log.key), generation: log.generation, name, problems }
  try {
    return { ...common, report: await take(), problem: undefined }
  } catch (error) {
    if (!isCode(error, 'BAD_SIGNATURE')) throw error
    return { ...common, report: undefined, problem: asError(error).message }
  }
}

/** What became of an archive, by its logs. */
export function describe(archive: StoredArchive, logs: readonly TakenLog[]): TakenArchive {
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

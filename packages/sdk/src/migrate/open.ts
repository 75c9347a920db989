/**
 * Old stores, opened for reading: `openStored(path)`.
 *
 * Owns: which opener belongs to which kind. What can be read is given, what cannot is in `problems`; only a path that
 * is no store, or one that this installation cannot read, is an error. Nothing is ever written to the source.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { preparePlatform } from '../platform/node/storage.ts'
import { detectPath } from './detect.ts'
import { OpenContext, type Opened } from './open-context.ts'
import { openCorestore6, openCorestore7, openHypercore10 } from './open-corestore.ts'
import { openArchive, openCorestore5, openDat, openFeed, openMultifeed } from './open-sleep.ts'
import { defaultSecretKeys } from './secrets.ts'
import type {
  Found,
  FoundKind,
  OpenStoredOptions,
  StoredArchive,
  StoredProblem,
  StoredStore,
} from './types.ts'

type Opener = (found: Found, context: OpenContext, rocksdb?: string) => Opened

const OPENERS: Readonly<Partial<Record<FoundKind, Opener>>> = {
  feed: openFeed,
  archive: openArchive,
  'dat-archive': openDat,
  'dat-folder': openDat,
  multifeed: openMultifeed,
  'corestore-5': openCorestore5,
  'hypercore-10': openHypercore10,
  'corestore-6': openCorestore6,
  'corestore-7': openCorestore7,
}

/**
 * Opens whatever old store lies at `where`: a path, or what `detectPath` found. Of a folder with several stores, all of them.
 *
 * @throws DatError NOT_FOUND if nothing is there; UNSUPPORTED if it is no old store, or if a corestore 7 is to be read and
 *   `rocksdb-native` is not installed (the message says how); CORRUPT_STORE if RocksDB refuses the files
 */
export async function openStored(
  where: string | Found,
  options: OpenStoredOptions = {},
): Promise<StoredStore> {
  await preparePlatform()
  const found = typeof where === 'string' ? detectPath(where) : where
  if (found.kind === 'folder') return openAll(found, options)
  const opener = OPENERS[found.kind]
  if (opener === undefined) throw notOld(found)
  const context = new OpenContext(options.secretKeys ?? defaultSecretKeys())
  const opened = attempt(() => opener(found, context, options.rocksdb), context)
  return {
    found,
    archives: opened.archives,
    primaryKey: opened.primaryKey,
    problems: context.problems.all,
    async close(): Promise<void> {
      context.pool.close()
      await opened.close?.()
    },
  }
}

function attempt(open: () => Opened, context: OpenContext): Opened {
  try {
    return open()
  } catch (error) {
    context.pool.close()
    throw error
  }
}

/** All stores below a folder. One that cannot be opened is told; the others are given. */
async function openAll(found: Found, options: OpenStoredOptions): Promise<StoredStore> {
  const stores: StoredStore[] = []
  const problems: StoredProblem[] = []
  // In the copy of a home folder its own secret keys are meant.
  const beside = found.nested.find(({ kind }) => kind === 'dat-secrets')
  const secretKeys = options.secretKeys ?? beside?.path
  for (const nested of found.nested) {
    if (OPENERS[nested.kind] === undefined) continue
    try {
      stores.push(await openStored(nested, { ...options, secretKeys }))
    } catch (error) {
      if (!(error instanceof DatError) || error.code === 'INVARIANT') throw error
      const kind = error.code === 'UNSUPPORTED' ? 'unsupported' : 'damaged'
      problems.push({ kind, path: nested.path, message: error.message })
    }
  }
  const archives: StoredArchive[] = stores.flatMap((store) => store.archives)
  for (const store of stores) problems.push(...store.problems)
  return {
    found,
    archives,
    primaryKey: undefined,
    problems,
    async close(): Promise<void> {
      for (const store of stores) await store.close()
    },
  }
}

function notOld({ kind, path, why }: Found): DatError {
  const facts = { path, kind }
  if (kind === 'rhino') {
    const message = `${path} is a store of today's dat: share, clone or open it as it is.`
    return new DatError('UNSUPPORTED', message, facts)
  }
  if (kind === 'dat-secrets') {
    const message = `${path} holds secret keys alone. They are used when the archives that they belong to are opened.`
    return new DatError('UNSUPPORTED', message, facts)
  }
  return new DatError('UNSUPPORTED', `${path} is no store that can be read. ${why}`, facts)
}

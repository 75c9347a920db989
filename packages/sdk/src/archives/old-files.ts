/**
 * An old store that is open, and the store of ours that stands on it.
 *
 * Owns: the order of opening and closing: the files, the store, the handles.
 */

import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openStored } from '../migrate/open.ts'
import type { Found, StoredArchive } from '../migrate/types.ts'
import type { UsedStation } from '../stations.ts'
import { AT_ONCE, asksNobody } from './alone.ts'
import { chosen, oldLink } from './choose.ts'
import { closing } from './closing.ts'
import { mountable } from './mounts.ts'
import { type Known, openKnown } from './open-known.ts'
import { Stand } from './stand.ts'
import { bytesOf, checkProved } from './take.ts'
import type { OldOptions, Opened, TakenArchive } from './types.ts'

/** What old files need of a node. */
export interface StationMaker {
  /** A store that nobody keeps, without network, for so many bytes; `release` ends it. */
  passing(bytes: number): Promise<UsedStation>
}

/** For archives whose blocks are encrypted. */
interface Encryption {
  readonly encryptionKey?: Uint8Array
}

/**
 * Opens one archive of old files for reading. The files are not written to, and nothing of it is kept.
 *
 * @throws DatError NOT_FOUND, UNSUPPORTED, BAD_ARGUMENT (several are there: which?), CORRUPT_STORE (nothing is proved),
 *   NOT_AVAILABLE (its first block is not there)
 */
export async function openOldFiles(
  maker: StationMaker,
  where: string | Found,
  options: OldOptions & Encryption,
): Promise<Opened> {
  const ends: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
  }
  try {
    const stored = await openStored(where, storedOptions(options))
    ends.push(() => stored.close())
    const archive = chosen(stored, options.archive)
    const { station, release } = await maker.passing(bytesOf(mountable(stored, [archive])))
    ends.push(release)
    const { corestore } = station
    const { signal } = options
    const on = await Stand.onOne(corestore, stored, archive, { isAlone: true, signal })
    ends.push(() => on.stand.close())
    const taken = checkProved(on.taken, stored.found.path)
    return await openTaken(corestore, archive, taken, { ...crypt(options), close })
  } catch (error) {
    await close()
    throw error
  }
}

/** What an archive, of which the store has what is proved, is. `close` ends what it stands on. */
export async function openTaken(
  corestore: Corestore,
  archive: StoredArchive,
  taken: TakenArchive,
  { close, ...encryption }: Encryption & { readonly close: () => Promise<void> },
): Promise<Opened> {
  const [part] = archive.parts
  const { key, generation } = part?.log ?? { key: archive.key, generation: 3 }
  const log = await corestore.get({ key, generation }, { ...AT_ONCE, ...encryption })
  try {
    // Of a plain log any block may be missing, the first one too.
    const isEncrypted = encryption.encryptionKey !== undefined
    const isPlain = archive.format === 'log' && archive.parts.length === 1 && !isEncrypted
    const options = { store: asksNobody(corestore), wait: AT_ONCE, ...encryption }
    const known: Known = isPlain ? { kind: 'log' } : await openKnown(log, options)
    const end = async (): Promise<void> => {
      if (known.kind === 'drive') await known.drive.close()
      else await log.close()
      await close()
    }
    const link = oldLink({ key, generation })
    return { ...known, link, source: 'files', log, taken, ...closing(end) }
  } catch (error) {
    await log.close()
    throw error
  }
}

function crypt({ encryptionKey }: Encryption): Encryption {
  return encryptionKey === undefined ? {} : { encryptionKey }
}

/** What opening the files is to know. */
export function storedOptions({ secretKeys, rocksdb }: OldOptions): OldOptions {
  return { secretKeys, rocksdb }
}

/**
 * A key becomes a drive: read block 0, then pick.
 *
 * Owns: the decision. Every format writes its name into the first block of its log of rows, so nobody has to say what
 * a key leads to: of a log whose block 0 is not here it is asked from peers. What is no drive gets an error that says what
 * it is. The format says nothing about the generation of the logs, nor the other way round.
 */

import { DatError } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import { BeeDrive } from './bee-drive.ts'
import type { Drive, DriveFormat } from './drive.ts'
import { driveFormat } from './header.ts'
import { TreeDrive } from './tree-drive.ts'
import { TrieDrive } from './trie-drive.ts'
import type { DriveOptions } from './types.ts'

/** Which drive, and how long block 0 may take. */
export interface OpenDriveOptions extends DriveOptions {
  /** For block 0 of a drive that is elsewhere. */
  readonly wait?: WaitOptions
  /** Of a drive of ours that has no block yet. Default `hyperdrive 13`. */
  readonly newFormat?: DriveFormat
}

/** What opens each format. */
const OPENERS: Readonly<Record<DriveFormat, (options: DriveOptions) => Promise<Drive>>> = {
  'hyperdrive 9': TreeDrive.open,
  'hyperdrive 10': TrieDrive.open,
  'hyperdrive 13': BeeDrive.open,
}

/**
 * Opens the drive of a key (or of an open log), whatever its format; without either, the one of today's network that is
 * ours in this namespace.
 *
 * @throws DatError UNSUPPORTED if it is something else; NO_PEERS, NOT_AVAILABLE, TIMEOUT if block 0 can't be had
 */
export async function openDrive(options: OpenDriveOptions): Promise<Drive> {
  const { key, wait = {}, newFormat = 'hyperdrive 13', ...drive } = options
  if (drive.log === undefined && key === undefined) return BeeDrive.open(drive)
  const log = drive.log ?? (await rowsLog(options))
  try {
    // A log of our own that has no block yet is a drive that we are about to fill.
    const isNew = log.writable && log.length === 0
    const format = isNew ? newFormat : driveFormat(await log.get(0, wait))
    return await OPENERS[format]({ ...drive, log })
  } catch (error) {
    if (drive.log === undefined) await log.close()
    throw error
  }
}

async function rowsLog(options: OpenDriveOptions): Promise<Log> {
  const { store, key, generation: wanted = 3, wait = {}, encryptionKey, readOnly } = options
  if (key === undefined) throw new DatError('BAD_ARGUMENT', 'A drive is opened by its key.')
  const handle = {
    ...(encryptionKey !== undefined && { encryptionKey }),
    ...(readOnly === true && { writable: false }),
  }
  if (wanted !== 'unknown') return store.get({ key, generation: wanted }, handle)
  // It is not there before a peer has told. How long that may take is no limit of the handle's later waits.
  const settled = await store.get({ key, generation: wanted }, { ...wait, ...handle })
  try {
    return await store.get({ key }, handle)
  } finally {
    await settled.close()
  }
}

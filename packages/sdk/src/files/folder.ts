/**
 * A shared or cloned folder as it is stored, for looking at it.
 *
 * Owns: the look. Nothing is written, no lock is taken and nobody is asked, so that it works while another process
 * has the folder open; what that one does meanwhile is not seen.
 */

import { join } from 'node:path'
import { isCode } from '@dat-rhino/core/base/errors'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import type { Drive } from '@dat-rhino/core/drive/drive'
import { openDrive } from '@dat-rhino/core/drive/open'
import { AT_ONCE_MS } from '../network/network.ts'
import { type StoreHolder, storeHolder } from '../platform/node/holder.ts'
import type { Station } from '../station.ts'
import { type LocalEdits, localEdits } from './edits.ts'
import type { FolderPlace, FolderRole } from './folder-role.ts'

/** What is known about a folder without asking anybody. */
export interface FolderStatus {
  /** Newest version of the drive that is known here; 0 while nothing is. */
  readonly version: number
  /** Is the secret key here? */
  readonly writable: boolean
  /** Files of that version and their bytes; `undefined` while not all of its rows are here. */
  readonly files: number | undefined
  readonly bytes: number | undefined
  /** Blocks of the drive (rows and contents) that are here, and that exist. */
  readonly have: number
  readonly length: number
  /** The last pass over the files, and what became of them since; `undefined` if there was none. */
  readonly edits: LocalEdits | undefined
  /** The process that has the store open for writing, if there is one. */
  readonly holder: StoreHolder | undefined
}

/** What a folder is opened with. */
export interface FolderSetup {
  /** Absolute, without links. */
  readonly dir: string
  readonly place: FolderPlace
  readonly role: FolderRole
  readonly station: Station
  readonly release: () => Promise<void>
}

export class Folder implements AsyncDisposable {
  /** Absolute. */
  readonly dir: string
  readonly role: 'share' | 'clone'
  readonly link: string
  /** As far as it is here; without network. */
  readonly drive: Drive
  readonly #setup: FolderSetup

  private constructor(setup: FolderSetup, drive: Drive) {
    this.dir = setup.dir
    this.role = setup.role.role
    this.link = formatLink({ key: setup.role.key })
    this.drive = drive
    this.#setup = setup
  }

  /** Opens the drive of a folder. */
  static async open(setup: FolderSetup): Promise<Folder> {
    const { role, station } = setup
    const { corestore: store } = station
    const log = await store.get({ key: role.key }, { writable: false })
    const options = { store, log, readOnly: true }
    // Without its first block nobody knows what it is; everything else will say so.
    return new Folder(setup, await (log.has(0) ? openDrive(options) : BeeDrive.open(options)))
  }

  /** Looks at drive, store and files. Takes as long as looking at the size and times of each file. */
  async status(signal?: AbortSignal): Promise<FolderStatus> {
    const { drive } = this
    const rows = drive.log.info()
    const blobs = drive.contentLog?.info()
    return {
      version: rows.length,
      writable: drive.log.replica.slot.identity.publicKey !== undefined,
      ...(await this.#count(signal)),
      have: rows.heldBlocks + (blobs?.heldBlocks ?? 0),
      length: rows.length + (blobs?.length ?? 0),
      edits: await localEdits(this.dir, join(this.#setup.place.state, 'files'), signal),
      holder: storeHolder(this.#setup.place.store),
    }
  }

  async close(): Promise<void> {
    await this.drive.close()
    await this.#setup.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #count(signal: AbortSignal | undefined): Promise<{
    files: number | undefined
    bytes: number | undefined
  }> {
    let files = 0
    let bytes = 0
    try {
      const wait = { timeoutMs: AT_ONCE_MS, ...(signal === undefined ? {} : { signal }) }
      for await (const { blob } of this.drive.list('/', wait)) {
        files++
        bytes += blob?.byteLength ?? 0
      }
      return { files, bytes }
    } catch (error) {
      if (!isCode(error, 'NO_PEERS')) throw error
      return { files: undefined, bytes: undefined }
    }
  }
}

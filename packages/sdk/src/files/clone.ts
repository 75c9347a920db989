/**
 * A folder that is a clone: a drive written out as verified files, once or for as long as it is open.
 *
 * Owns: the life of one clone. First somebody is looked for who has the drive, then everything is compared and written;
 * with `live` each new version follows. Ended by anything, the next clone into the same folder goes on: blocks that
 * arrived are in the store, files that were written are in the ledger.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@dat-rhino/core/base/clock'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { formatLink } from '@dat-rhino/core/crypto/links'
import type { Drive } from '@dat-rhino/core/drive/drive'
import { driveFormat } from '@dat-rhino/core/drive/header'
import { openDrive } from '@dat-rhino/core/drive/open'
import { DEFAULT_WAIT_MS, type WaitOptions } from '@dat-rhino/core/log/remote'
import { AT_ONCE_MS } from '../network/network.ts'
import type { Station } from '../station.ts'
import { ExportPass } from './export.ts'
import { checkRole, type FolderPlace, readRole, writeRole } from './folder-role.ts'
import { FolderWriter } from './folder-writer.ts'
import { Ledger } from './ledger.ts'
import type { FolderEvent, FolderState, Report } from './news.ts'
import { type CloneOptions, STATE_FOLDER } from './options.ts'
import { fileError } from './problems.ts'
import { FolderSession } from './session.ts'

/** After a pass that failed while following. */
const RETRY_MS = 5_000

/** What a clone is opened with. */
export interface CloneSetup {
  /** Absolute, without links; it exists. */
  readonly dir: string
  readonly place: FolderPlace
  readonly station: Station
  readonly key: Uint8Array
  readonly options: CloneOptions
  /** Called at the end of `close`. */
  readonly release: () => Promise<void>
}

/** One open clone. */
export class Clone implements AsyncDisposable {
  /** The folder that is written, absolute. */
  readonly dir: string
  readonly link: string
  readonly #place: FolderPlace
  readonly #options: CloneOptions
  readonly #session: FolderSession
  readonly #release: () => Promise<void>
  readonly #key: Uint8Array
  /** Was some of the drive here when the clone was opened? */
  readonly #isKnown: boolean
  readonly #work: Promise<void>
  /**
   * The version at which everything was compared in this life of the clone: from there on only what changed in the
   * drive has to be. 0 before, and after a pass that failed.
   */
  #inStepAt = 0
  #ledger: { readonly fork: number; readonly ledger: Ledger } | undefined

  private constructor(setup: CloneSetup, session: FolderSession, isKnown: boolean) {
    this.dir = setup.dir
    this.link = formatLink({ key: setup.key })
    this.#place = setup.place
    this.#options = setup.options
    this.#key = setup.key
    this.#session = session
    this.#release = setup.release
    this.#isKnown = isKnown
    this.#work = this.#run()
  }

  /** Makes the folder a clone, or goes on with one. Looking for peers begins, and goes on when this has resolved. */
  static async open(setup: CloneSetup): Promise<Clone> {
    const { dir, place, station, key, options } = setup
    if (options.version !== undefined && options.live === true) {
      throw new DatError(
        'BAD_ARGUMENT',
        'A fixed version cannot be followed: it is one or the other.',
      )
    }
    const role = readRole(place)
    checkRole(dir, role, 'clone', key)
    // Code that runs for the first time has to be compiled: in one turn, store, network and session took 30 ms.
    const pace = new Pace(systemClock)
    await pace.turn()
    const isKnown = await checkStored(station.corestore, dir, key)
    await pace.turn()
    const session = new FolderSession(station, discoveryKey(key), options.signal)
    return new Clone(setup, session, isKnown)
  }

  /** Once it is known what the link leads to: for a new clone, when its first block has come. */
  get drive(): Drive | undefined {
    return this.#session.known
  }

  get state(): FolderState {
    return this.#session.teller.state
  }

  /** Each new state, the present one first; a slow reader skips to the newest. */
  states(signal?: AbortSignal): AsyncIterable<FolderState> {
    return this.#session.teller.states(signal)
  }

  /** News from now on. Ends when the clone is closed. */
  events(signal?: AbortSignal): AsyncIterable<FolderEvent> {
    return this.#session.teller.events(signal)
  }

  /**
   * Resolves when the newest version, or the one asked for, is written out. Without `timeoutMs` there is no limit
   * beside that of the clone's own waits.
   *
   * Rejects with NO_PEERS, NOT_AVAILABLE, TIMEOUT, UNSUPPORTED, STORE_FULL …; the next clone goes on from there.
   */
  done(options?: WaitOptions): Promise<Report> {
    return this.#session.done(options)
  }

  /** Stops following, leaves the network, closes the drive. */
  close(): Promise<void> {
    return this.#session.close(this.#work, async () => {
      this.#ledger?.ledger.close()
      await this.#release()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #wait(): WaitOptions {
    const { signal, station } = this.#session
    const { timeoutMs = DEFAULT_WAIT_MS } = this.#options
    return { timeoutMs: station.network.offline ? AT_ONCE_MS : timeoutMs, signal }
  }

  async #run(): Promise<void> {
    const { teller, signal } = this.#session
    try {
      await new Pace(systemClock).turn()
      await this.#find()
      const report = await this.#pass(await this.#version())
      teller.setPhase(this.#options.live === true ? 'watching' : 'done')
      this.#session.finish(report)
      if (this.#options.live === true) await this.#follow()
    } catch (error) {
      if (!signal.aborted) this.#session.fail(fileError(error, this.dir))
    }
  }

  // ---- Finding the drive -------------------------------------------------------------------------

  /** Waits until the drive is known to be one, and as new as anybody here has it. */
  async #find(): Promise<void> {
    const { station, topic, teller } = this.#session
    teller.setPhase('looking')
    const found = station.corestore.findingPeers(discoveryKey(this.#key))
    // A drive that we know goes on with what is here once nobody was found; a new one waits as long as it may.
    const isKnown = this.#isKnown
    if (isKnown || station.network.offline) void topic.lookedTwice.then(found)
    try {
      const { corestore: store } = station
      const wait = this.#wait
      const drive = await openDrive({ store, key: this.#key, generation: 'unknown', wait })
      this.#session.opened(drive)
      topic.settle()
      // Not sooner: whoever mistyped a link may still clone another one into this folder.
      if (readRole(this.#place) === undefined) {
        writeRole(this.#place, { role: 'clone', key: drive.key })
      }
      await drive.ready(this.#wait)
      // Somebody is here, or nobody will be: an update need not wait for others.
      if (!isKnown) found()
      await this.#update(isKnown)
    } catch (error) {
      throw this.#explain(error)
    } finally {
      found()
    }
    this.#session.countBlobs()
  }

  async #update(isKnown: boolean): Promise<void> {
    const { drive, teller } = this.#session
    try {
      await drive.update(this.#wait)
    } catch (error) {
      const isAlone = isCode(error, 'NO_PEERS') || isCode(error, 'TIMEOUT')
      if (!isKnown || !isAlone) throw error
      teller.emit({ type: 'warning', error })
    }
  }

  /** The version to write out; it is known here. */
  async #version(): Promise<number> {
    const { drive } = this.#session
    const { version } = this.#options
    if (version === undefined) return drive.version
    if (version >= 1 && version <= drive.version) return version
    throw new DatError('NOT_FOUND', `The drive has versions 1 to ${drive.version}.`, {
      version,
      newest: drive.version,
    })
  }

  #explain(error: unknown): unknown {
    if (!isCode(error, 'NO_PEERS') && !isCode(error, 'TIMEOUT')) return error
    if (this.#isKnown || (this.#session.known?.log.length ?? 0) > 0) return error
    const { offline } = this.#session.station.network
    const message = offline
      ? 'There is nothing of this drive here, and the network is off.'
      : 'Nobody who has this drive was found. Is the link right, and is somebody sharing it?'
    return new DatError('NO_PEERS', message, { link: this.link }, error)
  }

  // ---- Writing it out ----------------------------------------------------------------------------

  async #pass(version: number): Promise<Report> {
    const { drive, teller, signal, station } = this.#session
    const ledger = await this.#openLedger()
    teller.beginPass()
    if (teller.phase !== 'watching') teller.setPhase('transferring')
    // Tells the file system's clock, by which files are stamped.
    ledger.record({ rows: [], removed: [], version: ledger.version })
    const pass = new ExportPass(
      {
        drive,
        target: drive.checkout(version),
        writer: new FolderWriter(this.dir),
        ledger,
        teller,
        wait: this.#wait,
        signal,
        force: this.#options.force ?? false,
        verify: this.#options.verify ?? false,
      },
      this.#foldsCase(),
    )
    const found = station.corestore.findingPeers(drive.discoveryKey)
    const rows = drive.log.download({ start: 0, end: Math.min(drive.log.length, version + 1) })
    try {
      const before = this.#inStepAt
      this.#inStepAt = 0
      if (before > 0 && before === ledger.version && before < version) await pass.since(before)
      else await pass.all()
      this.#inStepAt = version
    } finally {
      rows.cancel()
      found()
    }
    teller.emit({ type: 'version', version })
    await ledger.compact()
    return teller.report()
  }

  /** Rows name blocks of one history: after a fork nothing that was recorded is certain. */
  async #openLedger(): Promise<Ledger> {
    const { fork } = this.#session.drive.log
    if (this.#ledger?.fork === fork) return this.#ledger.ledger
    this.#ledger?.ledger.close()
    const path = join(this.#place.state, 'files')
    const ledger = await Ledger.open(path, `clone ${this.link} ${fork}`)
    this.#ledger = { fork, ledger }
    return ledger
  }

  #foldsCase(): boolean {
    // Our own folder, in another case: there only where case does not count.
    return existsSync(join(this.dir, STATE_FOLDER.toUpperCase()))
  }

  /** Writes out each new version, until the session ends. */
  async #follow(): Promise<void> {
    const { drive, teller, signal } = this.#session
    const changes = drive.watch({ signal })[Symbol.asyncIterator]()
    for (let isOver = false; !isOver && !signal.aborted; ) {
      // Listening begins before the look, so that no version falls between.
      const change = changes.next()
      while (!signal.aborted && !(await this.#catchUp())) await this.#rest()
      teller.setPhase('watching')
      isOver = (await change).done === true
    }
  }

  /** True: the folder is at the newest version that is known. */
  async #catchUp(): Promise<boolean> {
    const { drive, teller, signal } = this.#session
    try {
      while (!signal.aborted && this.#ledger?.ledger.version !== drive.version) {
        const report = await this.#pass(drive.version)
        if (report.error !== undefined) teller.emit({ type: 'warning', error: report.error })
      }
      return true
    } catch (error) {
      if (!signal.aborted) teller.emit({ type: 'warning', error: fileError(error, this.dir) })
      return false
    }
  }

  #rest(): Promise<void> {
    const { clock, signal } = this.#session
    return new Promise((resolve) => {
      const timer = clock.after(RETRY_MS, resolve)
      const onabort = (): void => {
        timer.cancel()
        resolve()
      }
      if (signal.aborted) onabort()
      signal.addEventListener('abort', onabort, { once: true })
    })
  }
}

/**
 * Is some of it here? What is, is looked at before a folder becomes its clone.
 *
 * @throws DatError CONFLICT if it is written from here; UNSUPPORTED if it is no drive
 */
async function checkStored(store: Corestore, dir: string, key: Uint8Array): Promise<boolean> {
  if (store.store.find(discoveryKey(key)) === undefined) return false
  const log = await store.get({ key })
  try {
    if (log.writable) throw isOwn(dir, key)
    const block = log.peek(0)
    if (block !== undefined) driveFormat(block)
    return log.length > 0
  } finally {
    await log.close()
  }
}

function isOwn(dir: string, key: Uint8Array): DatError {
  const link = formatLink({ key })
  return new DatError(
    'CONFLICT',
    `${link} is written from this very store; it cannot be its own clone.`,
    {
      dir,
      link,
    },
  )
}

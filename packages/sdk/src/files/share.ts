/**
 * A folder that is shared: kept as a drive, watched, and told about.
 *
 * Owns: the life of one share. First everything is compared with the drive and imported, then changes follow as the
 * file system reports them. Because such reports can be lost without a word, everything is compared again from
 * time to time. A pass that fails while watching is told as a warning and tried again; the share goes on serving.
 * While the node is suspended a pass under way is ended, but nothing is watched and none begun; then all is compared.
 */

import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, type Timer } from '@dat-rhino/core/base/clock'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { Station } from '../station.ts'
import { checkRole, type FolderPlace, readRole, writeRole } from './folder-role.ts'
import { IGNORE_FILE, type Ignores, tellingRules } from './ignore.ts'
import { ImportPass, type Scope } from './import.ts'
import { Ledger } from './ledger.ts'
import type { FolderEvent, FolderState, Report } from './news.ts'
import type { ShareOptions } from './options.ts'
import { fileError, isMissing } from './problems.ts'
import { relearn } from './relearn.ts'
import { FolderSession } from './session.ts'
import { FolderWatch } from './watch.ts'

/** Everything is compared again after this, in case a change was not reported. */
const RESCAN_MS = 600_000
/** The same where the system refuses to report all changes. */
const RESCAN_BLIND_MS = 10_000
/** After a pass that failed. */
const RETRY_MS = 5_000
const EVERYTHING: readonly Scope[] = [{ folder: '/', deep: true }]

/** What a share is opened with. */
export interface ShareSetup {
  /** Absolute, without links. */
  readonly dir: string
  readonly place: FolderPlace
  readonly station: Station
  /** Where the drive's keys are: `undefined` is the store's own name space. */
  readonly namespace: string | undefined
  readonly options: ShareOptions
  /** Called at the end of `close`. */
  readonly release: () => Promise<void>
}

/** One open share. */
export class Share implements AsyncDisposable {
  /** The shared folder, absolute. */
  readonly dir: string
  /** For people, and for `clone`. The same each time this folder is shared. */
  readonly link: string
  readonly drive: BeeDrive
  readonly #options: ShareOptions
  readonly #session: FolderSession
  readonly #ledger: Ledger
  readonly #release: () => Promise<void>
  readonly #watch: FolderWatch | undefined
  readonly #work: Promise<void>
  #rescanMs = RESCAN_MS
  #datignore: string | undefined
  #wake: (() => void) | undefined
  #isSuspended = false
  /** The next pass that nothing asks for. */
  #rescan: Timer | undefined
  readonly #restNoMore: () => void

  private constructor(setup: ShareSetup, drive: BeeDrive, ledger: Ledger) {
    const session = new FolderSession(setup.station, drive.discoveryKey, setup.options.signal)
    session.opened(drive)
    this.drive = drive
    this.dir = setup.dir
    this.link = formatLink({ key: drive.key })
    this.#options = setup.options
    this.#session = session
    this.#ledger = ledger
    this.#release = setup.release
    this.#watch = setup.options.watch === false ? undefined : this.#newWatch()
    session.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    this.#restNoMore = setup.station.restWith({
      suspend: () => this.#suspend(),
      resume: () => this.#resume(),
    })
    this.#work = this.#run()
  }

  /** Opens or makes the drive of a folder. The import begins, and goes on when this has resolved. */
  static async open(setup: ShareSetup): Promise<Share> {
    const { dir, place, station, namespace } = setup
    const role = readRole(place)
    checkRole(dir, role, 'share')
    // Code that runs for the first time has to be compiled: in one turn, store, drive and session took 30 ms.
    const pace = new Pace(systemClock)
    await pace.turn()
    const drive = await BeeDrive.open({
      store: station.corestore,
      ...(namespace === undefined ? {} : { namespace }),
    })
    try {
      checkWritable(drive, station)
      checkRole(dir, role, 'share', drive.key)
      if (role === undefined) writeRole(place, { role: 'share', key: drive.key })
      await pace.turn()
      const ledger = await Ledger.open(
        join(place.state, 'files'),
        `share ${formatLink({ key: drive.key })}`,
      )
      return new Share(setup, drive, ledger)
    } catch (error) {
      await drive.close()
      throw error
    }
  }

  get state(): FolderState {
    return this.#session.teller.state
  }

  /** Each new state, the present one first; a slow reader skips to the newest. */
  states(signal?: AbortSignal): AsyncIterable<FolderState> {
    return this.#session.teller.states(signal)
  }

  /** News from now on. Ends when the share is closed. */
  events(signal?: AbortSignal): AsyncIterable<FolderEvent> {
    return this.#session.teller.events(signal)
  }

  /** Resolves when everything that was in the folder is in the drive. Without `timeoutMs` there is no limit. */
  done(options?: WaitOptions): Promise<Report> {
    return this.#session.done(options)
  }

  /** Stops watching, leaves the network, closes the drive. */
  close(): Promise<void> {
    this.#restNoMore()
    this.#watch?.close()
    return this.#session.close(this.#work, async () => {
      this.#ledger.close()
      await this.#release()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #suspend(): void {
    this.#isSuspended = true
    this.#watch?.suspend()
    this.#rescan?.cancel()
  }

  #resume(): void {
    this.#isSuspended = false
    this.#watch?.resume()
  }

  async #run(): Promise<void> {
    const { teller, signal } = this.#session
    const { drive } = this
    try {
      teller.setPhase('scanning')
      this.#session.countBlobs()
      await new Pace(systemClock).turn()
      const isNew = this.#ledger.isEmpty && drive.version <= 1
      if (!isNew && this.#ledger.version !== drive.version) {
        await relearn(drive, this.#ledger, signal)
      }
      const report = await this.#pass(EVERYTHING, this.#options.verify ?? false)
      teller.setPhase(this.#watch === undefined ? 'done' : 'watching')
      this.#session.finish(report)
      while (this.#watch !== undefined && !signal.aborted) await this.#follow()
    } catch (error) {
      this.#session.fail(this.#explain(error))
    }
  }

  /** A store that stopped being writable in the middle knows why; who hears of it first does not. */
  #explain(error: unknown): DatError {
    const why = this.#session.station.corestore.store.whyReadOnly
    if (!isCode(error, 'NOT_WRITABLE') || why === undefined) return fileError(error, this.dir)
    return new DatError('NOT_WRITABLE', `The store of ${this.dir} is read-only: ${why}.`, {}, error)
  }

  /** Waits for changes, and imports them. */
  async #follow(): Promise<void> {
    const { teller, signal } = this.#session
    const scopes = await this.#nextScopes()
    if (signal.aborted) return
    try {
      const report = await this.#pass(scopes, false)
      if (report.error !== undefined) teller.emit({ type: 'warning', error: report.error })
    } catch (error) {
      if (signal.aborted) return
      teller.emit({ type: 'warning', error: this.#explain(error) })
      this.#session.clock.after(RETRY_MS, () => this.#watch?.touch('/'))
    }
    teller.setPhase('watching')
  }

  async #pass(scopes: readonly Scope[], verify: boolean): Promise<Report> {
    const { teller, signal } = this.#session
    const { drive } = this
    const ignores = this.#ignores()
    teller.beginPass()
    // Tells the file system's clock, by which files are stamped.
    this.#ledger.record({ rows: [], removed: [], version: this.#ledger.version })
    const pass = new ImportPass(
      { root: this.dir, drive, ledger: this.#ledger, teller, signal },
      {
        ignores: ignores.test,
        verify,
        patient: teller.phase === 'watching',
        onfolder: (folder) => this.#watch?.add(folder),
        isWatched: (folder) => this.#watch?.isWatched(folder) ?? false,
      },
    )
    const before = drive.version
    const again = await pass.run(ignores.changed ? EVERYTHING : scopes)
    for (const folder of again) this.#watch?.touch(folder)
    if (drive.version !== before) {
      // Peers are not told before it is on the disk; nobody else should hear of it sooner.
      await this.#session.station.corestore.flush()
      teller.emit({ type: 'version', version: drive.version })
    }
    await this.#ledger.compact()
    return teller.report()
  }

  /** Resolves when there is something to look at. */
  async #nextScopes(): Promise<readonly Scope[]> {
    const { clock, signal } = this.#session
    let isDue = false
    if (this.#watch?.isSettled !== true && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (this.#isSuspended) return
        this.#rescan = clock.after(this.#rescanMs, () => {
          isDue = true
          resolve()
        })
      })
    }
    this.#rescan?.cancel()
    const folders = this.#watch?.take()
    if (isDue || folders === undefined) return EVERYTHING
    return folders.map((folder) => ({ folder, deep: false }))
  }

  #newWatch(): FolderWatch {
    return new FolderWatch(this.dir, {
      clock: this.#session.clock,
      onchange: () => this.#wake?.(),
      onlimit: (error) => {
        this.#rescanMs = RESCAN_BLIND_MS
        this.#session.teller.emit({ type: 'warning', error })
      },
    })
  }

  /** The rules of now; have they changed since the last pass? */
  #ignores(): { test: Ignores; changed: boolean } {
    const { ignore = [], hidden = true, datignore = true } = this.#options
    const text = datignore ? this.#readDatignore() : ''
    const changed = this.#datignore !== undefined && this.#datignore !== text
    this.#datignore = text
    const { teller } = this.#session
    const rules = { ignore, hidden, datignore: text }
    return { test: tellingRules(rules, (why) => teller.counted(why)), changed }
  }

  #readDatignore(): string {
    const path = join(this.dir, IGNORE_FILE)
    try {
      return lstatSync(path).isFile() ? readFileSync(path, 'utf8') : ''
    } catch (error) {
      if (isMissing(error)) return ''
      throw fileError(error, path)
    }
  }
}

/** A share must be able to write; a store that may not says why. */
function checkWritable(drive: BeeDrive, station: Station): void {
  const why = station.corestore.store.whyReadOnly
  if (why !== undefined) {
    const message = `This folder cannot be shared: ${why}.`
    throw new DatError('NOT_WRITABLE', message, { recoverable: true })
  }
  try {
    drive.checkWritable()
  } catch (error) {
    if (!(error instanceof DatError)) throw error
    const message = `This folder cannot be shared. ${error.message}`
    throw new DatError(error.code, message, error.facts, error)
  }
}

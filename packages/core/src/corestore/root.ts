/**
 * What all views of one store share: its open logs, its connections, and the look-ups for peers.
 *
 * Owns: one `OpenLog` per log, however many ask for it at the same time; the sweep that closes those that nobody
 * needs; and joining logs with connections (`connections.ts`): a log that is held here is opened on every connection,
 * a log that is only stored is opened when a remote asks for it. Everything stored is served to whoever knows the
 * key, unless the policy says otherwise; a remote that asks for what is not here costs one look-up in memory. Source:
 * corestore 4 and 5.
 *
 * Long because all of that meets in one table of open logs, which everything here reads or changes.
 */

import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { Line } from '../base/line.ts'
import { equal, mapKey } from '../bytes/bytes.ts'
import { KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { type ExtensionPeer, Extensions } from '../log/extensions.ts'
import type { ReplicaOptions } from '../log/holders.ts'
import type { LogOptions } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { LogIdentity, Slot, Store } from '../store/store.ts'
import { Connections } from './connections.ts'
import { Deletions, isDeleted, isGone, revive } from './deletion.ts'
import type { CorestoreEvents } from './events.ts'
import { Gate } from './gate.ts'
import { type Identified, storedLog } from './identify.ts'
import { OpenLog, type OpenLogHost } from './open-log.ts'
import { Pending } from './pending.ts'
import type { Policy } from './policy.ts'
import type { Generations } from './talks.ts'

const SWEEP_MS = 2_000

/** What a root is given beside its store. */
export interface RootOptions {
  readonly clock?: Clock
  /** Sign each append at once. Default false. */
  readonly signsNow?: boolean
  /** Milliseconds since 1970, for noting when a log was last used. */
  readonly wallNow?: () => number
  /** Default: everything is allowed. */
  readonly policy?: Policy
}

/** A look-up for peers of one log, or of all, that is under way. */
interface Finding {
  readonly discoveryKey: string | undefined
  readonly dones: (() => void)[]
}

export class Root {
  readonly store: Store
  readonly clock: Clock
  readonly events: Emitter<CorestoreEvents> = new Emitter()
  readonly net: Connections
  readonly deletions: Deletions
  /** Who listens to messages about any log. */
  readonly extensions: Extensions = new Extensions()
  /** Logs that are asked for: what ten thousand of them cost is more than one turn of the event loop. */
  readonly line: Line
  /** By number. */
  readonly #open = new Map<number, OpenLog>()
  /** Logs that are being made. */
  readonly #making = new Map<string, Promise<OpenLog>>()
  readonly #closing = new Map<number, Promise<void>>()
  /** Logs whose generation is still to be found out. */
  readonly #pending = new Map<string, Pending>()
  readonly #findings = new Set<Finding>()
  /** Keys of the log that a remote asks for. */
  readonly #keys = new Uint8Array(2 * KEY_BYTES)
  readonly #askedKey: Uint8Array = this.#keys.subarray(0, KEY_BYTES)
  readonly #wallNow: () => number
  /** Options of handles for whom nothing is said. */
  readonly usual: LogOptions
  readonly #openLogHost: OpenLogHost
  /** Of all logs, but for those that somebody brings a key for. */
  readonly #replicaOptions: ReplicaOptions
  #sweep: Timer | undefined = undefined
  #closed = false

  constructor(store: Store, options: RootOptions = {}) {
    const { clock = systemClock } = options
    this.store = store
    this.clock = clock
    this.line = new Line(clock)
    this.#wallNow = options.wallNow ?? Date.now
    this.#replicaOptions = {
      eagerSignature: options.signsNow ?? false,
      extensions: this.extensions,
    }
    this.usual = { clock }
    this.#openLogHost = {
      ...{ clock, wallNow: this.#wallNow, events: this.events, usual: this.usual },
      held: (log, isHeld) => (isHeld ? this.net.attach(log) : this.#laterSweep()),
      replicating: (log) => {
        for (const finding of this.#findings) this.#findFor(finding, log)
      },
    }
    this.net = new Connections(
      {
        clock,
        events: this.events,
        keyOf: (discoveryKey, generations) => this.#keyOf(discoveryKey, generations),
        openStored: (discoveryKey, generations) => this.#openStored(discoveryKey, generations),
        heldLogs: () => this.#spoken().filter((log) => log.isHeld),
      },
      new Gate(store, clock, options.policy ?? {}),
    )
    this.deletions = new Deletions({
      ...{ store, clock },
      find: (discoveryKey) => this.find(discoveryKey),
      closeLog: async (discoveryKey) => {
        const open = this.find(discoveryKey)
        const log = store.find(discoveryKey)
        const closing = log === undefined ? undefined : this.#closing.get(log)
        await (open === undefined ? closing : this.closeLog(open))
      },
      checkOpen: () => this.checkOpen(),
      failed: (key, error) => this.events.emit('storage-error', { key, error }),
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  get openLogs(): Iterable<OpenLog> {
    return this.#open.values()
  }

  find(discoveryKey: Uint8Array): OpenLog | undefined {
    const log = this.store.find(discoveryKey)
    return log === undefined ? undefined : this.#open.get(log)
  }

  /**
   * The open log, opened or made if need be; a promise only if there is something to wait for. All who ask at the same
   * time get the same.
   */
  get(
    wanted: Identified,
    mayCreate: boolean,
    limits: WaitOptions = {},
  ): OpenLog | Promise<OpenLog> {
    this.checkOpen()
    return this.#getAtOnce(wanted) ?? this.#get(wanted, mayCreate, limits)
  }

  /** As it mostly is: the log is stored, nothing is to be learnt of it, and nobody is about to close or delete it. */
  #getAtOnce(wanted: Identified): OpenLog | undefined {
    if (wanted.identity?.manifest !== undefined || wanted.keyPair !== undefined) return undefined
    if (!this.deletions.isIdle) return undefined
    const log = storedLog(this.store, wanted)
    if (log === undefined || this.#closing.has(log)) return undefined
    return this.#open.get(log) ?? (isGone(this.store.slot(log)) ? undefined : this.#openLog(log))
  }

  async #get(wanted: Identified, mayCreate: boolean, limits: WaitOptions): Promise<OpenLog> {
    const discoveryKey = this.#discoveryKeyOf(wanted)
    const id = mapKey(discoveryKey)
    const deletion = this.deletions.of(id)
    if (deletion !== undefined) await deletion
    const closing = this.#closing.get(this.store.find(discoveryKey) ?? -1)
    if (closing !== undefined) await closing
    this.checkOpen()
    const open = this.find(discoveryKey)
    if (open !== undefined) return this.#withKey(open, wanted)
    const log = this.store.find(discoveryKey)
    if (log !== undefined && this.#isThere(log, mayCreate)) {
      const slot = this.store.slot(log)
      if (isDeleted(slot)) await this.#revived(slot)
      if (wanted.identity?.manifest !== undefined) await this.#learn(log, wanted)
      return this.#openLog(log, wanted.keyPair)
    }
    const { identity, candidates } = wanted
    if (mayCreate && candidates.length > 0) {
      return this.#unknown(discoveryKey, candidates).wait(limits)
    }
    if (identity === undefined || !mayCreate) {
      throw new DatError('NOT_FOUND', 'This log is not in the store.')
    }
    this.#pending.get(id)?.close(new DatError('CONFLICT', 'The log was opened as what it is.'))
    const making = this.#making.get(id)
    if (making !== undefined) return this.#withKey(await making, wanted)
    const made = this.store.create(identity).then((slot) => {
      this.checkOpen()
      return this.#openLog(slot.log, wanted.keyPair)
    })
    this.#making.set(id, made)
    try {
      return await made
    } finally {
      this.#making.delete(id)
    }
  }

  /** See `Corestore.findingPeers`. */
  findingPeers(discoveryKey?: Uint8Array): () => void {
    const id = discoveryKey === undefined ? undefined : mapKey(discoveryKey)
    const finding: Finding = { discoveryKey: id, dones: [] }
    this.#findings.add(finding)
    for (const log of this.#spoken()) {
      // Whoever is made later asks then what is looked for.
      if (log.replicatorIfAny !== undefined) this.#findFor(finding, log)
    }
    return () => {
      if (!this.#findings.delete(finding)) return
      for (const done of finding.dones) done()
    }
  }

  /** One conversation with each peer of the moment, so that a message to all reaches each of them once. */
  extensionPeers(): Iterable<ExtensionPeer> {
    const peers = new Map<string, ExtensionPeer>()
    const add = (log: OpenLog): void => {
      for (const peer of log.replicator.extensionPeers()) {
        peers.set(mapKey(peer.remotePublicKey), peer)
      }
    }
    for (const log of this.#open.values()) if (log.replicatorIfAny !== undefined) add(log)
    // One idle conversation is woken for each peer that no other is with.
    for (const log of this.#open.values()) {
      for (const key of log.idlePeerKeys) if (!peers.has(mapKey(key))) add(log)
    }
    return peers.values()
  }

  /** Closes a log with all its handles. */
  closeLog(log: OpenLog): Promise<void> {
    const number = log.replica.slot.log
    const known = this.#closing.get(number)
    if (known !== undefined) return known
    this.#open.delete(number)
    this.net.detach(log)
    const closing = log.close().finally(() => {
      this.#closing.delete(number)
      if (!this.events.has('log-close')) return
      const { key, discoveryKey } = log
      this.events.emit('log-close', { key, discoveryKey })
    })
    this.#closing.set(number, closing)
    return closing
  }

  /** See `Corestore.suspend`. */
  async suspend(): Promise<void> {
    this.net.suspend()
    this.#sweep?.cancel()
    this.#sweep = undefined
    await this.flush()
    if (this.store.writable) await this.store.checkpoint()
  }

  resume(): void {
    this.net.resume()
    this.#laterSweep()
  }

  /** Everything acknowledged so far is signed and on the disk. */
  async flush(): Promise<void> {
    await this.line.each([...this.#open.values()], ({ replica }) => replica.sealed())
    await this.store.sync()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#sweep?.cancel()
    this.net.close()
    const error = new DatError('CLOSED', 'The store was closed.')
    for (const pending of [...this.#pending.values()]) pending.close(error)
    await Promise.allSettled(this.#making.values())
    await this.deletions.settled()
    const closing = Promise.allSettled(this.#closing.values())
    try {
      await this.line.each([...this.#open.values()], (log) => this.closeLog(log))
      for (const end of await closing) if (end.status === 'rejected') throw end.reason
    } finally {
      await closing
      // Whatever one log can't write any more, the store is closed and its lock released.
      await this.store.close()
    }
  }

  checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'The store was closed.')
  }

  // ---- Logs ----

  /** A log of ours that was deleted is there for who may make it. */
  #isThere(log: number, mayCreate: boolean): boolean {
    return (mayCreate && this.store.writable) || !isGone(this.store.slot(log))
  }

  #discoveryKeyOf({ log, discoveryKey }: Identified): Uint8Array {
    return log === undefined ? discoveryKey : this.store.slot(log).identity.discoveryKey
  }

  async #revived(slot: Slot): Promise<void> {
    await revive(this.store, slot)
    this.checkOpen()
  }

  #openLog(log: number, keyPair?: KeyPair): OpenLog {
    const found = this.#open.get(log)
    if (found !== undefined) return found
    const usual = this.#replicaOptions
    const options = keyPair === undefined ? usual : { ...usual, keyPair }
    const open = new OpenLog(this.#openLogHost, this.store, this.store.slot(log), options)
    this.#opened(open)
    return open
  }

  #opened(open: OpenLog): void {
    const { log } = open.replica.slot
    this.store.used(log, this.#wallNow())
    this.#open.set(log, open)
    this.#laterSweep()
    if (!this.events.has('log-open')) return
    this.events.emit('log-open', { key: open.key, discoveryKey: open.discoveryKey })
  }

  #findFor({ discoveryKey, dones }: Finding, { replicator, discoveryKey: own }: OpenLog): void {
    if (discoveryKey === undefined || discoveryKey === mapKey(own)) {
      dones.push(replicator.findingPeers())
    }
  }

  // ---- Logs whose generation is not known yet ----

  /** What is spoken about: open logs, and what may be one. */
  #spoken(): OpenLog[] {
    return [...this.#open.values(), ...[...this.#pending.values()].flatMap(({ logs }) => logs)]
  }

  #unknown(discoveryKey: Uint8Array, candidates: readonly LogIdentity[]): Pending {
    const id = mapKey(discoveryKey)
    const known = this.#pending.get(id)
    if (known !== undefined) return known
    const host = {
      clock: this.clock,
      open: (store: Store, slot: Slot) =>
        new OpenLog(this.#openLogHost, store, slot, { extensions: this.extensions }),
      create: (identity: LogIdentity) => this.store.create(identity),
      opened: () => this.find(discoveryKey),
      settled: (log: OpenLog) => this.#opened(log),
      dropped: (log: OpenLog) => this.net.detach(log),
    }
    const pending = new Pending(host, this.store, candidates, () => this.#pending.delete(id))
    this.#pending.set(id, pending)
    void pending.start()
    return pending
  }

  /** A log that is open for reading is opened anew for who brings its secret key. */
  async #withKey(open: OpenLog, wanted: Identified): Promise<OpenLog> {
    const { keyPair } = wanted
    if (keyPair === undefined || open.replica.writable || !this.store.writable) return open
    if (open.replica.frozen) return open
    // One of several signers may not append alone, though his key is here.
    const { publicKey } = open
    if (publicKey !== undefined && equal(publicKey, keyPair.publicKey)) return open
    if (open.isHeld) {
      const message = 'The log is open for reading; close it before it is opened with its key.'
      throw new DatError('CONFLICT', message)
    }
    await this.closeLog(open)
    this.checkOpen()
    await this.#learn(open.replica.slot.log, wanted)
    return this.#openLog(open.replica.slot.log, keyPair)
  }

  /** A log that was stored by its key alone has no manifest; whoever names it by one brings it. */
  async #learn(log: number, wanted: Identified): Promise<void> {
    const manifest = wanted.identity?.manifest
    const slot = this.store.slot(log)
    if (manifest === undefined || slot.identity.manifest !== undefined || !this.store.writable)
      return
    slot.stageManifest(manifest)
    await this.store.commit()
    this.checkOpen()
  }

  // ---- What remotes ask for ----

  #keyOf(discoveryKey: Uint8Array, generations: Generations): Uint8Array | undefined {
    if (this.#closed) return undefined
    const log = this.store.find(discoveryKey)
    if (log === undefined) return this.#pending.get(mapKey(discoveryKey))?.find(generations)?.key
    const slot = this.store.slot(log)
    if (!generations.has(slot.generation) || isGone(slot)) return undefined
    slot.copyKeys(this.#keys)
    return this.#askedKey
  }

  #openStored(discoveryKey: Uint8Array, generations: Generations): OpenLog | undefined {
    const log = this.store.find(discoveryKey)
    if (log === undefined) return this.#pending.get(mapKey(discoveryKey))?.find(generations)
    if (this.#keyOf(discoveryKey, generations) === undefined) return undefined
    const open = this.#open.get(log)
    return open !== undefined || this.#closing.has(log) ? open : this.#openLog(log)
  }

  // ---- Logs that nobody needs ----

  #laterSweep(): void {
    if (this.#closed || this.net.isSuspended) return
    this.#sweep ??= this.clock.after(SWEEP_MS, () => {
      this.#sweep = undefined
      let unheld = 0
      for (const log of [...this.#open.values()]) {
        if (log.isHeld) continue
        if (!log.isIdle) {
          unheld++
          continue
        }
        const { key } = log
        this.closeLog(log).catch((error: unknown) => {
          this.events.emit('storage-error', { key, error })
        })
      }
      if (unheld > 0) this.#laterSweep()
    })
  }
}

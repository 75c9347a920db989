/**
 * One seeded story: a writer, some readers, perhaps a liar, on a network that delays and cuts, over disks that lag
 * and fill, in stores with quotas that change. At the end the network is whole again, and every reader must have what the writer has.
 *
 * Owns: what may happen, the model of what is true (the writer's blocks), and the statements that hold after
 * every step:
 *
 * - what is reserved is what is in flight, and nothing is left when nobody waits;
 * - every block that anybody holds is the model's;
 * - what a peer is told or sent was on the sender's disk.
 */

import assert from 'node:assert/strict'
import type { KeyPair } from '../../src/crypto/crypto.ts'
import { logIdentity, plainIdentity } from '../../src/log/identity.ts'
import type { Fetching } from '../../src/log/remote.ts'
import { Replica } from '../../src/log/replica.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import type { LogIdentity } from '../../src/store/store.ts'
import { testKeyPair } from '../log/support.ts'
import { assertFull, assertWaitError, checkDurable } from './holds.ts'
import { liar } from './liar.ts'
import { type Joint, join, type Tamper } from './pipe.ts'
import { SlowStore } from './slow-store.ts'
import { World } from './world.ts'

const DEPTH = 40
/** Simulated time in which an honest network must have finished. */
const HEAL_MS = 120_000

interface Machine {
  readonly name: string
  readonly key: Uint8Array
  readonly store: SlowStore
  replica: Replica
  replicator: Replicator
  downloads: Fetching[]
  readonly lies: boolean
}

export interface StoryResult {
  readonly steps: number
  readonly messages: number
}

export class Story {
  readonly #world: World
  readonly #generation: LogIdentity['generation']
  readonly #machines: Machine[] = []
  readonly #joints = new Map<string, Joint>()
  /** The writer's blocks, as they are now. */
  #blocks: Uint8Array[] = []
  #fork = 0
  /** What block `i` was in each fork, for readers that are behind. */
  readonly #histories: Uint8Array[][] = [[]]
  #messages = 0
  readonly #isQuiet: boolean

  constructor(seed: number, generation: LogIdentity['generation'] = 3) {
    this.#world = new World(seed)
    this.#generation = generation
    this.#isQuiet = this.#world.chance(0.3)
  }

  async tell(): Promise<StoryResult> {
    const world = this.#world
    const readers = world.between(1, 3)
    await this.#addMachine('writer', false)
    for (let i = 0; i < readers; i++) await this.#addMachine(`reader ${i}`, false)
    if (world.chance(0.3)) await this.#addMachine('liar', true)
    world.onStep = () => this.#check()

    const steps = world.between(3, DEPTH)
    for (let i = 0; i < steps; i++) {
      await this.#step()
      await world.run(world.chance(0.7) ? world.random() * 30 : world.random() * 3_000)
    }
    await this.#heal()
    return { steps, messages: this.#messages }
  }

  // ---- What may happen ----

  async #step(): Promise<void> {
    const world = this.#world
    const what = world.random()
    if (what < 0.22) await this.#append()
    else if (what < 0.25 && this.#mayTruncate) await this.#truncate()
    else if (what < 0.45) this.#connect(this.#any(), this.#any())
    else if (what < 0.52) this.#cutOne()
    else if (what < 0.66) this.#get()
    else if (what < 0.76) this.#download(this.#reader())
    else if (what < 0.8) this.#seek()
    else if (what < 0.84) this.#update()
    else if (what < 0.88) await this.#clear()
    else if (what < 0.94) await this.#restart(this.#reader())
    else if (what < 0.96) this.#reader().downloads.pop()?.cancel()
    else if (what < 0.98) this.#any().replicator.setDownloading(world.chance(0.6))
    else if (what < 0.99) this.#any().store.fullness = world.chance(0.5) ? 0 : world.random() * 0.5
    else this.#any().store.setQuota(this.#makeQuota())
  }

  async #append(): Promise<void> {
    const writer = this.#writer
    const count = this.#world.chance(0.2)
      ? this.#world.between(50, 300)
      : this.#world.between(1, 20)
    const blocks = Array.from({ length: count }, () => this.#makeBlock())
    try {
      writer.replica.append(blocks)
      await this.#settled(writer.replica.commit())
      this.#blocks.push(...blocks)
    } catch (error) {
      assertFull(error)
    }
    this.#histories[this.#fork] = [...this.#blocks]
  }

  get #mayTruncate(): boolean {
    return this.#blocks.length > 1 && this.#writer.replica.generation.canFork
  }

  async #truncate(): Promise<void> {
    const length = this.#world.between(0, this.#blocks.length - 1)
    // Both changes are one commit here, and without room for the second the first would stay staged.
    this.#writer.store.setQuota(Number.POSITIVE_INFINITY)
    try {
      this.#writer.replica.truncate(length)
      // A new history is longer than nothing, or nobody could be told of it.
      const block = this.#makeBlock()
      this.#writer.replica.append([block])
      await this.#settled(this.#writer.replica.commit())
      this.#blocks = [...this.#blocks.slice(0, length), block]
      this.#fork++
      this.#histories[this.#fork] = [...this.#blocks]
    } catch (error) {
      assertFull(error)
    }
  }

  #get(): void {
    const reader = this.#reader()
    const index = this.#world.between(0, this.#blocks.length + 2)
    if (reader.replica.has(index)) return
    const timeoutMs = this.#world.between(20, 4_000)
    const abort = new AbortController()
    if (this.#world.chance(0.2)) {
      this.#world.after(this.#world.random() * 100, () => abort.abort())
    }
    reader.replicator.block(index, { timeoutMs, signal: abort.signal }).catch(assertWaitError)
  }

  #download(reader: Machine): void {
    const world = this.#world
    const end = world.chance(0.3) ? -1 : world.between(0, this.#blocks.length)
    const start = world.between(0, Math.max(end, 0))
    const linear = world.chance(0.3)
    const range = world.chance(0.2)
      ? { start: 0, end: 0, blocks: this.#someBlocks() }
      : { start, end, linear }
    reader.downloads.push(reader.replicator.range(range))
  }

  #seek(): void {
    const reader = this.#reader()
    const { byteLength } = reader.replica
    if (byteLength === 0) return
    const position = this.#world.between(0, byteLength - 1)
    if (reader.replica.seekLocal(position, 0).kind === 'found') return
    reader.replicator.seek(position, 0, { timeoutMs: 2_000 }).catch(assertWaitError)
  }

  #update(): void {
    this.#reader().replicator.update({ timeoutMs: 3_000 }).catch(assertWaitError)
  }

  async #clear(): Promise<void> {
    const { replica } = this.#world.chance(0.2) ? this.#writer : this.#reader()
    // What the only source clears is gone, so the writer keeps its blocks.
    if (replica === this.#writer.replica || replica.length === 0) return
    const start = this.#world.between(0, replica.length - 1)
    try {
      replica.clear(start, this.#world.between(start, replica.length))
      await this.#settled(replica.commit())
    } catch (error) {
      assertFull(error)
    }
  }

  async #restart(machine: Machine): Promise<void> {
    machine.replicator.close()
    for (const download of machine.downloads) download.done().catch(() => {})
    machine.downloads = []
    try {
      await this.#settled(machine.replica.close())
    } catch (error) {
      assertFull(error)
    }
    machine.replica = Replica.open(machine.store, machine.store.slot(0))
    machine.replicator = this.#replicator(machine.replica)
  }

  #connect(a: Machine, b: Machine): void {
    if (a === b || (a.lies && b.lies)) return
    const id = [a.name, b.name].sort().join(' – ')
    if (this.#joints.get(id)?.closed === false) return
    const world = this.#world
    const low = this.#isQuiet ? 1 : world.random() * 80
    const joint = join(world, a.replicator, b.replicator, {
      delayMs: [low, this.#isQuiet ? 1 : low + world.random() * 100],
      budgetBytes: world.between(2_000, 300_000),
      tamperA: this.#tamper(a),
      tamperB: this.#tamper(b),
      keys: [a.key, b.key],
      // Wires differ in what they can say; all can say the rest.
      abilities: {
        seek: world.chance(0.9),
        hash: true,
        cancel: world.chance(0.8),
        refuse: true,
        waitsForEnd: false,
      },
      wantsAcks: world.chance(0.3),
    })
    this.#joints.set(id, joint)
  }

  #cutOne(): void {
    const open = [...this.#joints.values()].filter((joint) => !joint.closed)
    open[this.#world.between(0, open.length - 1)]?.cut()
  }

  // ---- The end ----

  async #heal(): Promise<void> {
    const world = this.#world
    for (const machine of this.#machines) {
      machine.store.fullness = 0
      machine.store.setQuota(Number.POSITIVE_INFINITY)
      for (const download of machine.downloads) download.cancel()
      machine.downloads = []
    }
    const readers = this.#machines.filter((m) => m !== this.#writer && !m.lies)
    for (const { replicator } of this.#machines) replicator.setDownloading(true)
    for (const reader of readers) {
      this.#connect(reader, this.#writer)
      reader.downloads.push(reader.replicator.range({ start: 0, end: -1 }))
    }
    if (this.#blocks.length === 0) await this.#append()
    const isWhole = (): boolean => readers.every((reader) => this.#isWhole(reader))
    await world.run(HEAL_MS, isWhole)

    for (const reader of readers) {
      assert.ok(this.#isWhole(reader), `${reader.name} ends ${this.#state(reader)}`)
      for (const download of reader.downloads) download.cancel()
    }
    // A liar may be asked for ever, now and then; when it is gone nothing may be left.
    for (const joint of this.#joints.values()) joint.cut()
    await world.run(HEAL_MS)
    for (const { replicator, name, lies } of this.#machines) {
      const { blocksReserved, upgradesReserved, waiting } = replicator.audit()
      if (!lies) assert.deepEqual([blocksReserved, upgradesReserved, waiting], [0, 0, 0], name)
    }
  }

  #isWhole(reader: Machine): boolean {
    const { replica } = reader
    const { length } = this.#blocks
    return (
      replica.fork === this.#fork &&
      replica.length === length &&
      replica.slot.nextMissing(0, length) >= length
    )
  }

  #state({ replica, replicator }: Machine): string {
    const held = replica.slot.heldBlocks
    const peers = replicator.peers().map((p) => `${p.fork}/${p.length} in flight ${p.inFlight}`)
    const ours = `fork ${replica.fork} length ${replica.length} held ${held}`
    return `at ${ours} of ${this.#fork}/${this.#blocks.length}; peers: ${peers.join(', ')}`
  }

  // ---- What must hold at any moment ----

  #check(): void {
    for (const { name, replicator, replica } of this.#machines) {
      const a = replicator.audit()
      assert.equal(a.blocksReserved, a.blocksInFlight, `${name}: blocks`)
      assert.equal(a.windowBlocks, a.blocksInFlight, `${name}: window`)
      assert.equal(a.upgradesReserved, a.upgradesInFlight, `${name}: upgrades`)
      assert.ok(a.upgradesReserved <= 1, `${name}: one upgrade`)
      const history = this.#histories[replica.fork] ?? []
      const index = this.#world.between(0, Math.max(replica.length - 1, 0))
      const block = replica.read(index)
      if (block !== undefined) assert.deepEqual(block, history[index], `${name}: block ${index}`)
    }
  }

  /** Looks at what an honest machine sends, and changes what a liar sends. */
  #tamper(machine: Machine): Tamper {
    const lie = machine.lies ? liar(this.#world) : undefined
    return (message) => {
      this.#messages++
      if (!machine.lies) checkDurable(machine, message)
      return lie === undefined ? message : lie(message)
    }
  }

  // ---- Making things ----

  async #addMachine(name: string, lies: boolean): Promise<void> {
    const keyPair = testKeyPair()
    const store = new SlowStore(this.#world, this.#world.between(1, 40))
    if (this.#machines.length > 0 && this.#world.chance(0.2)) store.setQuota(this.#makeQuota())
    const whole = this.#identity({ keyPair })
    const slot = await store.create(
      this.#machines.length === 0 ? whole : this.#identity({ key: whole.key }),
    )
    const replica = Replica.open(store, slot)
    const replicator = this.#replicator(replica)
    const key = new Uint8Array(32).fill(this.#machines.length + 1)
    this.#machines.push({ name, key, store, replica, replicator, downloads: [], lies })
  }

  #identity(input: { key?: Uint8Array; keyPair?: KeyPair }): LogIdentity {
    return this.#generation === 3 ? logIdentity(input) : plainIdentity(this.#generation, input)
  }

  #replicator(replica: Replica): Replicator {
    return new Replicator(replica, { clock: this.#world, random: this.#world.random })
  }

  #makeBlock(): Uint8Array {
    const size = this.#world.chance(0.1)
      ? 0
      : this.#world.between(1, this.#world.chance(0.1) ? 3_000 : 60)
    return Uint8Array.from({ length: size }, () => this.#world.between(0, 255))
  }

  #makeQuota(): number {
    return this.#world.chance(0.3) ? Number.POSITIVE_INFINITY : this.#world.between(0, 5_000)
  }

  #someBlocks(): number[] {
    return Array.from({ length: this.#blocks.length }, (_, i) => i).filter(() =>
      this.#world.chance(0.3),
    )
  }

  get #writer(): Machine {
    const writer = this.#machines[0]
    assert.ok(writer)
    return writer
  }

  #any(): Machine {
    const machine = this.#machines[this.#world.between(0, this.#machines.length - 1)]
    assert.ok(machine)
    return machine
  }

  #reader(): Machine {
    const readers = this.#machines.filter((m) => m !== this.#writer && !m.lies)
    const reader = readers[this.#world.between(0, readers.length - 1)]
    assert.ok(reader)
    return reader
  }

  /** Waits for something that the store does, while the world goes on. */
  async #settled<T>(promise: Promise<T>): Promise<T> {
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    promise.then(over, over)
    await this.#world.run(10_000, () => isOver)
    return promise
  }
}

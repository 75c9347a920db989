/**
 * A writer and a reader on disks whose power goes at any moment: nobody was shown more than comes back.
 *
 * Both stores are the real engine on a disk in memory. `SIM_SEED=n` repeats one seed, `SIM_SEEDS=n` tells the first n.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logIdentity } from '../../src/log/identity.ts'
import { Replica } from '../../src/log/replica.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import { openStore } from '../../src/store/open.ts'
import type { LogIdentity, Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { testKeyPair } from '../log/support.ts'
import { type Joint, join, type Message } from './pipe.ts'
import { World } from './world.ts'

const only = process.env['SIM_SEED']
const count = Number(process.env['SIM_SEEDS'] ?? 20)
const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)]

interface Machine {
  readonly identity: LogIdentity
  disk: FakeDisk
  store: Store
  replica: Replica
  replicator: Replicator
}

/** What a machine has let others see. */
class Shown {
  length = 0
  readonly blocks = new Set<number>()

  readonly look = (message: Message): Message => {
    if (message.type === 'status') this.length = Math.max(this.length, message.status.length)
    else if (message.type === 'have') {
      for (let i = 0; i < message.length; i++) this.blocks.add(message.start + i)
    } else if (message.type === 'data' && message.proof.value !== undefined) {
      this.blocks.add(message.proof.index)
      this.length = Math.max(this.length, message.proof.index + 1)
    }
    return message
  }
}

class Outage {
  readonly #world: World
  readonly #blocks: Uint8Array[] = []
  readonly #shown = [new Shown(), new Shown()] as const
  #joint: Joint | undefined

  constructor(seed: number) {
    this.#world = new World(seed)
  }

  async tell(): Promise<number> {
    const world = this.#world
    const identity = logIdentity({ keyPair: testKeyPair() })
    let writer = await this.#start(new FakeDisk(), identity)
    let reader = await this.#start(new FakeDisk(), logIdentity({ key: identity.key }))
    let shownInAll = 0

    for (let round = 0; round < 6; round++) {
      this.#connect(writer, reader)
      reader.replicator.range({ start: 0, end: -1 })
      for (let i = world.between(1, 6); i > 0; i--) {
        await this.#append(writer)
        await world.run(world.random() * 60)
      }
      this.#joint?.cut()
      const [ofWriter, ofReader] = this.#shown
      shownInAll += ofWriter.length
      if (world.chance(0.7)) writer = await this.#powerCut(writer, ofWriter)
      if (world.chance(0.7)) reader = await this.#powerCut(reader, ofReader)
      this.#blocks.length = writer.replica.length
    }

    await this.#heal(writer, reader)
    return shownInAll
  }

  async #append({ replica }: Machine): Promise<void> {
    const blocks = Array.from({ length: this.#world.between(1, 12) }, () =>
      new Uint8Array(this.#world.between(0, 300)).fill(this.#world.between(0, 255)),
    )
    replica.append(blocks)
    await replica.commit()
    this.#blocks.push(...blocks)
  }

  /** The machine comes back with what its disk kept: at least all that others have seen. */
  async #powerCut(machine: Machine, shown: Shown): Promise<Machine> {
    machine.replicator.close()
    const { ops } = machine.disk
    const disk = machine.disk.powerCut(ops.length, () => this.#world.chance(0.5))
    const back = await this.#start(disk, machine.identity)

    assert.ok(back.store.writable, back.store.whyReadOnly)
    assert.ok(back.replica.length >= shown.length, `${back.replica.length} of ${shown.length}`)
    for (const index of shown.blocks) {
      assert.deepEqual(back.replica.read(index), this.#blocks[index], `block ${index}`)
    }
    return back
  }

  async #heal(writer: Machine, reader: Machine): Promise<void> {
    await this.#append(writer)
    this.#connect(writer, reader)
    const { length } = this.#blocks
    reader.replicator.range({ start: 0, end: -1 })
    const isWhole = (): boolean => reader.replica.slot.contiguousLength >= length
    await this.#world.run(60_000, isWhole)

    assert.equal(reader.replica.length, length)
    this.#blocks.forEach((block, i) => {
      assert.deepEqual(reader.replica.read(i), block, `block ${i}`)
    })
    assert.equal(reader.replica.frozen, false)
    writer.replicator.close()
    reader.replicator.close()
  }

  /** A log of others that nothing was fetched of yet may be lost with its name. */
  async #start(disk: FakeDisk, identity: LogIdentity): Promise<Machine> {
    const store = await openStore({ disk, clock: this.#world })
    const log = store.find(identity.discoveryKey)
    const slot = log === undefined ? await store.create(identity) : store.slot(log)
    const replica = Replica.open(store, slot)
    const { random } = this.#world
    const replicator = new Replicator(replica, { clock: this.#world, random })
    return { identity, disk, store, replica, replicator }
  }

  #connect(writer: Machine, reader: Machine): void {
    const [ofWriter, ofReader] = this.#shown
    this.#joint = join(this.#world, writer.replicator, reader.replicator, {
      delayMs: [1, 20],
      tamperA: ofWriter.look,
      tamperB: ofReader.look,
    })
  }
}

test('whatever the power takes, nobody was shown more than comes back', async () => {
  let shown = 0
  for (const seed of seeds) {
    try {
      shown += await new Outage(seed).tell()
    } catch (error) {
      throw new Error(`SIM_SEED=${seed} fails: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      })
    }
  }

  assert.ok(shown > seeds.length * 20, `${shown} blocks are hardly a test`)
})

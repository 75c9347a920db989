/**
 * One log, two ends: every scenario runs with ours reading a stock peer's log and with a stock peer reading
 * ours, over TCP, for hypercore 11.37.1 and 10.38.2, with manifests and compat.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint, randomBlocks, randomNumbers } from './blocks.ts'
import { type End, type Make, ourEnd, stockEnd } from './ends.ts'

interface Pairing {
  readonly name: string
  /** All scenarios, or those marked `everywhere`. */
  readonly all: boolean
  readonly owner: Make
  readonly reader: Make
  /** A scenario that the stock side can not play, and why. */
  readonly without?: { readonly says: string; readonly because: string }
}

const PAIRINGS: readonly Pairing[] = [
  { name: 'ours reads hypercore 11', all: true, owner: stockEnd(11), reader: ourEnd() },
  { name: 'hypercore 11 reads ours', all: true, owner: ourEnd(), reader: stockEnd(11) },
  {
    name: 'ours reads 11 compat',
    all: false,
    owner: stockEnd(11, { compat: true }),
    reader: ourEnd(),
  },
  { name: 'ours reads 10', all: false, owner: stockEnd(10, { compat: false }), reader: ourEnd() },
  {
    name: 'ours reads 10 compat',
    all: false,
    owner: stockEnd(10, { compat: true }),
    reader: ourEnd(),
  },
  { name: 'hypercore 10 reads ours', all: false, owner: ourEnd(), reader: stockEnd(10) },
  {
    name: 'hypercore 11 reads our compat',
    all: false,
    owner: ourEnd({ compat: true }),
    reader: stockEnd(11),
    without: {
      says: 'an encrypted log is read with its key',
      because:
        'it takes an unknown log for one with a manifest, and derives the block key for that',
    },
  },
  {
    name: 'hypercore 10 reads our compat',
    all: false,
    owner: ourEnd({ compat: true }),
    reader: stockEnd(10),
  },
]

interface Scenario {
  /** A true sentence about the reader. */
  readonly says: string
  /** Also with hypercore 10 and with compat logs, where wire or signatures differ. */
  readonly everywhere?: boolean
  run(owner: End, reader: End): Promise<void>
}

/** The reader knows the key, and both are connected; the reader dials. */
async function meet(owner: End, reader: End): Promise<void> {
  await reader.open((await owner.state()).key)
  await reader.connect(await owner.listen())
}

async function sameState(owner: End, reader: End): Promise<void> {
  const [ours, theirs] = [await owner.state(), await reader.state()]
  assert.equal(theirs.length, ours.length)
  assert.equal(theirs.byteLength, ours.byteLength)
  assert.equal(theirs.fork, ours.fork)
}

const SCENARIOS: readonly Scenario[] = [
  {
    says: 'the whole log arrives, and stays readable when the owner is gone',
    everywhere: true,
    async run(owner, reader) {
      const blocks = randomBlocks(300, 1, 2_000)
      await owner.create()
      await owner.append(blocks)

      await meet(owner, reader)
      await reader.reach(300)
      await reader.download({ start: 0, end: 300 })
      await owner.drop()

      assert.equal(fingerprint(await reader.blocks(0, 300)), fingerprint(blocks))
      await sameState(owner, reader)
    },
  },
  {
    says: 'single blocks arrive in any order, and only those',
    everywhere: true,
    async run(owner, reader) {
      const blocks = randomBlocks(257, 0, 500)
      await owner.create()
      await owner.append(blocks)

      await meet(owner, reader)
      const wanted = [256, 0, 13, 255, 128, 14, 127, 64]
      for (const i of wanted) {
        assert.equal(fingerprint([await reader.get(i)]), fingerprint(blocks.slice(i, i + 1)))
      }

      for (const i of wanted) assert.equal(await reader.has(i, i + 1), true)
      assert.equal(await reader.has(15, 16), false)
    },
  },
  {
    says: 'a list of blocks and a linear range are fetched',
    async run(owner, reader) {
      const blocks = randomBlocks(200, 10, 100)
      await owner.create()
      await owner.append(blocks)

      await meet(owner, reader)
      await reader.reach(200)
      await reader.download({ blocks: [3, 77, 199] })
      await reader.download({ start: 100, end: 150, linear: true })

      assert.equal(await reader.has(100, 150), true)
      assert.equal(await reader.has(77, 78), true)
      assert.equal(await reader.has(150, 199), false)
      assert.equal(fingerprint(await reader.blocks(100, 150)), fingerprint(blocks.slice(100, 150)))
    },
  },
  {
    says: 'what is appended later arrives by itself',
    everywhere: true,
    async run(owner, reader) {
      await owner.create()
      await owner.append(randomBlocks(3, 10, 20))
      await meet(owner, reader)
      await reader.reach(3)

      const late = randomBlocks(40, 1, 3_000, 7)
      for (const block of late) await owner.append([block])

      await reader.reach(43)
      assert.equal(fingerprint(await reader.blocks(3, 43)), fingerprint(late))
      await sameState(owner, reader)
    },
  },
  {
    says: 'a log that grows while it is replicated arrives whole',
    async run(owner, reader) {
      const blocks = randomBlocks(600, 1, 1_000)
      await owner.create()
      await owner.append(blocks.slice(0, 100))
      await meet(owner, reader)

      const arrived = reader.blocks(0, 600)
      for (let i = 100; i < 600; i += 25) await owner.append(blocks.slice(i, i + 25))

      assert.equal(fingerprint(await arrived), fingerprint(blocks))
      await sameState(owner, reader)
    },
  },
  {
    says: '5,000 blocks of random sizes arrive',
    async run(owner, reader) {
      const blocks = randomBlocks(5_000, 0, 1_200, 99)
      await owner.create()
      for (let i = 0; i < 5_000; i += 500) await owner.append(blocks.slice(i, i + 500))

      await meet(owner, reader)
      await reader.reach(5_000)
      await reader.download({ start: 0, end: 5_000 })

      assert.equal(fingerprint(await reader.blocks(0, 5_000)), fingerprint(blocks))
    },
  },
  {
    says: 'empty blocks are blocks',
    async run(owner, reader) {
      const blocks = [0, 3, 0, 0, 5, 0].map((size) => new Uint8Array(size).fill(size))
      await owner.create()
      await owner.append(blocks)

      await meet(owner, reader)

      await reader.reach(6)
      assert.equal(fingerprint(await reader.blocks(0, 6)), fingerprint(blocks))
      await sameState(owner, reader)
    },
  },
  {
    says: 'byte positions are found in a log that is not here',
    everywhere: true,
    async run(owner, reader) {
      const blocks = randomBlocks(100, 0, 50, 3)
      await owner.create()
      await owner.append(blocks)
      await meet(owner, reader)
      const { byteLength } = await reader.reach(100)

      const next = randomNumbers(5)
      for (let n = 0; n < 20; n++) {
        const byte = next() % byteLength
        assert.deepEqual(await reader.seek(byte), await owner.seek(byte), `byte ${byte}`)
      }
      assert.deepEqual(await reader.seek(byteLength), [100, 0])
    },
  },
  {
    says: 'a truncated log is followed to its new end',
    everywhere: true,
    async run(owner, reader) {
      const blocks = randomBlocks(32, 5, 90)
      await owner.create()
      await owner.append(blocks)
      await meet(owner, reader)
      await reader.reach(32)
      await reader.download({ start: 0, end: 32 })

      const again = randomBlocks(20, 5, 90, 8)
      await owner.truncate(21)
      await owner.append(again)

      await reader.reach(41, 1)
      assert.equal(
        fingerprint(await reader.blocks(0, 41)),
        fingerprint([...blocks.slice(0, 21), ...again]),
      )
      await sameState(owner, reader)
    },
  },
  {
    says: 'a reader that was away finds its way after two forks and a fresh start',
    async run(owner, reader) {
      await owner.create()
      await owner.append(randomBlocks(50, 5, 90))
      await meet(owner, reader)
      await reader.reach(50)
      await reader.download({ start: 0, end: 50 })
      await reader.drop()

      await owner.truncate(30)
      await owner.append(randomBlocks(10, 5, 90, 2))
      await owner.truncate(0)
      const blocks = randomBlocks(60, 5, 90, 3)
      await owner.append(blocks)
      await reader.connect(await owner.listen())

      await reader.reach(60, 2)
      assert.equal(fingerprint(await reader.blocks(0, 60)), fingerprint(blocks))
      await sameState(owner, reader)
    },
  },
  {
    says: 'whatever the owner does, the reader ends where the owner is',
    everywhere: true,
    async run(owner, reader) {
      const next = randomNumbers(77)
      let blocks = randomBlocks(20, 1, 200)
      let fork = 0
      await owner.create()
      await owner.append(blocks)
      await meet(owner, reader)
      await reader.reach(20)

      for (let n = 0; n < 60; n++) {
        const dice = next() % 6
        if (dice === 0) {
          blocks = blocks.slice(0, 1 + (next() % blocks.length))
          await owner.truncate(blocks.length)
          fork++
        } else {
          const more = randomBlocks(1 + (next() % 9), 0, 400, n + 1)
          blocks = [...blocks, ...more]
          await owner.append(more)
        }
      }

      // A stock owner that truncates while it answers breaks its connections; peers come back.
      await reader.drop()
      await reader.connect(await owner.listen())

      await reader.reach(blocks.length, fork)
      assert.equal(fingerprint(await reader.blocks(0, blocks.length)), fingerprint(blocks))
      await sameState(owner, reader)
    },
  },
  {
    says: 'blocks that the owner let go do not stop the others',
    async run(owner, reader) {
      const blocks = randomBlocks(64, 10, 90)
      await owner.create()
      await owner.append(blocks)
      // Even: an odd start makes hypercore 11 drop a hash that its neighbour is proved by.
      await owner.clear(10, 20)

      await meet(owner, reader)
      await reader.reach(64)

      assert.equal(fingerprint(await reader.blocks(0, 10)), fingerprint(blocks.slice(0, 10)))
      assert.equal(fingerprint(await reader.blocks(20, 64)), fingerprint(blocks.slice(20)))
      assert.equal(await reader.has(10, 20), false)
    },
  },
  {
    says: 'a broken connection is gone on with after the next',
    async run(owner, reader) {
      const blocks = randomBlocks(400, 1_000, 4_000)
      await owner.create()
      await owner.append(blocks)
      await meet(owner, reader)
      await reader.reach(400)

      const arrived = reader.blocks(0, 400)
      await reader.get(5)
      await reader.drop()
      await reader.connect(await owner.listen())

      assert.equal(fingerprint(await arrived), fingerprint(blocks))
    },
  },
  {
    says: 'it does not matter who dials',
    async run(owner, reader) {
      const blocks = randomBlocks(20, 1, 99)
      const { key } = await owner.create()
      await owner.append(blocks)
      await reader.open(key)

      await owner.connect(await reader.listen())

      await reader.reach(20)
      assert.equal(fingerprint(await reader.blocks(0, 20)), fingerprint(blocks))
    },
  },
  {
    says: 'an encrypted log is read with its key',
    everywhere: true,
    async run(owner, reader) {
      const encryptionKey = new Uint8Array(32).fill(7)
      const blocks = randomBlocks(50, 0, 300)
      const { key } = await owner.create({ encryptionKey })
      await owner.append(blocks)

      await reader.open(key, { encryptionKey })
      await reader.connect(await owner.listen())

      await reader.reach(50)
      assert.equal(fingerprint(await reader.blocks(0, 50)), fingerprint(blocks))
      assert.deepEqual(await reader.seek(100), await owner.seek(100))
      await sameState(owner, reader)
    },
  },
]

for (const { name, all, owner, reader, without } of PAIRINGS) {
  for (const { says, everywhere = false, run } of SCENARIOS) {
    if (!all && !everywhere) continue
    const skip = without?.says === says && without.because
    test(`${name}: ${says}`, { skip }, async (t) => {
      await run(await owner(t), await reader(t))
    })
  }
}

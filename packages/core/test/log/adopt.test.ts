/** Logs of old files: what is proved is taken, the rest is named. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ADOPT_DAMAGED_MAX } from '../../src/base/limits.ts'
import { adopt } from '../../src/log/adopt.ts'
import { logIdentity, plainIdentity } from '../../src/log/identity.ts'
import type { Replica } from '../../src/log/replica.ts'
import type { LogIdentity } from '../../src/store/store.ts'
import { blocksBelow, firstBlock, fullRoots, leftChild, rightChild } from '../../src/tree/flat.ts'
import { Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED as NOTHING } from '../../src/tree/prove.ts'
import { World } from '../sim/world.ts'
import { damaged, StoredCopy } from './stored.ts'
import { block, blocks, listen, openReplica, testKeyPair, write } from './support.ts'

type Generation = LogIdentity['generation']
const GENERATIONS = [1, 2, 3] as const

const identity = (generation: Generation, isOurs: boolean): LogIdentity => {
  const keyPair = testKeyPair(1)
  const whole = generation === 3 ? logIdentity({ keyPair }) : plainIdentity(generation, { keyPair })
  if (isOurs) return whole
  const { key } = whole
  return generation === 3 ? logIdentity({ key }) : plainIdentity(generation, { key })
}

/** A log that was appended to in batches of these sizes, each signed. */
async function written(generation: Generation, batches: readonly number[]): Promise<Replica> {
  const replica = await openReplica(identity(generation, true))
  for (const size of batches) {
    if (size > 0) await write(replica, blocks(replica.length, replica.length + size))
  }
  return replica
}

const empty = (generation: Generation): Promise<Replica> => openReplica(identity(generation, false))

for (const generation of GENERATIONS) {
  test(`generation ${generation}: a whole log comes over with its signatures, and is served on`, async () => {
    const source = await written(generation, [5, 1, 7])
    const replica = await empty(generation)
    const heard = listen(replica)

    const report = await adopt(replica, new StoredCopy(source))

    const { keepsSignatures } = source.generation
    assert.deepEqual(report, {
      length: 13,
      claimedLength: 13,
      blocks: 13,
      bytes: source.byteLength,
      missing: 0,
      damaged: [],
      damagedCount: 0,
      signatures: keepsSignatures ? 3 : 0,
      wrongSignatures: 0,
    })
    for (let i = 0; i < 13; i++) assert.deepEqual(replica.read(i), block(i))
    assert.deepEqual(replica.slot.head, source.slot.head)
    for (const length of [5, 6, 13]) {
      assert.deepEqual(replica.slot.signature(length), source.slot.signature(length))
    }
    assert.equal(replica.announcedLength, 13)
    assert.ok(heard.includes('held 0 13'))
    assert.ok(heard.some((line) => line.startsWith('append 13')))
  })

  test(`generation ${generation}: what is damaged is named with its reason, and all else is kept`, async () => {
    const stored = new StoredCopy(await written(generation, [20]))
    stored.blocks.set(2, damaged(block(2)))
    stored.blocks.delete(7)
    stored.blocks.set(8, block(8).subarray(1))
    // Neither block 12 nor its leaf: then 13 can't be proved either.
    stored.blocks.set(12, damaged(block(12)))
    stored.nodes.delete(24)
    stored.claims.delete(16)
    const replica = await empty(generation)

    const report = await adopt(replica, stored)

    assert.deepEqual(report.damaged, [
      { block: 2, reason: 'changed' },
      { block: 7, reason: 'unreadable' },
      { block: 8, reason: 'unreadable' },
      { block: 12, reason: 'unproved' },
      { block: 13, reason: 'unproved' },
    ])
    assert.equal(report.missing, 1)
    assert.equal(report.blocks, 14)
    assert.equal(replica.slot.heldBlocks, 14)
  })

  test(`generation ${generation}: damaged nodes are made again from the blocks below them`, async () => {
    const stored = new StoredCopy(await written(generation, [13]))
    const nodes = [...stored.nodes]
    for (const [index, node] of nodes) {
      if (index % 3 === 0) stored.nodes.delete(index)
      else stored.nodes.set(index, { size: node.size, hash: damaged(node.hash) })
    }
    const replica = await empty(generation)

    const report = await adopt(replica, stored)

    assert.deepEqual([report.length, report.blocks, report.damagedCount], [13, 13, 0])
  })

  test(`generation ${generation}: files of another log, or that nobody signed, are refused`, async () => {
    const source = await written(generation, [4])
    const other = await openReplica(
      generation === 3
        ? logIdentity({ keyPair: testKeyPair(2) })
        : plainIdentity(generation, { keyPair: testKeyPair(2) }),
    )
    const unsigned = new StoredCopy(source)
    unsigned.signatures.clear()
    const replica = await empty(generation)

    await assert.rejects(adopt(other, new StoredCopy(source)), { code: 'BAD_ARGUMENT' })
    await assert.rejects(adopt(replica, unsigned), { code: 'BAD_SIGNATURE' })

    assert.equal(replica.length, 0)
    assert.equal(replica.slot.heldBlocks, 0)
  })

  test(`generation ${generation}: what the store holds already stays, and the rest is added`, async () => {
    const source = await written(generation, [6, 6])
    const early = new StoredCopy(await written(generation, [6]))
    for (let i = 0; i < 6; i += 2) early.claims.delete(i)
    const replica = await empty(generation)
    await adopt(replica, early)

    const report = await adopt(replica, new StoredCopy(source))

    assert.deepEqual([report.length, report.blocks], [12, 9])
    assert.equal(replica.slot.contiguousLength, 12)
  })

  test(`generation ${generation}: an adoption is aborted between two slices, and goes on later`, async () => {
    const stored = new StoredCopy(await written(generation, [300]))
    const replica = await empty(generation)
    const abort = new AbortController()
    // A clock on which every look is a slice later.
    const world = new World(1)
    const clock = { ...clockOf(world), now: () => 1_000 * world.random() * looks++ }
    let looks = 1
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }): void => {
      progress.push(done)
      if (progress.length === 2) abort.abort()
    }

    const aborted = adopt(replica, stored, { clock, onProgress, signal: abort.signal })

    await assert.rejects(aborted, { code: 'ABORTED' })
    const kept = replica.slot.heldBlocks
    assert.ok(kept > 0 && kept < 300, `${kept} blocks`)
    const report = await adopt(replica, stored)
    assert.equal(report.blocks, 300 - kept)
  })
}

/** Time that passes by itself. */
function clockOf(world: World) {
  return {
    now: () => world.now(),
    after: (ms: number, run: () => void) => world.after(ms, run),
    soon: (task: () => void) => setImmediate(task),
  }
}

for (const generation of [1, 2] as const) {
  test(`generation ${generation}: an island that only an older signature proves is kept and served with it`, async () => {
    const source = await written(generation, [5, 16])
    const stored = new StoredCopy(source)
    // Blocks 0 to 3 under node 3, and nothing that leads from there to the roots of length 21.
    for (const index of [7, 9, 11, 13]) stored.nodes.delete(index)
    for (let i = 4; i < 21; i++) {
      stored.claims.delete(i)
      stored.blocks.delete(i)
      if (i > 4 && i < 20) stored.nodes.delete(2 * i)
    }
    const replica = await empty(generation)

    const report = await adopt(replica, stored)

    assert.deepEqual([report.length, report.blocks, report.missing], [21, 4, 17])
    const reader = await empty(generation)
    const asked = { ...NOTHING, block: 2, digest: 0 }
    const proof = new Proof()
    assert.equal(replica.prove(asked, proof, replica.generation.newReader()), undefined)
    assert.deepEqual(proof.signature, source.slot.signature(5))
    proof.value = replica.read(2)
    assert.equal(reader.apply(proof), 'applied')
    assert.equal(reader.length, 5)
  })

  test(`generation ${generation}: a newest signature that is not the author's costs what only it proves`, async () => {
    const stored = new StoredCopy(await written(generation, [5, 4]))
    stored.signatures.set(9, damaged(stored.signatures.get(9) ?? block(1)))
    const replica = await empty(generation)

    const report = await adopt(replica, stored)

    assert.deepEqual([report.length, report.wrongSignatures, report.blocks], [5, 1, 5])
    assert.deepEqual(
      report.damaged,
      [5, 6, 7, 8].map((at) => ({ block: at, reason: 'unproved' })),
    )
  })

  test(`generation ${generation}: a static log needs no signature`, async () => {
    const source = await written(generation, [6])
    const rootHash = source.rootHash(6)
    assert.ok(rootHash)
    const stored = new StoredCopy(source)
    stored.signatures.clear()
    const replica = await openReplica(plainIdentity(generation, { key: rootHash }))

    const report = await adopt(replica, Object.assign(stored, { key: rootHash }))

    assert.deepEqual([report.length, report.blocks], [6, 6])
    assert.equal(replica.announcedLength, 6)
  })
}

test('the report names as many damaged blocks as its limit, and counts all', async () => {
  for (const [over, named] of [
    [0, ADOPT_DAMAGED_MAX],
    [1, ADOPT_DAMAGED_MAX],
    [-1, ADOPT_DAMAGED_MAX - 1],
  ] as const) {
    const length = ADOPT_DAMAGED_MAX + over
    const stored = new StoredCopy(await written(2, [length]))
    stored.blocks.clear()

    const report = await adopt(await empty(2), stored)

    assert.deepEqual([report.damaged.length, report.damagedCount], [named, length])
  }
})

// ---- Against an oracle that knows the truth ------------------------------------------------------

interface Damage {
  readonly what: 'block' | 'no block' | 'node' | 'no node' | 'signature' | 'not held'
  readonly at: number
}

const damages: fc.Arbitrary<Damage[]> = fc.array(
  fc.record({
    what: fc.constantFrom<Damage['what']>(
      'block',
      'no block',
      'node',
      'no node',
      'signature',
      'not held',
    ),
    at: fc.nat(80),
  }),
  { maxLength: 12 },
)

function inflict(stored: StoredCopy, { what, at }: Damage): void {
  const known = stored.blocks.get(at)
  const node = stored.nodes.get(at)
  const signature = stored.signatures.get(at)
  if (what === 'block' && known !== undefined) stored.blocks.set(at, damaged(known))
  if (what === 'no block') stored.blocks.delete(at)
  if (what === 'node' && node !== undefined) {
    stored.nodes.set(at, { size: node.size, hash: damaged(node.hash) })
  }
  if (what === 'no node') stored.nodes.delete(at)
  if (what === 'signature' && signature !== undefined) {
    stored.signatures.set(at, damaged(signature))
  }
  if (what === 'not held') {
    stored.claims.delete(at)
    stored.blocks.delete(at)
  }
}

/** Which blocks can be proved, found by comparing with the undamaged log instead of hashing. */
class Oracle {
  readonly #truth: StoredCopy
  readonly #stored: StoredCopy
  readonly #tops: Set<number>

  constructor(truth: StoredCopy, stored: StoredCopy) {
    this.#truth = truth
    this.#stored = stored
    this.#tops = new Set(this.lengths().flatMap((length) => fullRoots(length)))
  }

  /** Lengths whose signature is the author's, with roots to hold it against. */
  lengths(): number[] {
    const { signatures, length: whole } = this.#truth
    return [...signatures.keys()].filter((length) => {
      const isRight = same(signatures.get(length), this.#stored.signatures.get(length))
      const roots = fullRoots(length)
      const areThere = roots.every((root) => this.#isStored(root))
      const areMade = length === whole && roots.every((root) => this.#isMade(root))
      return isRight && (areThere || areMade)
    })
  }

  takes(block: number): boolean {
    return this.#isBlock(block) && this.#isProved(2 * block)
  }

  #isProved(node: number): boolean {
    if (this.#tops.has(node)) return true
    const parent = [...this.#truth.nodes.keys()].find((other) => {
      return other % 2 === 1 && [leftChild(other), rightChild(other)].includes(node)
    })
    if (parent === undefined || !this.#isProved(parent)) return false
    return [leftChild(parent), rightChild(parent)].every((child) => {
      return this.#tops.has(child) || this.#isStored(child) || this.#isMade(child)
    })
  }

  #isStored(node: number): boolean {
    const [a, b] = [this.#truth.nodes.get(node), this.#stored.nodes.get(node)]
    return same(a?.hash, b?.hash)
  }

  #isBlock(block: number): boolean {
    return this.#stored.has(block) && same(this.#truth.block(block), this.#stored.block(block))
  }

  /** All blocks below it are right; a block that is not there is stood for by its leaf. */
  #isMade(node: number): boolean {
    const start = firstBlock(node)
    for (let block = start; block < start + blocksBelow(node); block++) {
      const isThere = this.#stored.has(block) && this.#stored.block(block) !== undefined
      if (isThere ? !this.#isBlock(block) : !this.#isKnown(2 * block)) return false
    }
    return true
  }

  #isKnown(leaf: number): boolean {
    return this.#tops?.has(leaf) === true || this.#isStored(leaf)
  }
}

/** Each block that was taken is proved to somebody who holds nothing, where an answer brings its own head. */
async function checkProofs(replica: Replica): Promise<void> {
  const { generation } = replica
  if (!generation.headFromNodes) return
  for (let i = 0; i < replica.length; i++) {
    if (!replica.has(i)) continue
    const proof = new Proof()
    const asked = { ...NOTHING, block: i, digest: 0 }
    assert.equal(replica.prove(asked, proof, generation.newReader()), undefined, `block ${i}`)
    proof.value = replica.read(i)
    assert.equal((await empty(generation.id)).apply(proof), 'applied')
  }
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0

for (const generation of GENERATIONS) {
  test(`generation ${generation}: whatever is damaged, exactly what can be proved is taken`, async () => {
    const batches = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(batches, damages, async (sizes, list) => {
        const source = await written(generation, sizes)
        const truth = new StoredCopy(source)
        const stored = new StoredCopy(source)
        for (const damage of list) inflict(stored, damage)
        const oracle = new Oracle(truth, stored)
        const replica = await empty(generation)
        if (oracle.lengths().length === 0) {
          await assert.rejects(adopt(replica, stored), { code: 'BAD_SIGNATURE' })
          return
        }

        const report = await adopt(replica, stored)

        const expected = Array.from({ length: truth.length }, (_, i) => i)
        assert.equal(report.length, Math.max(...oracle.lengths()))
        for (const i of expected) {
          assert.equal(replica.has(i), oracle.takes(i), `block ${i}`)
          if (replica.has(i)) assert.deepEqual(replica.read(i), truth.block(i))
        }
        await checkProofs(replica)
        const claimed = expected.filter((i) => stored.has(i))
        assert.equal(report.blocks, claimed.filter((i) => oracle.takes(i)).length)
        assert.equal(report.damagedCount, claimed.filter((i) => !oracle.takes(i)).length)
      }),
      { numRuns: 150 },
    )
  })
}

/** Whatever an author signs, reading a bee gives entries or an error, soon. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError, isCode } from '../../src/base/errors.ts'
import {
  BEE_DEPTH_MAX,
  BEE_KEY_BYTES_MAX,
  BEE_KEYS_PER_NODE_MAX,
  BEE_LEVELS_PER_BLOCK_MAX,
  BLOCK_BYTES_MAX,
} from '../../src/base/limits.ts'
import { fromHex, utf8 } from '../../src/bytes/bytes.ts'
import { Bee } from '../../src/index/bee.ts'
import { encodeHeader } from '../../src/index/block.ts'
import { encodeBlock, type NodeSource } from './encode.ts'
import { FakeLog } from './fake-log.ts'

const HEADER = encodeHeader(undefined)

const level = (keys: number[], children: number[] = []): NodeSource => ({ keys, children })

const block = (levels: NodeSource[], key: string, value?: string): Uint8Array =>
  encodeBlock(levels, key, value)

/** A bee of the given blocks behind a good header. */
const bee = (...blocks: Uint8Array[]): Bee => Bee.open(FakeLog.of([HEADER, ...blocks]))

async function count(entries: AsyncIterable<unknown>): Promise<number> {
  let n = 0
  for await (const _ of entries) n++
  return n
}

const badContent =
  (seq: number) =>
  (error: unknown): boolean =>
    isCode(error, 'BAD_CONTENT') && error.facts['seq'] === seq

/** Every way of reading runs into the same damage. */
async function allRefuse(subject: Bee, seq: number): Promise<void> {
  await assert.rejects(subject.get(utf8('m')), badContent(seq))
  await assert.rejects(count(subject.entries()), badContent(seq))
  await assert.rejects(count(subject.diff(1)), badContent(seq))
}

test('a node that is its own child is refused', async () => {
  await allRefuse(bee(block([level([], [1, 0])], 'a')), 1)
})

test('a tree may be as deep as the limit, and no deeper', async () => {
  const chain = (depth: number): Bee => {
    const blocks = [block([level([1])], 'm', 'x')]
    for (let seq = 2; seq <= depth; seq++) blocks.push(block([level([], [seq - 1, 0])], 'n'))
    return bee(...blocks)
  }

  assert.equal((await chain(BEE_DEPTH_MAX).get(utf8('m')))?.seq, 1)
  assert.equal(await count(chain(BEE_DEPTH_MAX).entries()), 1)
  await assert.rejects(chain(BEE_DEPTH_MAX + 1).get(utf8('m')), (e) => isCode(e, 'BAD_CONTENT'))
  await assert.rejects(count(chain(BEE_DEPTH_MAX + 1).entries()), (e) => isCode(e, 'BAD_CONTENT'))
})

test('a tree that holds one subtree many times ends at the first key that comes twice', async () => {
  // 32 levels with two equal children each would be 2^32 leaves.
  const blocks = [block([level([1])], 'm', 'x')]
  for (let seq = 2; seq < 32; seq++) {
    blocks.push(block([level([seq], [seq - 1, 0, seq - 1, 0])], `k${seq}`, 'x'))
  }
  const subject = bee(...blocks)

  await assert.rejects(count(subject.entries()), (e) => isCode(e, 'BAD_CONTENT'))
  await assert.rejects(count(subject.entries({ reverse: true })), (e) => isCode(e, 'BAD_CONTENT'))
  await assert.rejects(count(subject.diff(1)), (e) => isCode(e, 'BAD_CONTENT'))
})

test('references forward, to the header, and to nodes that are not there are refused', async () => {
  await allRefuse(bee(block([level([2])], 'a')), 1)
  await allRefuse(bee(block([level([0])], 'a')), 1)
  await allRefuse(bee(block([level([1])], 'a'), block([level([], [1, 7])], 'b')), 1)
  await allRefuse(bee(block([level([1], [1, 0])], 'a')), 1)
})

test('a node may have as many keys as the limit, and no more', async () => {
  const node = (keys: number): Bee => bee(block([level(Array(keys).fill(1))], 'a'))

  assert.equal((await node(BEE_KEYS_PER_NODE_MAX).get(utf8('a')))?.seq, 1)
  await allRefuse(node(BEE_KEYS_PER_NODE_MAX + 1), 1)
})

test('a node may have one child more than the keys at the limit, and no more', async () => {
  const leaf = block([level([1])], 'm', 'x')
  const node = (keys: number): Bee => {
    const children = Array.from({ length: keys + 1 }, () => [1, 0]).flat()
    return bee(leaf, block([level(Array(keys).fill(1), children)], 'a'))
  }

  assert.equal((await node(BEE_KEYS_PER_NODE_MAX).get(utf8('m')))?.seq, 1)
  await allRefuse(node(BEE_KEYS_PER_NODE_MAX + 1), 2)
})

test('a block may have as many nodes as the limit, and of one with more only the first are read', async () => {
  const last = (count: number): Bee => {
    const nodes = block(Array(count).fill(level([1])), 'm', 'x')
    return bee(nodes, block([level([], [1, count - 1])], 'a'))
  }

  assert.equal((await last(BEE_LEVELS_PER_BLOCK_MAX).get(utf8('m')))?.seq, 1)
  await allRefuse(last(BEE_LEVELS_PER_BLOCK_MAX + 1), 1)
})

test('a key may be as long as the limit, and no longer', async () => {
  const long = (length: number): Bee => bee(block([level([1])], 'k'.repeat(length)))

  assert.equal((await long(BEE_KEY_BYTES_MAX).first())?.key.length, BEE_KEY_BYTES_MAX)
  await allRefuse(long(BEE_KEY_BYTES_MAX + 1), 1)
})

test('what no reader would take is not written', async () => {
  const log = new FakeLog()
  const subject = Bee.open(log)
  const isBadArgument = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')

  await subject.put(new Uint8Array(BEE_KEY_BYTES_MAX), undefined)
  await assert.rejects(subject.put(new Uint8Array(BEE_KEY_BYTES_MAX + 1), undefined), isBadArgument)
  await assert.rejects(subject.put(utf8('a'), new Uint8Array(BLOCK_BYTES_MAX)), isBadArgument)

  assert.equal(log.length, 2)
})

test('a log that is no bee is not read as an empty one', async () => {
  const other = Bee.open(FakeLog.of([utf8('hello'), block([level([1])], 'a')]))

  await assert.rejects(other.get(utf8('a')), badContent(0))
  await assert.rejects(other.put(utf8('a'), undefined), badContent(0))
})

test('a bee in the newer format is told apart from a damaged one', async () => {
  const unsupported = (error: unknown): boolean => isCode(error, 'UNSUPPORTED')

  await assert.rejects(bee(fromHex('0001')).get(utf8('a')), unsupported)
  await assert.rejects(Bee.open(FakeLog.of([fromHex('0102')])).get(utf8('a')), unsupported)
})

test('a bee with any bytes changed gives entries or an error, in bounded time', async () => {
  const author = new FakeLog()
  const good = Bee.open(author)
  for (let i = 0; i < 60; i++) await good.put(utf8(`k${(i * 37) % 60}`), utf8(`${i}`))
  const change = fc.record({
    seq: fc.integer({ min: 1, max: 60 }),
    at: fc.nat(),
    byte: fc.nat(255),
  })
  const random = fc.record({ seq: fc.integer({ min: 1, max: 60 }), bytes: fc.uint8Array() })
  // A damaged block may look like one from the middle of a batch.
  const codes = ['BAD_CONTENT', 'UNSUPPORTED', 'SNAPSHOT_GONE']
  const legal = (error: unknown): number => {
    if (error instanceof DatError && codes.includes(error.code)) return 0
    throw error
  }

  await fc.assert(
    fc.asyncProperty(
      fc.array(change),
      fc.array(random, { maxLength: 2 }),
      async (changes, more) => {
        const blocks = author.all().map((bytes) => Uint8Array.from(bytes))
        for (const { seq, at, byte } of changes) {
          const target = blocks[seq]
          if (target !== undefined) target[at % target.length] = byte
        }
        for (const { seq, bytes } of more) blocks[seq] = bytes
        const subject = Bee.open(FakeLog.of(blocks))

        const read = async (work: Promise<number>): Promise<void> => {
          const n = await work.catch(legal)
          assert.ok(n <= 200)
        }
        await read(count(subject.entries()))
        await read(count(subject.entries({ reverse: true, gte: utf8('k1'), lt: utf8('k5') })))
        await read(count(subject.diff(30)))
        await read(count(subject.history()))
        await subject.get(utf8('k33')).catch(legal)
        await subject.checkout(20).get(utf8('k33')).catch(legal)
        await subject.put(utf8('k33'), utf8('new')).catch(legal)
        await subject.del(utf8('k12')).catch(legal)
      },
    ),
    { numRuns: 300 },
  )
})

/** Blocks that are read where they lie in memory say what they say as objects. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { compare, concat, fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { Fields, writeBytesField, writeVarintField } from '../../src/bytes/protobuf.ts'
import { Bee } from '../../src/index/bee.ts'
import { BlockFields } from '../../src/index/block.ts'
import { Blocks } from '../../src/index/blocks.ts'
import { NodeReader } from '../../src/index/node.ts'
import { Packed } from '../../src/index/packed.ts'
import { encodeBlock, encodeNode, encodeOf, type NodeSource } from './encode.ts'
import { FakeLog } from './fake-log.ts'

const HEADER = utf8('header')
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })

interface Source {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

const source: fc.Arbitrary<Source> = fc.record({
  key: bytes(40),
  // Around what is kept with its block, what is not, and what is larger than a piece of the cache.
  value: fc.oneof(
    bytes(300),
    fc.constantFrom(0, 8_100, 8_192, 8_300, 300_000).map((length) => new Uint8Array(length)),
    fc.constant(undefined),
  ),
})

test('a cache of any size gives every block as it was written, whatever was looked at before', () => {
  fc.assert(
    fc.property(
      fc.array(source, { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0, 600, 5_000, 40_000, 16_777_216),
      (sources, looks, cacheBytes) => {
        const node = { keys: [1], children: [] }
        const log = sources.map(({ key, value }) => encodeBlock([node], key, value))
        const blocks = new Blocks(FakeLog.of([HEADER, ...log]), cacheBytes)

        for (const look of looks) {
          const seq = 1 + (look % sources.length)
          const { key, value } = sources[seq - 1] ?? { key: HEADER, value: HEADER }

          assert.deepEqual(blocks.entry(seq, 0), { seq, key, value })
          assert.deepEqual(blocks.key(seq), key)
          assert.deepEqual(blocks.level(seq, 0), node)
          assert.equal(blocks.block(seq)?.hasValue, value !== undefined)
          const other = sources[look % 7]?.key ?? HEADER
          assert.equal(
            Math.sign(blocks.compareKey(other, seq) ?? 9),
            Math.sign(compare(other, key)),
          )
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('a cache keeps what is used, and no more than it may', () => {
  const log = Array.from({ length: 400 }, (_, i) => encodeBlock([], `${i}`, new Uint8Array(1_000)))
  const fake = FakeLog.of([HEADER, ...log])
  const blocks = new Blocks(fake, 100_000)
  const read: number[] = []
  const peek = fake.peek.bind(fake)
  fake.peek = (index) => {
    read.push(index)
    return peek(index)
  }

  for (let seq = 1; seq <= 400; seq++) {
    blocks.key(seq)
    blocks.key(7)
  }
  assert.equal(read.filter((seq) => seq === 7).length, 1)

  blocks.key(1)
  assert.equal(read.filter((seq) => seq === 1).length, 2)
})

test('while there is room every block is read once, in whatever order they are used', () => {
  const log = Array.from({ length: 1_000 }, (_, i) => encodeBlock([], `${i}`, new Uint8Array(40)))
  const fake = FakeLog.of([HEADER, ...log])
  let reads = 0
  const peek = fake.peek.bind(fake)
  fake.peek = (index) => {
    reads++
    return peek(index)
  }
  const blocks = new Blocks(fake, 120_000)

  for (let i = 0; i < 20_000; i++) blocks.key(1 + ((i * 617) % 1_000))
  assert.equal(reads, 1_000)
})

test('numbers that differ in their high half only, and those that share a seat, are kept apart', () => {
  const low = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }))
  const seq = fc
    .tuple(low, fc.constantFrom(0, 1, 2 ** 21 - 2))
    .map(([n, high]) => high * 2 ** 32 + n)
  fc.assert(
    fc.property(
      fc.uniqueArray(seq, { minLength: 1, maxLength: 300 }),
      fc.array(fc.nat(), { maxLength: 600 }),
      fc.constantFrom(0, 9_000, 60_000),
      (seqs, looks, cacheBytes) => {
        const packed = new Packed(cacheBytes)
        const fields = new BlockFields()
        for (const look of looks) {
          const seq = seqs[look % seqs.length] ?? 1
          if (!packed.find(seq)) {
            const block = encodeBlock([], `key ${seq}`, utf8(`value of ${seq}`))
            fields.read(seq, block)
            packed.add(seq, block, fields, true)
          }
          const { bytes, keyAt, keyLength, valueAt, valueLength } = packed
          assert.equal(fromUtf8(bytes.subarray(keyAt, keyAt + keyLength)), `key ${seq}`)
          const value = bytes.subarray(valueAt, valueAt + valueLength)
          assert.equal(fromUtf8(value), `value of ${seq}`)
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('after a truncation no block of before is in memory', async () => {
  const log = FakeLog.of([HEADER, encodeBlock([], 'a'), encodeBlock([], 'b')])
  const blocks = new Blocks(log)
  blocks.key(2)

  await log.truncate(2)
  await log.append(encodeBlock([], 'c'))

  assert.equal(fromUtf8(blocks.key(2) ?? HEADER), 'c')
})

// ---- Tree nodes ----------------------------------------------------------------------------------

const number = fc.oneof(fc.nat(200), fc.nat(70_000), fc.maxSafeNat())
const node: fc.Arbitrary<NodeSource> = fc.record({
  keys: fc.array(number, { maxLength: 66 }),
  children: fc.array(number, { maxLength: 134 }),
})

/** A list as single numbers, or in two pieces: as the grammar allows and nobody writes. */
function unusual({ keys, children }: NodeSource): Uint8Array {
  const writer = new Writer()
  for (const key of keys) writeVarintField(writer, 1, key)
  writeBytesField(writer, 9, utf8('unknown'))
  const half = encodeNode({ keys: [], children: children.slice(0, children.length >>> 1) })
  const rest = encodeNode({ keys: [], children: children.slice(children.length >>> 1) })
  return concat(writer.take(), half, rest)
}

/** What a node must be to be entered, from its lists. */
function isGood({ keys, children }: NodeSource, seq: number): boolean {
  const named = [...keys, ...children.filter((_, i) => i % 2 === 0)]
  return (
    keys.length <= 64 &&
    (children.length === 0 || children.length === 2 * (keys.length + 1)) &&
    named.every((block) => block >= 1 && block <= seq)
  )
}

test('any tree node is read as its lists, or refused for what they are', () => {
  const good = fc
    .tuple(
      fc.array(
        number.filter((n) => n > 0),
        { maxLength: 64 },
      ),
      fc.boolean(),
    )
    .map(([keys, isLeaf]) => {
      const children = isLeaf ? [] : [...keys, 1].flatMap((block, i) => [block, i * 37])
      return { keys, children }
    })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(node, good), fc.boolean()), { minLength: 1, maxLength: 40 }),
      fc.nat(45),
      fc.constantFrom(9, 300, 80_000, Number.MAX_SAFE_INTEGER - 1),
      (nodes, position, seq) => {
        const encoded = nodes.map(([of, isUsual]) => (isUsual ? encodeNode(of) : unusual(of)))
        const fake = FakeLog.of([HEADER])
        fake.peek = () => encodeOf(encoded, utf8('k'), undefined)
        const blocks = new Blocks(fake)
        const expected = nodes[position]?.[0]

        const read = (): unknown => blocks.level(seq, position)
        if (expected !== undefined && isGood(expected, seq)) {
          assert.deepEqual(read(), { keys: expected.keys, children: expected.children })
        } else assert.throws(read, (error) => isCode(error, 'BAD_CONTENT'))
      },
    ),
    { numRuns: 400 },
  )
})

test('an index with any bytes changed gives the lists that its fields have, or is refused', () => {
  const good = encodeBlock([{ keys: [1, 2, 300], children: [1, 0, 2, 1, 3, 0, 300, 2] }], 'key')
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const block = Uint8Array.from(good, (old, i) => (i === at ? byte : old))
      const fake = FakeLog.of([HEADER])
      fake.peek = () => block
      const blocks = new Blocks(fake)

      let level: unknown
      try {
        level = blocks.level(400, 0)
      } catch (error) {
        assert.ok(isCode(error, 'BAD_CONTENT') || isCode(error, 'UNSUPPORTED'))
        return
      }
      assert.deepEqual(level, plainLevel(block))
    }),
    { numRuns: 500 },
  )
})

/** The first node of a block, by the fields of its messages. */
function plainLevel(block: Uint8Array): NodeSource {
  const keys: number[] = []
  const children: number[] = []
  let index: Uint8Array | undefined
  const outer = new Fields(block)
  while (outer.next()) if (outer.number === 1) index = outer.bytes()
  const list = new Fields(index ?? HEADER)
  while (list.next()) {
    if (list.number !== 1) continue
    const fields = list.message()
    while (fields.next()) {
      if (fields.number === 1) fields.packed(keys, 99)
      else if (fields.number === 2) fields.packed(children, 99)
    }
    break
  }
  return { keys, children }
}

test('a block of very many tree nodes is gone through once, not again for each of them', () => {
  const nodes = Array.from({ length: 20_000 }, (_, i) => ({ keys: [1 + (i % 3)], children: [] }))
  const block = encodeBlock(nodes, 'k')
  const packed = new Packed()
  const fields = new BlockFields()
  fields.read(3, block)
  packed.add(3, block, fields, true)
  const lists: number[] = []
  const keep = packed.keepDirectory.bind(packed)
  packed.keepDirectory = (seq, list) => {
    lists.push(list.length)
    keep(seq, list)
  }

  const reader = new NodeReader()
  for (let position = 0; position < 20_000; position += 7) {
    reader.read(packed, 3, position)
    assert.deepEqual(reader.level(), nodes[position])
  }

  assert.deepEqual(lists, [40_000])
})

test('a bee with hardly any memory for its blocks tells the same as one with plenty', async () => {
  const key = fc.nat(80).map((n) => utf8(`k${n}`))
  const op = fc.record({ key, value: fc.option(bytes(60), { nil: undefined }) })
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 120 }), key, async (ops, low) => {
      const log = new FakeLog()
      const writer = Bee.open(log, { cacheBytes: 0 })
      for (const { key, value } of ops) {
        if (value === undefined) await writer.del(key)
        else await writer.put(key, value)
      }
      const list = async (bee: Bee): Promise<unknown[]> => {
        const told: unknown[] = []
        for await (const entry of bee.entries({ gte: low })) told.push(entry)
        for await (const entry of bee.diff(Math.max(1, bee.version >>> 1))) told.push(entry)
        for (const { key } of ops) told.push(await bee.get(key))
        return told
      }

      assert.deepEqual(await list(Bee.open(log, { cacheBytes: 0 })), await list(Bee.open(log)))
    }),
    { numRuns: 40 },
  )
})

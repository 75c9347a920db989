/** Byte strings in a log: ids and blocks as hyperblobs has them, whole and in part, here and elsewhere. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { MAP_BLOCK_ENTRIES_MAX, MAP_BLOCKS_MAX } from '../../src/base/limits.ts'
import { concat, equal, fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { type BlobReadOptions, Blobs } from '../../src/drive/blobs.ts'
import { decodeBlockMap, type MappedBlock } from '../../src/drive/block-map.ts'
import type { BlobId } from '../../src/drive/drive.ts'
import { FakeLog } from '../index/fake-log.ts'
import { vectors } from '../index/vectors.ts'
import { chunks, collect, data, encodeBlockMap, sha256 } from './support.ts'

interface Vectors {
  readonly hyperblobs: {
    readonly ids: readonly { op: string; id: BlobId }[]
    readonly coreLength: number
    readonly coreByteLength: number
    readonly blockSizes: readonly number[]
    readonly reads: readonly {
      blob: number
      options: { start?: number; end?: number; length?: number }
      bytes: number
      hexOrSha: string
    }[]
    readonly blockMapEncodings: readonly {
      blocks: readonly MappedBlock[]
      encoded: readonly string[]
    }[]
  }
}

const expected = vectors<Vectors>('hyperdrive').hyperblobs

/** The vector's log. Blocks of four bytes, and the map, are as others write them. */
async function written(): Promise<{ log: FakeLog; blobs: Blobs; ids: BlobId[] }> {
  const log = new FakeLog()
  const blobs = Blobs.open(log)
  const small = [data(10, 3).subarray(0, 4), data(10, 3).subarray(4, 8), data(10, 3).subarray(8)]
  const ids = [
    await blobs.put(utf8('hello')),
    await blobs.put(new Uint8Array(0)),
    await blobs.put(data(65536, 1)),
    await blobs.put(data(200000, 2)),
  ]
  const raw = async (blocks: Uint8Array[], blockMap: boolean): Promise<void> => {
    const { length: blockOffset, byteLength: byteOffset } = log
    await log.append(blocks)
    const id = {
      blockOffset,
      byteOffset,
      blockLength: blocks.length,
      byteLength: concat(...blocks).length,
    }
    ids.push(blockMap ? { ...id, blockMap } : id)
  }
  await raw(small, false)
  await log.append(small)
  const map = small.map((block, i) => ({ index: 9 + i, byteLength: block.length }))
  await raw(encodeBlockMap(map), true)
  ids.push(...(await blobs.putAll([data(5, 4), data(70000, 5)])))
  return { log, blobs, ids }
}

async function all(blobs: Blobs, id: BlobId, options: BlobReadOptions = {}): Promise<Uint8Array> {
  return concat(...(await collect(blobs.read(id, options))))
}

test('ids and blocks are those of hyperblobs', async () => {
  const { log, ids } = await written()

  assert.deepEqual(
    ids,
    expected.ids.map(({ id }) => id),
  )
  assert.deepEqual(
    log.all().map((block) => block.length),
    expected.blockSizes,
  )
  assert.equal(log.length, expected.coreLength)
  assert.equal(log.byteLength, expected.coreByteLength)
})

test('parts are read as hyperblobs reads them, from here and from elsewhere', async () => {
  const { log, blobs, ids } = await written()

  for (const { blob, options, bytes, hexOrSha } of expected.reads) {
    const { start = 0, end } = options
    const length = options.length ?? (end === undefined ? undefined : end - start + 1)
    const id = ids[blob]
    assert.ok(id !== undefined)
    for (const subject of [blobs, Blobs.open(FakeLog.reader(log))]) {
      const part = await all(subject, id, length === undefined ? { start } : { start, length })

      assert.equal(part.length, bytes)
      assert.equal(hexOrSha.length === 64 ? sha256(part) : hex(part), hexOrSha)
    }
  }
})

test('block maps are encoded as hyperblobs encodes them', () => {
  for (const { blocks, encoded } of expected.blockMapEncodings) {
    assert.deepEqual(encodeBlockMap(blocks).map(hex), encoded)
    const decoded: MappedBlock[] = []
    for (const block of encoded) decodeBlockMap(fromHex(block), decoded)
    assert.deepEqual(decoded, blocks)
  }
})

test('a stream of any chunks is cut into blocks of 64 KiB', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(200_000), { maxLength: 6 }), async (sizes) => {
      const parts = sizes.map((size, i) => data(size, i))
      const log = new FakeLog()
      const blobs = Blobs.open(log)
      await blobs.put(utf8('before'))

      const id = await blobs.put(chunks(...parts))

      const whole = concat(...parts)
      assert.equal(id.byteLength, whole.length)
      assert.equal(id.blockLength, Math.ceil(whole.length / 65536))
      assert.ok(
        log.all().every((block, i) => i === 0 || i === log.length - 1 || block.length === 65536),
      )
      assert.ok(equal(await blobs.get(id), whole))
    }),
    { numRuns: 25 },
  )
})

test('any part is that part of the whole, whatever the blocks', async () => {
  const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.nat(300),
      fc.nat(300),
      fc.boolean(),
      async (blocks, start, length, mapped) => {
        const log = new FakeLog()
        await log.append([utf8('before'), ...blocks.map((size, i) => data(size, i))])
        const whole = concat(...log.all().slice(1))
        let id: BlobId = {
          blockOffset: 1,
          byteOffset: 6,
          blockLength: blocks.length,
          byteLength: whole.length,
        }
        if (mapped) {
          const map = encodeBlockMap(blocks.map((byteLength, i) => ({ index: i + 1, byteLength })))
          id = {
            blockOffset: log.length,
            byteOffset: log.byteLength,
            blockLength: 1,
            byteLength: map[0]?.length ?? 0,
            blockMap: true,
          }
          await log.append(map)
        }
        const blobs = Blobs.open(FakeLog.reader(log))

        assert.ok(
          equal(await all(blobs, id, { start, length }), whole.subarray(start, start + length)),
        )
        assert.ok(equal(await blobs.get(id), whole))
        assert.equal(await blobs.size(id), whole.length)
      },
    ),
    { numRuns: 300 },
  )
})

test('many small byte strings are one append, and ids know their place', async () => {
  const log = new FakeLog()
  const blobs = Blobs.open(log)
  const contents = Array.from({ length: 1_000 }, (_, i) => data(i % 50, i))

  const ids = await blobs.putAll(contents)

  assert.equal(log.appends, 1)
  for (const [i, id] of ids.entries())
    assert.ok(equal(await blobs.get(id), contents[i] ?? utf8('?')))
})

test('writers at the same time do not tear each other apart', async () => {
  const log = new FakeLog()
  const blobs = Blobs.open(log)
  const contents = Array.from({ length: 20 }, (_, i) => data(150_000 + i, i))

  const ids = await Promise.all(
    contents.map((bytes, i) => blobs.put(i % 2 === 0 ? chunks(bytes) : bytes)),
  )

  for (const [i, id] of ids.entries())
    assert.ok(equal(await blobs.get(id), contents[i] ?? utf8('?')))
})

test('a log that somebody else writes in the middle of a byte string is noticed', async () => {
  const log = new FakeLog()
  const blobs = Blobs.open(log)
  async function* interfering(): AsyncGenerator<Uint8Array, void, undefined> {
    yield data(5 * 1024 * 1024, 1)
    await log.append(utf8('mine'))
    yield data(100, 2)
  }

  await assert.rejects(blobs.put(interfering()), (error) => isCode(error, 'CONFLICT'))
})

test('a stream that fails ends the put with its error, and the next one goes on', async () => {
  const blobs = Blobs.open(new FakeLog())
  async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
    yield data(100, 1)
    throw new Error('no more')
  }

  await assert.rejects(blobs.put(failing()), /no more/)
  const id = await blobs.put(data(10, 2))

  assert.ok(equal(await blobs.get(id), data(10, 2)))
})

test('blocks that are elsewhere are asked for together', async () => {
  const log = new FakeLog()
  const id = await Blobs.open(log).put(data(1_000_000, 7))
  const reader = FakeLog.reader(log)

  const bytes = await Blobs.open(reader).get(id)

  assert.ok(equal(bytes, data(1_000_000, 7)))
  assert.equal(new Set([...reader.downloaded, ...reader.fetched]).size, 16)
  assert.ok(reader.downloaded.length > 0)
})

test('a part of a large file fetches its blocks and little more', async () => {
  const log = new FakeLog()
  const id = await Blobs.open(log).put(data(6_553_600, 7))
  const reader = FakeLog.reader(log)

  const part = await all(Blobs.open(reader), id, { start: 3_000_000, length: 100 })

  assert.ok(equal(part, data(6_553_600, 7).subarray(3_000_000, 3_000_100)))
  assert.ok(new Set([...reader.downloaded, ...reader.fetched]).size <= 3)
})

test('an id that speaks of other bytes than there are is refused', async () => {
  const log = new FakeLog()
  const blobs = Blobs.open(log)
  const id = await blobs.put(data(100_000, 7))
  const bad = (error: unknown): boolean => isCode(error, 'BAD_CONTENT')

  await assert.rejects(blobs.get({ ...id, byteLength: 99_999 }), bad)
  await assert.rejects(blobs.get({ ...id, byteLength: 100_001 }), bad)
  await assert.rejects(blobs.get({ ...id, blockLength: 1 }), bad)
  await assert.rejects(blobs.get({ ...id, blockLength: 3 }), bad)
  await assert.rejects(all(blobs, { ...id, byteOffset: 70_000 }, { start: 70_000 }), bad)
  await assert.rejects(
    blobs.get({ ...id, blockMap: true }),
    (error) => bad(error) || isCode(error, 'UNSUPPORTED'),
  )
})

test('a block map may be as large as the limits, and no larger', async () => {
  const entries = (count: number): MappedBlock[] => Array(count).fill({ index: 0, byteLength: 0 })
  const block = encodeBlockMap(entries(MAP_BLOCK_ENTRIES_MAX))
  const log = new FakeLog()
  await log.append([new Uint8Array(0), ...Array(MAP_BLOCKS_MAX + 1).fill(encodeBlockMap([])[0])])
  const id = {
    blockOffset: 1,
    byteOffset: 0,
    blockLength: MAP_BLOCKS_MAX,
    byteLength: 2 * MAP_BLOCKS_MAX,
    blockMap: true,
  }
  const blobs = Blobs.open(log)
  const bad = (error: unknown): boolean => isCode(error, 'BAD_CONTENT')

  assert.equal(block.length, 1)
  decodeBlockMap(block[0] ?? utf8(''), [])
  const over = Uint8Array.from(block[0] ?? [])
  // The count is the uint behind the version: fd, then two bytes.
  over[2] = (MAP_BLOCK_ENTRIES_MAX + 1) & 0xff
  over[3] = (MAP_BLOCK_ENTRIES_MAX + 1) >> 8
  assert.throws(() => decodeBlockMap(over, []), bad)
  assert.equal((await blobs.get(id)).length, 0)
  await assert.rejects(blobs.get({ ...id, blockLength: MAP_BLOCKS_MAX + 1 }), bad)
})

test('clearing gives the space back, and reading fetches again', async () => {
  const author = new FakeLog()
  const id = await Blobs.open(author).put(data(100_000, 7))
  const log = FakeLog.reader(author)
  const blobs = Blobs.open(log)
  await blobs.get(id)

  assert.equal(blobs.has(id), true)
  await blobs.clear(id)
  assert.equal(blobs.has(id), false)
  assert.ok(equal(await blobs.get(id), data(100_000, 7)))
})

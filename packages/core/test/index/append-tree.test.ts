/** The trees of append-tree 2.4.4 are read at every version as it reads them, and a damaged one does no harm. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError, isCode } from '../../src/base/errors.ts'
import {
  APPEND_TREE_COMPONENTS_MAX,
  APPEND_TREE_NAME_BYTES_MAX,
  APPEND_TREE_REFERENCES_MAX,
} from '../../src/base/limits.ts'
import { EMPTY, fromHex, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { Fields, writeBytesField, writeStringField } from '../../src/bytes/protobuf.ts'
import {
  AppendTree,
  type AppendTreeEntry,
  type AppendTreeReader,
} from '../../src/index/append-tree/append-tree.ts'
import { decodeList } from '../../src/index/append-tree/block.ts'
import { vectors } from '../vectors.ts'
import { FakeLog } from './fake-log.ts'

interface Vectors {
  readonly cases: readonly {
    readonly header: string
    readonly ops: readonly { readonly seq: number; readonly op: string; readonly block: string }[]
    readonly views: readonly {
      readonly version: number
      readonly list: Readonly<Record<string, readonly string[] | null>>
      readonly getOffset: Readonly<Record<string, number | null>>
    }[]
  }[]
}

const { cases } = vectors<Vectors>('gen1/append-tree')

const HEADER = utf8('the drive’s own')

type Case = (typeof cases)[number]

const logOf = ({ header, ops }: Case): FakeLog =>
  FakeLog.of([fromHex(header), ...ops.map(({ block }) => fromHex(block))])

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Field 6 of a Stat: which entry of a name it is. */
function offsetOf(entry: AppendTreeEntry | undefined): number | null {
  if (entry?.value === undefined) return null
  const fields = new Fields(entry.value)
  while (fields.next()) if (fields.number === 6) return fields.varint()
  return 0
}

/** `+/a`, `-/a` and `mkdir /a`. */
function parsed(op: string): { type: string; name: string } {
  return { type: op.startsWith('-') ? 'del' : 'put', name: op.slice(op.indexOf('/')) }
}

/** The names that the operations up to a version leave, each with the block that put it. */
function replayed({ ops }: Case, version: number): Map<string, number> {
  const names = new Map<string, number>()
  for (const { seq, op } of ops.slice(0, version)) {
    const { type, name } = parsed(op)
    if (type === 'put') names.set(name, seq)
    else names.delete(name)
  }
  return names
}

const sorted = (entries: Iterable<readonly [string, number]>): [string, number][] =>
  [...entries]
    .map(([name, seq]): [string, number] => [name, seq])
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** A block as an author may sign it. */
function block(name: string, value: Uint8Array | undefined, paths: readonly number[]): Uint8Array {
  const writer = new Writer()
  writeStringField(writer, 1, name)
  if (value !== undefined) writeBytesField(writer, 2, value)
  const lists = new Writer()
  for (const number of paths) lists.varint(number)
  writeBytesField(writer, 3, lists.take())
  return writer.take()
}

const treeOf = (...blocks: Uint8Array[]): AppendTree =>
  AppendTree.open(FakeLog.of([HEADER, ...blocks]))

const isDamage = (error: unknown): boolean => isCode(error, 'BAD_CONTENT')

test('every list and every look-up of the vectors comes out the same, at every version', async () => {
  for (const one of cases) {
    const tree = AppendTree.open(logOf(one))
    for (const { version, list, getOffset } of one.views) {
      const view = tree.checkout(version)
      for (const [name, children] of Object.entries(list)) {
        const found = await view.list(name)
        assert.deepEqual(found?.map((child) => child.name) ?? null, children, `${version} ${name}`)
      }
      for (const [name, offset] of Object.entries(getOffset)) {
        assert.equal(offsetOf(await view.get(name)), offset, `${version} ${name}`)
        assert.equal(offsetOf(view.getLocal(name)), offset, `${version} ${name}`)
      }
    }
  }
})

test('entries and differences are those of a replay of the log', async () => {
  for (const one of cases) {
    const tree = AppendTree.open(logOf(one))
    for (const { version } of one.views) {
      const view = tree.checkout(version)
      const now = replayed(one, version)
      const entries = await all(view.entries())
      assert.deepEqual(sorted(entries.map(({ name, seq }) => [name, seq])), sorted(now))
      for (let other = 0; other <= one.ops.length; other++) {
        const then = replayed(one, other)
        const names = [...new Set([...now.keys(), ...then.keys()])]
        const expected = names.filter((name) => now.get(name) !== then.get(name)).sort()
        const found = await all(view.diff(other))
        assert.deepEqual(found.map(({ name }) => name).sort(), expected)
        for (const { name, left, right } of found) {
          assert.deepEqual([left?.seq, right?.seq], [now.get(name), then.get(name)])
        }
      }
    }
  }
})

test('the history has every block from 1 on, forward and back, between bounds', async () => {
  const [, one] = cases
  assert.ok(one !== undefined)
  const tree = AppendTree.open(logOf(one))
  const words = one.ops.map(({ seq, op }) => ({ seq, ...parsed(op) }))
  const told = (entries: readonly AppendTreeEntry[]): unknown[] =>
    entries.map(({ type, seq, name }) => ({ seq, type, name }))

  assert.deepEqual(told(await all(tree.history())), words)
  assert.deepEqual(told(await all(tree.history({ reverse: true }))), [...words].reverse())
  assert.deepEqual(told(await all(tree.history({ start: 2, end: 3 }))), words.slice(1, 3))
  assert.deepEqual(told(await all(tree.checkout(2).history())), words.slice(0, 2))
})

test('a tree with nothing but a header is empty, and a log that was never synced is waited for', async () => {
  const empty = treeOf()
  const unsynced = FakeLog.reader(FakeLog.of([]), { synced: false })

  assert.equal(empty.version, 0)
  assert.equal(await empty.get('/a'), undefined)
  assert.equal(await empty.list('/'), undefined)
  assert.deepEqual(await all(empty.entries()), [])
  assert.throws(() => AppendTree.open(unsynced).getLocal('/a'), { code: 'NOT_AVAILABLE' })
})

test('a tree that was never synced fails when nobody can be asked', async () => {
  const log = FakeLog.reader(new FakeLog(), { synced: false })
  log.update = () => Promise.reject(new DatError('NO_PEERS', 'Nobody is there.'))
  const tree = AppendTree.open(log)
  const isAlone = (error: unknown): boolean => isCode(error, 'NO_PEERS')

  await assert.rejects(tree.get('/a'), isAlone)
  await assert.rejects(tree.list('/'), isAlone)
  await assert.rejects(all(tree.entries()), isAlone)
  await assert.rejects(all(tree.history()), isAlone)
})

test('a reader fetches the blocks on its way, those of one folder in one request', async () => {
  const folder = Array.from({ length: 30 }, (_, i) => {
    const before = i === 0 ? [0] : [i, 1, ...new Array(i - 1).fill(1)]
    return block(`/file ${i}`, EMPTY, [1, ...before, 0])
  })
  const log = FakeLog.reader(FakeLog.of([HEADER, ...folder]))
  const requests: number[] = []
  const download = log.download.bind(log)
  log.download = (range) => {
    requests.push(range.blocks?.length ?? 0)
    return download(range)
  }
  const tree: AppendTreeReader = AppendTree.open(log)

  const found = await tree.get('/file 3')

  assert.equal(found?.seq, 4)
  assert.deepEqual(requests, [1, 29])
  assert.equal((await tree.list('/'))?.length, 30)
  assert.deepEqual(requests, [1, 29])
  assert.ok(!log.has(0))
})

test('what came of a folder is enough, if what is looked for is there', async () => {
  const log = FakeLog.reader(
    FakeLog.of([
      HEADER,
      block('/a', EMPTY, [1, 0, 0]),
      block('/b', EMPTY, [1, 1, 1, 0]),
      block('/c', EMPTY, [1, 2, 1, 1, 0]),
    ]),
  )
  await log.get(1)
  await log.get(3)
  log.download = () => ({
    done: async () => {
      await log.get(2)
      throw new DatError('NOT_AVAILABLE', 'Nobody has the rest.')
    },
    cancel() {},
  })
  const tree = AppendTree.open(log)

  assert.equal((await tree.get('/b'))?.seq, 2)
})

test('what was truncated away is gone, and what is closed is closed', async () => {
  const log = FakeLog.of([HEADER, block('/a', EMPTY, [1, 0, 0]), block('/b', EMPTY, [1, 1, 1, 0])])
  const tree = AppendTree.open(log)
  const snapshot = tree.snapshot()
  await snapshot.get('/b')

  await log.truncate(2)

  await assert.rejects(snapshot.get('/a'), (error) => isCode(error, 'SNAPSHOT_GONE'))
  assert.equal(await tree.get('/b'), undefined)
  const waiting = tree.history({ live: true, start: 2 }).next()
  await tree.close()
  await assert.rejects(waiting, (error) => isCode(error, 'CLOSED'))
  await assert.rejects(tree.get('/a'), (error) => isCode(error, 'CLOSED'))
})

test('a live history goes on with what is appended', async () => {
  const [, one] = cases
  assert.ok(one !== undefined)
  const [first, second] = one.ops
  assert.ok(first !== undefined && second !== undefined)
  const log = FakeLog.of([HEADER, fromHex(first.block)])
  const history = AppendTree.open(log).history({ live: true })
  assert.equal((await history.next()).value?.seq, 1)

  const next = history.next()
  await log.append(fromHex(second.block))

  assert.equal((await next).value?.seq, 2)
})

test('names that no file may have are passed over, however they are looked for', async () => {
  for (const name of ['/..', '/a/../b', '/./a', '/a//b', '/a\0b']) {
    const depth = name.split('/').length
    const tree = treeOf(block(name, EMPTY, [1, ...new Array(depth).fill(0)]))

    assert.deepEqual(await all(tree.entries()), [], name)
    assert.deepEqual(await all(tree.history()), [], name)
    assert.equal(await tree.get(name), undefined, name)
  }
})

test('a block that refers to itself, to a later one or to the header is damage', async () => {
  for (const seq of [0, 2, 3]) {
    const tree = treeOf(block('/a', EMPTY, [1, 0, 0]), block('/b', EMPTY, [1, 1, seq, 0]))
    // In the last list of a deletion the block's own number may stand by itself.
    if (seq === 2) assert.equal((await tree.get('/b'))?.seq, 2)
    else await assert.rejects(tree.list('/'), isDamage, `block ${seq}`)
  }
})

test('a block that leads to another folder leads nowhere', async () => {
  const tree = treeOf(
    block('/x/y', EMPTY, [1, 0, 0, 0]),
    // In the list of /a, where only names below /a may be.
    block('/a/b', EMPTY, [1, 0, 1, 1, 0]),
  )

  assert.equal(await tree.get('/a/y'), undefined)
  assert.deepEqual(
    (await tree.list('/a'))?.map(({ name }) => name),
    ['b'],
  )
})

test('two blocks for one name in one list count once', async () => {
  const tree = treeOf(
    block('/a', EMPTY, [1, 0, 0]),
    block('/a', EMPTY, [1, 0, 0]),
    block('/b', EMPTY, [1, 2, 1, 1, 0]),
  )

  assert.equal((await all(tree.entries())).length, 2)
})

test('names and lists as long as they may be are read, longer ones are damage', async () => {
  const long = `/${'n'.repeat(APPEND_TREE_NAME_BYTES_MAX - 1)}`
  const deep = '/d'.repeat(APPEND_TREE_COMPONENTS_MAX)

  for (const name of [long, deep]) {
    const lists = new Array<number>(name.split('/').length).fill(0)
    assert.equal((await treeOf(block(name, EMPTY, [1, ...lists])).get(name))?.name, name)
    const tooMuch = name === long ? `${name}n` : `${name}/d`
    await assert.rejects(treeOf(block(tooMuch, EMPTY, [1, 0])).get('/a'), isDamage)
  }
  const seq = APPEND_TREE_REFERENCES_MAX + 9
  const references = (count: number): Uint8Array =>
    block('/a', EMPTY, [1, count, ...new Array<number>(count).fill(1)])
  const list = decodeList(seq, references(APPEND_TREE_REFERENCES_MAX), 0)
  assert.equal(list?.older.length, APPEND_TREE_REFERENCES_MAX)
  assert.throws(() => decodeList(seq, references(APPEND_TREE_REFERENCES_MAX + 1), 0), isDamage)
  const cut = block('/a', EMPTY, [1, 5, 1])
  await assert.rejects(treeOf(cut).list('/'), isDamage)
})

test('a list is found behind those of the folders above, and not behind one that is cut', async () => {
  // Root: blocks 1 and 300; `/a`: 2, 200 and the block itself.
  const lists = block('/a/b', EMPTY, [1, 2, 1, 299, 2, 2, 198])

  assert.deepEqual(decodeList(400, lists, 0), { older: [1, 300], hasOwn: true })
  assert.deepEqual(decodeList(400, lists, 1), { older: [2, 200], hasOwn: true })
  assert.equal(decodeList(400, lists, 2), undefined)
  for (const cut of [
    [1, 9, 1],
    [1, 1],
  ]) {
    assert.throws(() => decodeList(400, block('/a/b', EMPTY, cut), 1), isDamage)
  }
})

test('a tree with bytes changed anywhere is read to its end or to the damage, at the cost of its blocks', async () => {
  const logs = cases.map((one) => logOf(one).all())
  const change = fc.record({ block: fc.integer({ min: 1, max: 7 }), at: fc.nat(), to: fc.nat(255) })

  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(change, { maxLength: 6 }), async (which, changes) => {
      const blocks = (logs[which % logs.length] ?? []).map((bytes) => Uint8Array.from(bytes))
      for (const { block, at, to } of changes) {
        const bytes = blocks[block]
        if (bytes !== undefined) bytes[at % bytes.length] = to
      }
      const tree = AppendTree.open(FakeLog.of(blocks))
      try {
        assert.ok((await all(tree.entries())).length <= blocks.length)
        assert.ok((await all(tree.diff(2))).length <= 2 * blocks.length)
        await tree.get('/img/x')
      } catch (error) {
        assert.ok(isDamage(error), String(error))
      }
    }),
    { numRuns: 500 },
  )
})

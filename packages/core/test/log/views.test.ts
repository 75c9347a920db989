/** Snapshots and checkouts: one history, whatever becomes of the log. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VIEW_BYTES_MAX } from '../../src/base/limits.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Log } from '../../src/log/log.ts'
import type { LogView } from '../../src/log/view.ts'
import { pattern } from '../tree/model.ts'
import { openLog, openPair, openReader, openWriter, proofOf, upgrade, write } from './support.ts'

const block = (i: number, seed = 0): Uint8Array => pattern(i + 1_000 * seed, 1 + ((37 * i) % 23))
const blocks = (count: number, seed = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => block(i, seed))

async function all(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for await (const piece of source) found.push(piece)
  return found
}

test('a snapshot does not grow with the log, and is for reading', async () => {
  const log = await openLog()
  await log.append(blocks(5))
  const view = log.snapshot()
  const { byteLength } = log

  await log.append(blocks(5, 1))

  assert.deepEqual([view.length, view.byteLength, view.fork], [5, byteLength, 0])
  assert.deepEqual(await all(view.blocks()), blocks(5))
  assert.deepEqual(await all(view.blocks({ start: 3, end: 100 })), [block(3), block(4)])
  await assert.rejects(view.get(5), { code: 'NOT_FOUND' })
  assert.equal(view.has(0, 5), true)
  assert.equal(view.has(4, 6), false)
  assert.equal('append' in view, false)
})

test('a checkout is the log as it was at that length, bytes and seeks included', async () => {
  const log = await openLog({ encryptionKey: new Uint8Array(32) })
  await log.append([utf8('ab'), utf8('cde'), utf8('f'), utf8('ghij')])

  const view = log.checkout(3)

  assert.equal(view.byteLength, 6)
  assert.deepEqual(await view.seek(4), { index: 1, offset: 2 })
  assert.deepEqual(await view.seek(6), { index: 3, offset: 0 })
  assert.equal(await view.seek(7), undefined)
  assert.deepEqual(
    [0, 2, 3, 4].map((i) => view.byteOffset(i)),
    [0, 5, 6, undefined],
  )
  assert.deepEqual(
    Buffer.concat(await all(view.bytes({ start: 1, length: 100 }))).toString(),
    'bcdef',
  )
  for (const wrong of [-1, 1.5, 5]) {
    assert.throws(() => log.checkout(wrong), { code: 'BAD_ARGUMENT' })
  }
})

test('what was held is read as before when the log is truncated and written anew', async () => {
  for (const encryptionKey of [undefined, new Uint8Array(32).fill(3)]) {
    const log = await openLog(encryptionKey && { encryptionKey })
    await log.append(blocks(8))
    await log.clear(6)
    const view = log.snapshot()

    await log.truncate(5)
    await log.append(blocks(8, 1))

    assert.equal(view.intactLength, 5)
    for (const i of [0, 4, 5, 7]) {
      assert.deepEqual(await view.get(i), block(i))
      assert.deepEqual(view.peek(i), block(i))
    }
    await assert.rejects(view.get(6), { code: 'SNAPSHOT_GONE' })
    assert.deepEqual([view.has(0, 6), view.has(6), view.has(7)], [true, false, true])
    await assert.rejects(all(view.blocks()), { code: 'SNAPSHOT_GONE' })
    assert.deepEqual(await all(view.blocks({ end: 6 })), blocks(6))
    assert.deepEqual(await log.get(5), block(0, 1))
  }
})

test('what was cleared is read as before, also by those who looked at it last', async () => {
  const log = await openLog()
  await log.append(blocks(4))
  await using view = log.snapshot()

  await log.clear(0, 4)
  const first = await view.get(2)
  first.fill(0)

  assert.deepEqual(await view.get(2), block(2))
  assert.equal(log.peek(2), undefined)
})

test('each view keeps its own history', async () => {
  const log = await openLog()
  await log.append(blocks(4))
  const old = log.snapshot()
  await log.truncate(2)
  await log.append(blocks(4, 1))
  const middle = log.snapshot()
  await log.truncate(1)
  await log.append(blocks(9, 2))

  assert.deepEqual(await all(old.blocks()), blocks(4))
  assert.deepEqual(await all(middle.blocks()), [block(0), block(1), ...blocks(4, 1)])
  assert.deepEqual([old.intactLength, middle.intactLength, middle.fork], [1, 1, 1])
})

test('a view keeps so many bytes, and beyond that says that blocks are gone', async () => {
  const log = await openLog()
  const large = VIEW_BYTES_MAX / 2
  await log.append([large, large, 1].map((size) => new Uint8Array(size).fill(size % 251)))
  const view = log.snapshot()

  await log.truncate(0)

  assert.equal((await view.get(0)).length, large)
  assert.equal((await view.get(1)).length, large)
  await assert.rejects(view.get(2), { code: 'SNAPSHOT_GONE' })
})

test('a view of a log that is not here fetches its blocks, and no block of another history', async () => {
  const { log, server, remote } = await openPair(blocks(6))
  await log.update()
  const view = log.snapshot()
  assert.deepEqual(await view.get(1), block(1))

  let release = (): void => {}
  remote.gate = new Promise((resolve) => {
    release = resolve
  })
  const late = view.get(4)
  server.truncate(3, {})
  server.append(blocks(5, 1))
  await server.sealed()
  await follow(log, server)
  release()

  await assert.rejects(late, { code: 'SNAPSHOT_GONE' })
  assert.equal(log.length, 8)
  assert.deepEqual(await view.get(1), block(1))
  await assert.rejects(view.get(3), { code: 'SNAPSHOT_GONE' })
  assert.ok(view.intactLength <= 3)
})

/** Brings a reader of one process to the fork of another. */
async function follow(log: Log, server: Awaited<ReturnType<typeof openWriter>>): Promise<void> {
  const { fork, announcedLength } = server
  const reorg = log.replica.verifyReorg(
    proofOf(server, { fork, upgradeStart: 0, upgradeLength: announcedLength }),
  )
  while (!reorg.done) {
    reorg.add(proofOf(server, { fork, hash: 2 * reorg.start, nodes: reorg.nodes }))
  }
  assert.ok(reorg.apply())
  await log.replica.commit()
}

test('a view of a sparse log does not know bytes that the tree does not tell', async () => {
  const server = await openWriter()
  await write(server, blocks(7))
  const reader = await openReader(server)
  await upgrade(reader, server)
  const log = new Log(reader)

  assert.equal(log.checkout(3).byteLength, undefined)
  assert.equal(log.checkout(4).byteLength, server.byteOffset(4))
  assert.equal(log.snapshot().byteLength, server.byteLength)
})

test('closing a view, or the handle that it was made from, ends it', async () => {
  const log = await openLog()
  await log.append(blocks(2))
  const one = log.snapshot()
  const two = log.snapshot()

  await one.close()
  assert.throws(() => one.peek(0), { code: 'CLOSED' })
  assert.deepEqual(await two.get(0), block(0))
  await log.close()
  assert.equal(two.closed, true)
  await assert.rejects(two.get(0), { code: 'CLOSED' })
})

test('whatever happens to a log, its views show their history or say that it is gone', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('append' as const), n: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('truncate' as const), n: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ do: fc.constant('clear' as const), n: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ do: fc.constant('view' as const), n: fc.integer({ min: 0, max: 12 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const log = await openLog()
      let history: Uint8Array[] = []
      let seed = 0
      const views: { view: LogView; history: Uint8Array[]; held: boolean[] }[] = []
      for (const { do: what, n } of steps) {
        const at = Math.min(n, history.length)
        if (what === 'append') {
          const more = blocks(n, ++seed)
          history = [...history, ...more]
          await log.append(more)
        } else if (what === 'truncate') {
          history = history.slice(0, at)
          await log.truncate(at)
        } else if (what === 'clear') {
          await log.clear(at)
        } else {
          const held = history.slice(0, at).map((_, i) => log.has(i))
          views.push({ view: log.checkout(at), history: history.slice(0, at), held })
        }
      }

      for (const { view, history: then, held } of views) {
        for (let i = 0; i < then.length; i++) {
          assert.equal(view.has(i), held[i])
          const found = view.peek(i)
          if (held[i]) assert.deepEqual(found, then[i])
          else assert.equal(found, undefined)
        }
      }
    }),
    { numRuns: 150 },
  )
})

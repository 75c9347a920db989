/** The handle that users hold: local reads, waits, and how they end. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/bytes/bytes.ts'
import { writeU64LE } from '../../src/bytes/integers.ts'
import { Log } from '../../src/log/log.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { ManualClock } from '../fakes/clock.ts'
import { pattern, TreeModel } from '../tree/model.ts'
import { FakeRemote, openLog, openPair, openReader, openWriter, write } from './support.ts'

const block = (i: number): Uint8Array => pattern(i, 1 + ((37 * i + 11) % 23))
const blocks = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => block(i))

const forever = (): { promise: Promise<void>; release: () => void } => {
  let release = (): void => {}
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

// ---- Local ---------------------------------------------------------------------------------------

test('what was appended is read back, and belongs to the reader', async () => {
  const log = await openLog()
  const mine = utf8('hello')
  const { length, byteLength } = await log.append([mine, utf8('world!')])
  mine.fill(0)

  assert.deepEqual([length, byteLength], [2, 11])
  const got = await log.get(0)
  assert.deepEqual(got, utf8('hello'))
  got.fill(0)
  assert.deepEqual(log.peek(0), utf8('hello'))
  assert.equal(log.peek(2), undefined)
})

test('appends that are made together resolve with the lengths that each made', async () => {
  const log = await openLog()

  const made = await Promise.all([1, 2, 3].map((n) => log.append(blocks(n))))

  assert.deepEqual(
    made.map((m) => m.length),
    [1, 3, 6],
  )
  assert.deepEqual(await log.append([]), { length: 6, byteLength: log.byteLength })
})

test('an index or a byte that is no whole number from 0 on is refused', async () => {
  const log = await openLog()
  await log.append(blocks(3))

  for (const wrong of [-1, 1.5, Number.NaN, 2 ** 53]) {
    await assert.rejects(log.get(wrong), { code: 'BAD_ARGUMENT' })
    await assert.rejects(log.seek(wrong), { code: 'BAD_ARGUMENT' })
    assert.throws(() => log.byteOffset(wrong), { code: 'BAD_ARGUMENT' })
  }
  await assert.rejects(log.clear(2, 1), { code: 'BAD_ARGUMENT' })
})

test('has, clear and the counts agree', async () => {
  const log = await openLog()
  await log.append(blocks(8))
  assert.ok(log.has(7) && log.has(0, 8) && !log.has(8) && !log.has(0, 9))

  await log.clear(3)
  await log.clear(5, 7)

  assert.ok(!log.has(3) && !log.has(0, 8) && log.has(4) && !log.has(5, 7))
  const { contiguousLength, heldBlocks, length } = log.info()
  assert.deepEqual([contiguousLength, heldBlocks, length], [3, 5, 8])
})

test('a handle for reading does not write, though the key is there', async () => {
  const replica = await openWriter()
  const log = new Log(replica, { writable: false })

  assert.equal(log.writable, false)
  assert.ok(new Log(replica).writable)
  await assert.rejects(log.append(block(0)), { code: 'NOT_WRITABLE' })
  await assert.rejects(log.truncate(0), { code: 'NOT_WRITABLE' })
})

test('a name of user data that is ours is refused', async () => {
  const log = await openLog()
  await log.setUserData('mine', utf8('x'))

  assert.deepEqual(log.userData('mine'), utf8('x'))
  await assert.rejects(log.setUserData('dat-rhino/frozen', utf8('x')), { code: 'BAD_ARGUMENT' })
})

test('a root hash is that of the blocks, for each length that the tree here tells', async () => {
  const log = await openLog()
  await log.append(blocks(7))
  const other = await openLog()
  await other.append(blocks(4))
  const model = (count: number): Uint8Array => new TreeModel(blocks(count), writeU64LE).rootHash

  assert.deepEqual(log.rootHash(), model(7))
  assert.deepEqual(log.rootHash(4), other.rootHash())
  assert.deepEqual(log.rootHash(0), model(0))
  assert.equal(log.rootHash(8), undefined)
  const { log: sparse } = await openPair(blocks(7))
  await sparse.update()
  assert.deepEqual(sparse.rootHash(), model(7))
  assert.equal(sparse.rootHash(3), undefined)
  assert.throws(() => log.rootHash(-1), { code: 'BAD_ARGUMENT' })
})

test('after a flush everything is signed and on the disk', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const log = await openLog({ store })
  await log.append(blocks(3))
  assert.ok(store.syncedAddress < log.replica.slot.headAddress)

  await log.flush()

  assert.ok(store.syncedAddress >= log.replica.slot.headAddress)
  assert.equal(log.replica.announcedLength, 3)
})

test('a seek finds the block of a byte, counts no padding, and ends at the end', async () => {
  const log = await openLog({ encryptionKey: new Uint8Array(32) })
  await log.append([utf8('abc'), utf8(''), utf8('defg')])

  assert.equal(log.byteLength, 7)
  assert.deepEqual(await log.seek(2), { index: 0, offset: 2 })
  assert.deepEqual(await log.seek(4), { index: 2, offset: 1 })
  assert.deepEqual(await log.seek(7), { index: 3, offset: 0 })
  assert.equal(await log.seek(8), undefined)
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => log.byteOffset(i)),
    [0, 3, 3, 7, undefined],
  )
})

// ---- From peers ----------------------------------------------------------------------------------

test('what is not here comes from the remote, once', async () => {
  const { log, remote } = await openPair(blocks(10))

  assert.deepEqual(await log.get(4), block(4))
  assert.deepEqual(await log.get(4), block(4))

  assert.deepEqual(
    remote.asked.filter((a) => a.startsWith('block')),
    ['block 4'],
  )
  assert.equal(log.length, 10)
})

test('an update says whether the log grew, and a log of our own grows by us alone', async () => {
  const { log, server } = await openPair(blocks(3))

  assert.equal(await log.update(), true)
  assert.equal(await log.update(), false)
  assert.equal(log.length, 3)
  assert.equal(await new Log(server).update(), false)
})

test('a seek asks for the nodes that it lacks', async () => {
  const { log, remote, server } = await openPair(blocks(20))
  await log.update()

  const byte = (server.byteOffset(13) ?? 0) + 1
  assert.deepEqual(await log.seek(byte), { index: 13, offset: 1 })

  assert.ok(remote.asked.includes(`seek ${byte}`))
})

test('limits of a wait reach the remote', async () => {
  const { log, remote } = await openPair(blocks(3))
  const { signal } = new AbortController()

  await log.get(0, { timeoutMs: 77, signal })

  assert.equal(remote.waits[0]?.timeoutMs, 77)
  assert.ok(remote.waits[0]?.signal)
})

test('an aborted wait ends at once with its reason, and ends the question too', async () => {
  const { log, remote } = await openPair(blocks(3))
  remote.gate = forever().promise
  const controller = new AbortController()

  const wait = log.get(0, { signal: controller.signal })
  controller.abort(new Error('enough'))

  await assert.rejects(wait, (error: Error) => {
    assert.equal((error as { code?: string }).code, 'ABORTED')
    return (error.cause as Error).message === 'enough'
  })
  assert.equal(remote.waits[0]?.signal?.aborted, true)
  await assert.rejects(log.get(1, { signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('closing a handle ends its waits and downloads, and no other handle', async () => {
  const { log, remote } = await openPair(blocks(3))
  const other = new Log(log.replica)
  const { promise, release } = forever()
  remote.gate = promise
  const wait = log.get(0)
  const theirs = other.get(1)
  const done = log.download({ start: 0, end: 3 }).done()
  let closed = 0
  log.on('closed', () => closed++)

  await log.close()
  release()

  await assert.rejects(wait, { code: 'CLOSED' })
  await assert.rejects(done, { code: 'CLOSED' })
  assert.deepEqual(await theirs, block(1))
  assert.equal(closed, 1)
  assert.ok(log.closed && !log.writable && !other.closed)
  await assert.rejects(log.get(0), { code: 'CLOSED' })
  await assert.rejects(log.append(block(0)), { code: 'CLOSED' })
  assert.throws(() => log.download(), { code: 'CLOSED' })
})

test('a closed log closes its handles, with its reason, and tells their owner once', async () => {
  const replica = await openWriter()
  const calls: Log[] = []
  const log = new Log(replica, { onClose: (l) => void calls.push(l) })
  const wait = log.get(9, { timeoutMs: 0 })
  const { DatError } = await import('../../src/base/errors.ts')

  await replica.close(new DatError('FORKED', 'Two histories.'))

  await assert.rejects(wait, { code: 'FORKED' })
  await log.close()
  assert.deepEqual(calls, [log])
})

test('a handle hears what happens to its log, until it is closed', async () => {
  const replica = await openWriter()
  const log = new Log(replica)
  const heard: string[] = []
  log.on('append', ({ length }) => heard.push(`append ${length}`))
  const stop = log.on('held', ({ start }) => heard.push(`held ${start}`))

  await log.append(block(0))
  stop()
  await log.append(block(1))
  await log.close()
  replica.append([block(2)])
  await replica.commit()

  assert.deepEqual(heard, ['held 0', 'append 1', 'append 2'])
})

// ---- Nobody there --------------------------------------------------------------------------------

test('without anybody to ask a wait ends with NO_PEERS when its time is over', async () => {
  const clock = new ManualClock()
  const log = new Log(await openReader(await openWriter()), { clock })

  const waits = [log.get(0), log.update({ timeoutMs: 5_000 }), log.download({ end: 3 }).done()]
  const ended = waits.map((wait) =>
    wait.then(
      () => 'ok',
      (e: { code: string }) => e.code,
    ),
  )
  await clock.advance(5_000)
  assert.equal(await ended[1], 'NO_PEERS')
  await clock.advance(25_000)

  assert.deepEqual(await Promise.all(ended), ['NO_PEERS', 'NO_PEERS', 'NO_PEERS'])
})

test('a wait goes on with the first peer that comes, in what is left of its time', async () => {
  const clock = new ManualClock()
  const server = await openWriter()
  await write(server, blocks(4))
  const replica = await openReader(server)
  const log = new Log(replica, { clock })
  const wait = log.get(2, { timeoutMs: 1_000 })
  const download = log.download({ start: 0, end: 4 })
  const done = download.done()

  await clock.advance(400)
  const remote = new FakeRemote(replica, server)
  replica.remote = remote

  assert.deepEqual(await wait, block(2))
  assert.equal(remote.waits[0]?.timeoutMs, 600)
  await done
  assert.ok(log.has(0, 4))
})

test('a block that we append ourselves ends the wait for it', async () => {
  const log = await openLog()
  await log.append(block(0))
  const wait = log.get(1)

  await log.append(block(1))

  assert.deepEqual(await wait, block(1))
})

test('a download of what is here is done, and a cancelled one is not', async () => {
  const log = await openLog()
  await log.append(blocks(3))

  await log.download({ start: 0, end: 3 }).done()
  await log.download({ blocks: [0, 2] }).done()
  const download = log.download({ start: 0, end: 9 })
  const done = download.done()
  download.cancel()
  await assert.rejects(done, { code: 'ABORTED' })
  await assert.rejects(download.done(), { code: 'ABORTED' })
})

/** Acknowledgement between processes: who counts, who never did, what is taken back, and starting again. */

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isCode } from '@dat-rhino/core/base/errors'
import { hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import type { Transport } from '@dat-rhino/core/wire/transport'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { listenTcp } from '@dat-rhino/sdk/platform/node/tcp'
import { later, scratch } from './later.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const blocks = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => utf8(`block ${i}`))

/** A process of ours that holds all of the log; `folder` is empty for one whose syncs never end. */
async function holder(
  t: TestContext,
  folder: string,
  port: number,
  log: Log,
  seed = '',
): Promise<{ kill(): Promise<void>; drop(start: number, end: number): void }> {
  const script = fileURLToPath(new URL('./kill/holder.ts', import.meta.url))
  const child: ChildProcess = fork(script, [folder, `${port}`, hex(log.key), `${log.length}`, seed])
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = (): Promise<void> => {
    child.kill('SIGKILL')
    return gone
  }
  later(t, kill)
  const held = new Promise((resolve) => child.once('message', resolve))
  await Promise.race([held, gone.then(() => assert.fail('the holder ended by itself'))])
  return { kill, drop: (start, end) => void child.send([start, end]) }
}

const ranges = (log: Log): string[] =>
  log.copies().map(({ ranges: all }) => all.map(({ start, end }) => `${start}-${end}`).join(' '))

test('a hypercore 11 that has fetched a log counts, and no more when it drops a block', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(100))
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })

  const fetched = log.replicated()
  await stock.do('download', { name: 'log', start: 0, end: 100 })
  await fetched
  const whole = ranges(log)
  const dropped = new Promise((resolve) => log.on('copies', resolve))
  await stock.do('clear', { name: 'log', start: 10, end: 20 })
  await dropped

  assert.deepEqual(whole, ['0-100'])
  assert.deepEqual(ranges(log), ['0-10 20-100'])
})

test('a part that a hypercore 11 has fetched counts for that part', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(1_000))
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })

  await stock.do('download', { name: 'log', start: 100, end: 200 })
  const [claim] = await log.replicated({ start: 110, length: 90 })

  assert.ok(claim !== undefined)
  await assert.rejects(log.replicated({ start: 110, length: 91, timeoutMs: 1_000 }), (error) =>
    isCode(error, 'TIMEOUT'),
  )
})

test('claims outlive both sides: the peer is killed, and our store is opened again', async (t) => {
  const stock = await Stock.start(t)
  const folder = join(scratch(t), 'store')
  const first = await Corestore.open({ store: await openStorage(folder) })
  const log = await first.get({ name: 'log' })
  await log.append(blocks(10))
  const listener = await listenTcp({ onTransport: (transport) => void first.connect(transport) })
  later(t, () => listener.close())
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: listener.port })
  await stock.do('download', { name: 'log', start: 0, end: 10 })
  await log.replicated()
  stock.kill()
  await first.close()

  const second = await Corestore.open({ store: await openStorage(folder) })
  later(t, () => second.close())
  const again = await second.get({ name: 'log' })

  assert.deepEqual(ranges(again), ['0-10'])
  assert.deepEqual(
    again.copies().map(({ connected }) => connected),
    [false],
  )
  const [claim] = await again.replicated({ timeoutMs: 1_000 })
  assert.equal(claim?.connected, false)
  await assert.rejects(again.replicated({ connected: true, timeoutMs: 500 }), (error) =>
    isCode(error, 'TIMEOUT'),
  )
})

test('a process of ours that is killed before its sync counts for the block that was synced with its head, and no other', async (t) => {
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(100))
  const port = await node.listen()
  const folder = join(scratch(t), 'store')

  const unsynced = await holder(t, '', port, log)
  const early = log.replicated({ timeoutMs: 1_000 })
  await assert.rejects(early, (error) => isCode(error, 'TIMEOUT'))
  await unsynced.kill()
  const unsyncedRanges = ranges(log)
  const synced = await holder(t, folder, port, log)
  await log.replicated()
  await synced.kill()

  // The first block came with the head, and lasts since that was to be shown.
  assert.deepEqual(unsyncedRanges, ['0-1'])
  assert.deepEqual(ranges(log), ['0-1', '0-100'])
})

test('one peer counts once over restarts of both sides, and no more for what it then drops', async (t) => {
  const [ourFolder, theirFolder] = [join(scratch(t), 'store'), join(scratch(t), 'store')]
  const opened = async (): Promise<{ log: Log; port: number; close(): Promise<void> }> => {
    const corestore = await Corestore.open({ store: await openStorage(ourFolder) })
    const onTransport = (transport: Transport): void => void corestore.connect(transport)
    const listener = await listenTcp({ onTransport })
    const close = async (): Promise<void> => {
      await corestore.close()
      await listener.close()
    }
    later(t, close)
    return { log: await corestore.get({ name: 'log' }), port: listener.port, close }
  }
  const first = await opened()
  await first.log.append(blocks(100))
  const before = await holder(t, theirFolder, first.port, first.log, '5')
  const [claim] = await first.log.replicated({ verify: true })
  await before.kill()
  await first.close()

  const second = await opened()
  const away = second.log.copies()
  const after = await holder(t, theirFolder, second.port, second.log, '5')
  const back = await second.log.replicated({ connected: true })
  const dropped = new Promise((resolve) => second.log.on('copies', resolve))
  after.drop(40, 50)
  await dropped
  await after.kill()
  await second.close()
  const third = await opened()

  assert.deepEqual(away, [{ ...claim, connected: false }])
  assert.equal(typeof claim?.verifiedAt, 'number')
  assert.deepEqual(
    back.map(({ remotePublicKey }) => hex(remotePublicKey)),
    [hex(claim?.remotePublicKey ?? new Uint8Array())],
  )
  assert.deepEqual(ranges(third.log), ['0-40 50-100'])
  assert.deepEqual(
    third.log.copies().map(({ verifiedAt }) => verifiedAt),
    [undefined],
  )
})

test('a hypercore 11 passes a challenge with what it holds, and not with what it has lost', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(100))
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })
  await stock.do('download', { name: 'log', start: 0, end: 100 })

  const [claim] = await log.replicated({ verify: 20 })
  await stock.do('clear', { name: 'log', start: 10, end: 20 })
  const whole = log.replicated({ verify: true, timeoutMs: 2_000 })
  await assert.rejects(whole, (error) => isCode(error, 'TIMEOUT'))
  const [part] = await log.replicated({ start: 20, verify: true })

  assert.equal(typeof claim?.verifiedAt, 'number')
  assert.deepEqual(
    part?.ranges.map(({ start, end }) => `${start}-${end}`),
    ['0-10', '20-100'],
  )
})

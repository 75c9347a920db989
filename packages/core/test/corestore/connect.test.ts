/** Stores on connections: what is spoken about, what is served, and how it ends. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { hex } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { Log } from '../../src/log/log.ts'
import type { ChannelHandler } from '../../src/wire/channel.ts'
import { transports } from '../sim/transports.ts'
import { World } from '../sim/world.ts'
import { bytes, connect, numbered, openStore, text } from './fixtures.ts'

async function written(store: Corestore, name: string, count: number): Promise<Log> {
  const log = await store.get({ name })
  await log.append(numbered(0, count))
  return log
}

const closeAll = (...stores: Corestore[]) => Promise.all(stores.map((store) => store.close()))

test('a log goes from one store to another over real frames', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 3_000)
  const reader = await b.get({ key: log.key })

  connect(a, b)
  await reader.download({ start: 0, end: 3_000 }).done()

  assert.equal(reader.contiguousLength, 3_000)
  assert.equal(text(reader.peek(2_999)), 'block 2999')
  await closeAll(a, b)
})

test('a log that is opened later than the connection is spoken about too', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 5)
  connect(a, b)

  const reader = await b.get({ key: log.key })
  const block = await reader.get(4)

  assert.equal(text(block), 'block 4')
  await closeAll(a, b)
})

test('what is only stored is served to whoever knows its key', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await written(a, 'a', 5)
  await log.close()
  await world.run(60_000)
  const opened: string[] = []
  a.events.on('log-open', ({ key }) => opened.push(hex(key)))
  connect(a, b, world)

  const reader = await b.get({ key: log.key })
  let block: Uint8Array | undefined
  void reader.get(3).then((bytes) => {
    block = bytes
  })
  await world.run(5_000, () => block !== undefined)

  assert.equal(text(block), 'block 3')
  assert.deepEqual(opened, [hex(log.key)])
})

test('a log that is not here is refused, and the connection goes on', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 5)
  const unknown = await b.get({ key: new Uint8Array(32).fill(7) })
  const [left, right] = connect(a, b)
  const reader = await b.get({ key: log.key })
  await reader.get(1)

  assert.equal(unknown.peerCount, 0)
  assert.equal(reader.peerCount, 1)
  assert.deepEqual([left.logCount, right.logCount], [1, 1])
  assert.equal(right.closed, false)
  await closeAll(a, b)
})

test('a log that was refused is spoken about when the other side opens it later', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const [c] = [await openStore(3)]
  const log = await written(c, 'a', 5)
  const reader = await b.get({ key: log.key })
  connect(a, b)
  connect(c, a)

  const between = await a.get({ key: log.key })
  await between.download({ start: 0, end: 5 }).done()
  const block = await reader.get(2)

  assert.equal(text(block), 'block 2')
  await closeAll(a, b, c)
})

test('both sides hear who comes and goes, and a connection that ends leaves nothing', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 5)
  const reader = await b.get({ key: log.key })
  const heard: string[] = []
  b.events.on('peer-add', ({ remotePublicKey }) => heard.push(`add ${remotePublicKey[0]}`))
  b.events.on('peer-remove', ({ error }) => heard.push(`remove ${error?.message}`))
  const [, right] = connect(a, b)
  await reader.get(0)

  right.close(new Error('enough'))
  const error = await right.ended

  assert.deepEqual(heard, ['add 11', 'remove enough'])
  assert.equal(error?.message, 'enough')
  assert.equal(reader.peerCount, 0)
  assert.deepEqual([b.connections.length, right.closed], [0, true])
  await closeAll(a, b)
})

test('a download that a cut has stopped goes on over the next connection', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 2_000)
  const reader = await b.get({ key: log.key })
  const done = reader.download({ start: 0, end: 2_000 }).done()
  const [left] = connect(a, b)
  await reader.get(0)
  left.close()
  await left.ended

  connect(a, b)
  await done

  assert.equal(reader.contiguousLength, 2_000)
  await closeAll(a, b)
})

test('a log that grows is followed', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 1)
  const reader = await b.get({ key: log.key })
  connect(a, b)
  reader.download()

  for (let i = 1; i < 50; i++) await log.append(bytes(`block ${i}`))
  await reader.get(49)

  assert.equal(reader.length, 50)
  await closeAll(a, b)
})

/** Somebody else's protocol, as far as it does not matter here. */
const quiet: ChannelHandler = {
  onOpen() {},
  onMessage() {},
  onFrameEnd() {},
  onWritable() {},
  onClose() {},
}

test('other protocols share the connection', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const [left, right] = connect(a, b)
  const heard = new Promise<string>((resolve) => {
    right.mux.open({
      protocol: 'chat/1',
      handler: {
        ...quiet,
        onMessage: (type, body) => resolve(`${type}: ${text(body.rest())}`),
      },
    })
  })
  await new Promise<void>((resolve) => {
    left.mux.open({
      protocol: 'chat/1',
      handler: {
        ...quiet,
        onOpen(channel) {
          channel.send(3, bytes('hello'))
          resolve()
        },
      },
    })
  })

  assert.equal(await heard, '3: hello')
  await closeAll(a, b)
})

test('fifteen hundred logs are spoken about on one connection', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const readers: Log[] = []
  for (let i = 0; i < 1_500; i++) {
    const log = await a.get({ name: `log ${i}` })
    await log.append(bytes(`first of ${i}`))
    readers.push(await b.get({ key: log.key }))
  }

  const [left, right] = connect(a, b)
  const blocks = await Promise.all(readers.map((reader) => reader.get(0)))

  assert.deepEqual(
    blocks.map(text),
    readers.map((_, i) => `first of ${i}`),
  )
  assert.deepEqual([left.logCount, right.logCount], [1_500, 1_500])
  await closeAll(a, b)
})

test('channels are opened in slices of time', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  for (let i = 0; i < 200; i++) await a.get({ name: `log ${i}` })
  const [left, right] = transports(world)
  const frames: number[] = []
  const send = left.send.bind(left)
  left.send = (message) => {
    frames.push(message.length)
    send(message)
  }
  // Each look at the clock costs a millisecond.
  const now = world.now.bind(world)
  let spent = 0
  world.now = () => now() + ++spent

  a.connect(left)
  b.connect(right)
  await world.run(5_000)

  assert.ok(frames.length >= 2, `${frames.length}`)
  const opens = frames.reduce((sum, length) => sum + length, 0)
  assert.ok(opens > 200 * 85, `${opens}`)
})

test('an update waits while peers are looked for, and says NO_PEERS when none was found', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 5)
  const found = b.findingPeers()
  const reader = await b.get({ key: log.key })
  const first = reader.update()

  connect(a, b)
  found()
  assert.equal(await first, true)

  const lonely = await openStore(3)
  const done = lonely.findingPeers(log.discoveryKey)
  const alone = await lonely.get({ key: log.key })
  const update = alone.update().then(
    () => 'no error',
    (error: { code: string }) => error.code,
  )
  done()

  assert.equal(await update, 'NO_PEERS')
  await closeAll(a, b, lonely)
})

test('peers of a log are told with what they sent', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const log = await written(a, 'a', 20)
  const reader = await b.get({ key: log.key })
  connect(a, b)
  await reader.download({ start: 0, end: 20 }).done()

  const [peer] = b.peers(log.discoveryKey)

  assert.deepEqual([peer?.blocksDown, peer?.length], [20, 20])
  assert.deepEqual(b.peers(new Uint8Array(32)), [])
  await closeAll(a, b)
})

test('a log that neither side holds any more is not spoken about after a while', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await written(a, 'a', 5)
  const reader = await b.get({ key: log.key })
  const [left] = connect(a, b, world)
  await world.run(1_000)
  const during = left.logCount

  await log.close()
  await reader.close()
  await world.run(80_000)
  const after = left.logCount
  const again = await b.get({ key: log.key })
  let block: Uint8Array | undefined
  void again.get(4).then((got) => {
    block = got
  })
  await world.run(1_000)

  assert.deepEqual([during, after], [1, 0])
  assert.equal(text(block), 'block 4')
})

test('what two stores have between them can be told from what each one has', async () => {
  const [a, b, c] = [await openStore(1), await openStore(2), await openStore(3)]
  const log = await written(a, 'a', 100)
  const half = await b.get({ key: log.key })
  const [left] = connect(a, b)
  await half.download({ start: 0, end: 50 }).done()
  left.close()
  await left.ended
  await log.clear(0, 50)

  const reader = await c.get({ key: log.key })
  connect(a, c)
  connect(b, c, systemClock, {
    keys: [new Uint8Array(32).fill(33), new Uint8Array(32).fill(44)],
  })
  await reader.download({ start: 0, end: 100 }).done()

  assert.equal(reader.contiguousLength, 100)
  await closeAll(a, b, c)
})

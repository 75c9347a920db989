/** Policies: who is let in, what is offered to whom, what is switched off, and what changes while it goes on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WITHHELD_MAX } from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import type { Policy } from '../../src/corestore/policy.ts'
import type { Log } from '../../src/log/log.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { transports } from '../sim/transports.ts'
import { World } from '../sim/world.ts'
import { connect, numbered, openStore, text } from './fixtures.ts'

/** As `connect` names the ends: the first is heard of under the second key, and the other way round. */
const [KEY_A, KEY_B, KEY_C] = [11, 22, 33].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

async function written(store: Corestore, name: string, count = 5): Promise<Log> {
  const log = await store.get({ name })
  await log.append(numbered(0, count))
  return log
}

/** A writer with two logs and a reader of both, connected, in simulated time. */
async function scene(policy: Policy) {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const logs = [await written(a, 'first'), await written(a, 'second')] as const
  a.setPolicy(policy)
  const readers = [await b.get({ key: logs[0].key }), await b.get({ key: logs[1].key })] as const
  const [left, right] = connect(a, b, world)
  await world.run(500)
  return { world, a, b, logs, readers, left, right }
}

/** Blocks 1 of the readers, fetched in a second at most; '' for what did not come. */
async function fetched(world: World, readers: readonly Log[], index = 1): Promise<string[]> {
  const got = readers.map(() => '')
  readers.forEach((reader, i) => {
    reader.get(index, { timeoutMs: 900 }).then(
      (block) => {
        got[i] = text(block)
      },
      () => {},
    )
  })
  await world.run(1_000)
  return got
}

const closeAll = (...stores: Corestore[]) => Promise.all(stores.map((store) => store.close()))

// ---- Offers --------------------------------------------------------------------------------------

test('logs are offered to all, to none, by a list and by a function', async () => {
  const first = (await (await openStore(1)).get({ name: 'first' })).key
  const cases: [Policy, string[]][] = [
    [{}, ['block 1', 'block 1']],
    [{ offer: 'all' }, ['block 1', 'block 1']],
    [{ offer: 'none' }, ['', '']],
    [{ offer: [first] }, ['block 1', '']],
    [{ offer: (key) => hex(key) !== hex(first) }, ['', 'block 1']],
    [{ offer: (_, peer) => hex(peer) === hex(KEY_B) }, ['block 1', 'block 1']],
    [{ offer: (_, peer) => hex(peer) !== hex(KEY_B) }, ['', '']],
    [{ offer: () => assert.fail('a mistake') }, ['', '']],
  ]
  for (const [policy, expected] of cases) {
    const { world, readers } = await scene(policy)

    assert.deepEqual(await fetched(world, readers), expected)
  }
})

test('rules about a log and about a peer both must allow it', async () => {
  const first = (await (await openStore(1)).get({ name: 'first' })).key
  const cases: [Policy, string[]][] = [
    [{ logs: [{ key: first, peers: [KEY_C] }] }, ['', 'block 1']],
    [{ logs: [{ key: first, peers: [KEY_B, KEY_C] }] }, ['block 1', 'block 1']],
    [{ peers: [{ remotePublicKey: KEY_B, offer: [first] }] }, ['block 1', '']],
    [{ peers: [{ remotePublicKey: KEY_C, offer: 'none' }] }, ['block 1', 'block 1']],
    [{ offer: 'none', peers: [{ remotePublicKey: KEY_B, offer: 'all' }] }, ['', '']],
  ]
  for (const [policy, expected] of cases) {
    const { world, readers } = await scene(policy)

    assert.deepEqual(await fetched(world, readers), expected)
  }
})

test('a log that is not offered is refused with the bytes with which a missing one is', async () => {
  async function answers(hasLog: boolean): Promise<string[]> {
    const world = new World(1)
    const [a, b] = [await openStore(1, world), await openStore(2, world)]
    const key = (await (await openStore(1)).get({ name: 'first' })).key
    if (hasLog) {
      await written(a, 'first')
      a.setPolicy({ offer: 'none' })
    }
    await b.get({ key })
    const [left, right] = transports(world)
    const sent: string[] = []
    const send = left.send.bind(left)
    left.send = (message) => {
      sent.push(hex(message))
      send(message)
    }
    a.connect(left)
    b.connect(right)
    await world.run(5_000)
    return sent
  }

  assert.deepEqual(await answers(true), await answers(false))
})

test('no log is needed to begin a connection: other protocols run, and logs come later', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const [left, right] = connect(a, b)
  assert.deepEqual([left.logCount, left.closed, right.closed], [0, false, false])

  const log = await written(a, 'first')
  const reader = await b.get({ key: log.key })

  assert.equal(text(await reader.get(3)), 'block 3')
  await closeAll(a, b)
})

// ---- Changes while it goes on --------------------------------------------------------------------

test('what is withdrawn ends at once, and what is offered again goes on, on the same connection', async () => {
  const { world, a, logs, readers, left } = await scene({})
  const before = await fetched(world, readers, 0)

  a.setPolicy({ offer: [logs[1].key] })
  await world.run(500)
  const withdrawn = [readers[0].peerCount, readers[1].peerCount, left.logCount]
  const during = await fetched(world, readers, 1)
  a.setPolicy({})
  const after = await fetched(world, readers, 2)

  assert.deepEqual(before, ['block 0', 'block 0'])
  assert.deepEqual(withdrawn, [0, 1, 1])
  assert.deepEqual(during, ['', 'block 1'])
  assert.deepEqual(after, ['block 2', 'block 2'])
  assert.equal(left.closed, false)
})

test('a log that is only stored is offered later to who had asked for it', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await written(a, 'first')
  await log.close()
  await world.run(60_000)
  a.setPolicy({ offer: 'none' })
  const reader = await b.get({ key: log.key })
  connect(a, b, world)
  const before = await fetched(world, [reader])

  a.setPolicy({})

  assert.deepEqual(before, [''])
  assert.deepEqual(await fetched(world, [reader]), ['block 1'])
})

test('with upload off nothing is served, the reader knows it, and it goes on when it is on', async () => {
  const { world, a, b, logs, readers } = await scene({})
  const asked: number[] = []
  a.setPolicy({ logs: [{ key: logs[0].key, upload: false }] })
  await world.run(100)

  const during = await fetched(world, readers)
  asked.push(b.peers(logs[0].discoveryKey)[0]?.inFlight ?? -1)
  a.setPolicy({})
  const after = await fetched(world, readers)

  assert.deepEqual(during, ['', 'block 1'])
  // Who was told that nobody serves does not ask.
  assert.deepEqual(asked, [0])
  assert.deepEqual(after, ['block 1', 'block 1'])
})

test('requests that wait when upload is switched off are refused, and asked for elsewhere', async () => {
  const world = new World(1)
  const [a, b, c] = [
    await openStore(1, world),
    await openStore(2, world),
    await openStore(3, world),
  ]
  const log = await written(a, 'first', 400)
  const mirror = await c.get({ key: log.key })
  connect(a, c, world, { keys: [KEY_A, KEY_C] })
  mirror.download({ start: 0, end: 400 })
  await world.run(5_000)
  a.setPolicy({ uploadRate: 10 })
  const reader = await b.get({ key: log.key })
  connect(a, b, world)
  await world.run(500)
  const download = reader.download({ start: 0, end: 400 })
  await world.run(500)

  a.setPolicy({ upload: false })
  connect(c, b, world, { keys: [KEY_C, KEY_B] })
  await world.run(3_000)

  assert.equal(mirror.contiguousLength, 400)
  assert.equal(reader.contiguousLength, 400)
  download.cancel()
})

test('upload that is off for a moment costs a download no more than that moment', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await written(a, 'first', 400)
  a.setPolicy({ uploadRate: 10 })
  const reader = await b.get({ key: log.key })
  connect(a, b, world)
  await world.run(500)
  const download = reader.download({ start: 0, end: 400 })
  await world.run(500)

  a.setPolicy({ upload: false })
  await world.run(100)
  const during = b.peers(log.discoveryKey)[0]?.inFlight
  a.setPolicy({})
  await world.run(100)

  assert.equal(during, 0)
  assert.equal(reader.contiguousLength, 400)
  await download.done()
})

test('a peer is kept from no more logs than are remembered when they are offered later', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const readers: Log[] = []
  for (let i = 0; i <= WITHHELD_MAX; i++) {
    const log = await a.get({ name: `log ${i}` })
    readers.push(await b.get({ key: log.key }))
    await log.close()
  }
  await world.run(60_000)
  a.setPolicy({ offer: 'none' })
  connect(a, b, world)
  await world.run(5_000)

  a.setPolicy({})
  await world.run(5_000)

  const offered = readers.filter(({ peerCount }) => peerCount > 0).length
  assert.equal(offered, WITHHELD_MAX)
})

test('with download off nothing is asked for, and waits end when their time is over', async () => {
  const { world, b, logs, readers } = await scene({})
  b.setPolicy({ logs: [{ key: logs[0].key, download: false }] })

  const during = await fetched(world, readers)
  let grew: boolean | undefined
  void readers[0].update().then((result) => {
    grew = result
  })
  await world.run(100)
  const update = grew
  b.setPolicy({ peers: [{ remotePublicKey: KEY_A, download: false }] })
  const all = await fetched(world, readers, 2)
  b.setPolicy({})
  const after = await fetched(world, readers, 2)

  assert.deepEqual(during, ['', 'block 1'])
  assert.equal(update, false)
  assert.deepEqual(all, ['', ''])
  assert.deepEqual(after, ['block 2', 'block 2'])
})

test('a store that does not download still serves', async () => {
  const { world, a, readers } = await scene({ download: false })

  assert.deepEqual(await fetched(world, readers), ['block 1', 'block 1'])
  assert.equal(a.policy.download, false)
})

// ---- Mistakes ------------------------------------------------------------------------------------

test('a policy that makes no sense is refused, and the one before holds', async () => {
  const a = await openStore(1)
  const short = new Uint8Array(31)
  const wrong: Policy[] = [
    { deny: [short] },
    { allow: [short] },
    { offer: [short] },
    { uploadRate: 0 },
    { downloadRate: Number.NaN },
    { logs: [{ key: KEY_A }, { key: KEY_A }] },
    { peers: [{ remotePublicKey: KEY_A }, { remotePublicKey: KEY_A }] },
    { logs: [{ key: KEY_A, uploadRate: -1 }] },
  ]
  const before: Policy = { deny: [KEY_B] }
  a.setPolicy(before)

  for (const policy of wrong) assert.throws(() => a.setPolicy(policy), { code: 'BAD_ARGUMENT' })

  assert.equal(a.policy, before)
  assert.equal(a.admits(KEY_B), false)
  await a.close()
})

test('a store begins with the policy that it is opened with', async () => {
  const store = openMemoryStore()
  const a = await Corestore.open({ store, policy: { allow: [KEY_C], uploadRate: 1_000 } })

  assert.deepEqual([a.admits(KEY_B), a.admits(KEY_C)], [false, true])
  assert.equal(a.traffic.up.limit, 1_000)
  await a.close()
})

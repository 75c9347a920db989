/** Logs that are equal on both sides of a connection: what is made for them, and what wakes them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { Emitter } from '../../src/base/emitter.ts'
import { STATUSES_IDLE_MAX } from '../../src/base/limits.ts'
import type { CorestoreEvents } from '../../src/corestore/events.ts'
import { OpenLog } from '../../src/corestore/open-log.ts'
import { logIdentity } from '../../src/log/identity.ts'
import type { Log } from '../../src/log/log.ts'
import { OPEN } from '../../src/replicator/passage.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Handler, Sender, Status } from '../../src/wire/messages.ts'
import { testKeyPair } from '../log/support.ts'
import { World } from '../sim/world.ts'
import { connect, numbered, openStore } from './fixtures.ts'

const PEER = new Uint8Array(32).fill(7)

/** One log with one conversation, whose other side is the test. */
class Scene {
  readonly world = new World(1)
  readonly said: string[] = []
  readonly log: OpenLog
  readonly handle: Log
  readonly handler: Handler
  made = 0

  private constructor(log: OpenLog, handle: Log, world: World) {
    this.world = world
    this.log = log
    this.handle = handle
    this.handler = this.attach(PEER)
  }

  static async begin(blocks: number): Promise<Scene> {
    const world = new World(1)
    const store = openMemoryStore()
    const slot = await store.create(logIdentity({ keyPair: testKeyPair() }))
    const times = { clock: world, wallNow: () => 0 }
    let scene: Scene | undefined
    const made = (): void => {
      if (scene !== undefined) scene.made++
    }
    const host = {
      ...times,
      usual: {},
      events: new Emitter<CorestoreEvents>(),
      held: () => {},
      replicating: made,
    }
    const log = new OpenLog(host, store, slot, { keyPair: testKeyPair() })
    const handle = log.handle({}, { opened: () => {}, closed: () => {} })
    if (blocks > 0) await handle.append(numbered(0, blocks))
    await log.replica.sealed()
    scene = new Scene(log, handle, world)
    return scene
  }

  attach(remotePublicKey: Uint8Array): Handler {
    return this.log.attach(sender(this.said), { remotePublicKey, passage: OPEN })
  }

  hear(status: Partial<Status>, contiguous = 0): void {
    this.handler.onStatus({ ...EQUAL, ...status })
    if (contiguous > 0) this.handler.onHave(0, contiguous, false)
    this.handler.onFrameEnd()
  }

  /** Has the log a replicator with all its rooms? */
  get isAwake(): boolean {
    return this.log.replicatorIfAny !== undefined
  }
}

const EQUAL: Status = {
  fork: 0,
  length: 3,
  remoteLength: 0,
  canUpgrade: true,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

function sender(said: string[]): Sender {
  const nothing = (): void => {}
  return {
    abilities: { seek: true, hash: true, cancel: true, refuse: true, waitsForEnd: false },
    writable: true,
    wantsAcks: false,
    status: ({ fork, length, remoteLength, canUpgrade, downloading }) => {
      said.push(
        `status ${fork} ${length} ${remoteLength} ${canUpgrade ? 'can' : '-'} ${downloading ? 'down' : '-'}`,
      )
    },
    have: (start, length) => said.push(`have ${start} ${length}`),
    unhave: (start, length) => said.push(`unhave ${start} ${length}`),
    data: (id) => said.push(`data ${id}`),
    extension: (name) => said.push(`extension ${name}`) > 0,
    close: () => said.push('close'),
    ...{ bitfield: nothing, want: nothing, unwant: nothing, request: nothing },
    ...{ cancel: nothing, refuse: nothing, flush: nothing },
  }
}

test('of a log that is equal on both sides lengths are told, and no replicator is made', async () => {
  const scene = await Scene.begin(3)

  scene.hear({ length: 3 }, 3)
  scene.hear({ length: 3, remoteLength: 3, canUpgrade: false })

  assert.deepEqual(scene.said, ['status 0 3 0 can down', 'have 0 3', 'status 0 3 3 - down'])
  assert.equal(scene.isAwake, false)
  assert.equal(scene.handle.peerCount, 1)
  assert.equal(scene.made, 0)
})

test('a conversation that was idle goes on with what was said in it', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 3 }, 3)
  scene.said.length = 0

  const [peer] = scene.handle.peers()

  assert.equal(peer?.length, 3)
  assert.equal(scene.handle.remoteContiguousLength, 3)
  assert.equal(scene.handle.peerCount, 1)
  assert.deepEqual(scene.said, [], 'nothing is told twice')
})

test('a peer that is behind is told our length, and its request wakes the log', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 0 })
  assert.equal(scene.isAwake, false)
  assert.equal(scene.said.at(-1), 'status 0 3 0 can down')

  const request = { id: 1, fork: 0, block: -1, hash: -1, nodes: 0, digest: -1, seekBytes: -1 }
  const rest = { seekPadding: 0, upgradeStart: 0, upgradeLength: 3, manifest: false, priority: 0 }
  scene.handler.onRequest({ ...request, ...rest })
  scene.handler.onFrameEnd()
  await scene.world.run(10)

  assert.equal(scene.isAwake, true)
  assert.equal(scene.said.at(-1), 'data 1')
})

test('a peer that is ahead, or on another fork, wakes the log', async () => {
  for (const status of [{ length: 4 }, { fork: 1 }]) {
    const scene = await Scene.begin(3)
    scene.hear(status)
    assert.equal(scene.isAwake, true, JSON.stringify(status))
  }
})

test('what happens to the log is told in idle conversations too', async () => {
  const grown = await Scene.begin(3)
  grown.hear({ length: 3 }, 3)
  await grown.handle.append(numbered(3, 4))
  await grown.world.run(100)
  assert.ok(grown.said.includes('have 0 4'))
  assert.equal(grown.said.at(-1), 'status 0 4 3 can down')

  const cut = await Scene.begin(3)
  cut.hear({ length: 3 }, 3)
  await cut.handle.truncate(2)
  await cut.world.run(100)
  assert.ok(cut.said.includes('unhave 2 1'))
  assert.match(cut.said.at(-1) ?? '', /^status 1 2 /)

  const cleared = await Scene.begin(3)
  cleared.hear({ length: 3 }, 3)
  await cleared.handle.clear(1, 2)
  assert.equal(cleared.said.at(-1), 'unhave 1 1')
})

test('a log that nobody holds any more lingers, then says so, and ends what neither side needs', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 3, downloading: false }, 3)
  scene.said.length = 0

  await scene.handle.close()
  await scene.world.run(19_000)
  assert.deepEqual(scene.said, [])
  await scene.world.run(22_000)

  assert.deepEqual(scene.said, ['status 0 3 3 - -', 'close'])
  assert.equal(scene.isAwake, false)
})

test('what a peer holds is remembered for who writes the log, without waking it', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 3 }, 3)

  await scene.world.run(2_000)
  assert.equal(scene.isAwake, false)
  scene.handler.onClose(undefined)

  const [claim] = scene.handle.copies()
  assert.deepEqual(claim?.remotePublicKey, PEER)
  assert.deepEqual(claim?.ranges, [{ start: 0, end: 3 }])
  assert.equal(claim?.connected, false)
})

test('a claim that is withdrawn before it is kept is not remembered', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 3 }, 3)

  scene.handler.onUnhave(0, 3)
  await scene.world.run(2_000)

  assert.deepEqual(scene.handle.copies(), [])
})

test('a peer that goes on telling its status is counted as one that is awake', async () => {
  const scene = await Scene.begin(3)

  for (let i = 0; i < STATUSES_IDLE_MAX; i++) scene.hear({ length: 3 })
  assert.equal(scene.isAwake, false)
  scene.hear({ length: 3 })

  assert.equal(scene.isAwake, true)
})

test('messages of applications reach peers of idle conversations, and come from them', async () => {
  const scene = await Scene.begin(3)
  scene.hear({ length: 3 }, 3)
  scene.handler.onExtension('unknown', Uint8Array.of(1))
  assert.equal(scene.isAwake, false, 'nobody listens')
  const heard: Uint8Array[] = []
  const extension = scene.handle.extension('greet', {
    onMessage: (message: Uint8Array) => {
      heard.push(message)
    },
  })

  // A length stands before the bytes.
  scene.handler.onExtension('greet', Uint8Array.of(1, 5))
  await scene.world.run(10)
  extension.broadcast(Uint8Array.of(6))

  assert.deepEqual(heard, [Uint8Array.of(5)])
  assert.equal(scene.said.at(-1), 'extension greet')
})

test('a thousand equal logs on a connection arm no timers, and their openings share frames', async () => {
  const world = new World(1)
  const counts = { timers: 0, turns: 0 }
  const clock: Clock = {
    now: () => world.now(),
    after: (delayMs, task) => {
      counts.timers++
      return world.after(delayMs, task)
    },
    soon: (task) => {
      counts.turns++
      world.soon(task)
    },
  }
  const [a, b] = [await openStore(1, clock), await openStore(2, clock)]
  const names = Array.from({ length: 1_000 }, (_, i) => `log ${i}`)
  const logs = await Promise.all(names.map((name) => a.get({ name })))
  const copies = await Promise.all(logs.map(({ key }) => b.get({ key })))
  await a.flush()
  counts.timers = 0
  counts.turns = 0

  const [connection] = connect(a, b, clock)
  await world.run(900, () => copies.every(({ peerCount }) => peerCount === 1))
  await world.run(100)

  assert.equal(connection.logCount, 1_000)
  assert.ok(counts.timers < 10, `${counts.timers} timers`)
  assert.ok(counts.turns < 300, `${counts.turns} turns, of the pipe among them`)
  const closing = Promise.all([a.close(), b.close()])
  await world.run(100)
  await closing
})

test('a download makes the replicator in a turn of its own, for ten thousand may be asked for in one', async () => {
  const scene = await Scene.begin(3)

  const download = scene.handle.download({ start: 0, end: 4 })
  const done = download.done({ timeoutMs: 1_000 })
  assert.equal(scene.made, 0)
  await scene.world.run(1)
  assert.equal(scene.made, 1)
  const ended = assert.rejects(done, { code: 'NOT_AVAILABLE' })
  scene.hear({ length: 3 })
  await scene.world.run(6_000)

  await ended
})

test('a download that ends before its turn makes nothing, and who waits for it is told why', async () => {
  const cancelled = await Scene.begin(3)
  const download = cancelled.handle.download({ start: 0, end: 4 })
  const aborted = assert.rejects(download.done(), { code: 'ABORTED' })
  download.cancel()
  await cancelled.world.run(1)
  await aborted
  assert.equal(cancelled.made, 0)

  const closed = await Scene.begin(3)
  const over = assert.rejects(closed.handle.download({ start: 0, end: 4 }).done(), {
    code: 'CLOSED',
  })
  await closed.handle.close()
  await closed.world.run(1)
  await over
  assert.equal(closed.made, 0)
})

/** Idle conversations as rows: each keeps what was said in it, whatever others say and however many there are. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logIdentity } from '../../src/log/identity.ts'
import { Replica } from '../../src/log/replica.ts'
import { IdleRows } from '../../src/replicator/idle.ts'
import { IdleLog } from '../../src/replicator/idle-log.ts'
import { OPEN } from '../../src/replicator/passage.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Sender, Status } from '../../src/wire/messages.ts'
import { ManualClock } from '../fakes/clock.ts'
import { testKeyPair } from '../log/support.ts'

const EQUAL: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: true,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

/** Rows of one connection, and what is said in them. */
class Scene {
  readonly said: string[] = []
  readonly ended: string[] = []
  readonly clock = new ManualClock()
  readonly rows = new IdleRows({
    remotePublicKey: new Uint8Array(32).fill(7),
    brief: (row) => this.#sender(row),
    sender: (row) => this.#sender(row),
    options: () => ({}),
  })

  #sender(row: number): Sender {
    const nothing = (): void => {}
    return {
      abilities: { seek: true, hash: true, cancel: true, refuse: true, waitsForEnd: false },
      ...{ writable: true, wantsAcks: false },
      status: ({ length, remoteLength }) =>
        this.said.push(`${row} status ${length} ${remoteLength}`),
      have: (start, length) => this.said.push(`${row} have ${start} ${length}`),
      close: () => this.said.push(`${row} close`),
      ...{ unhave: nothing, bitfield: nothing, want: nothing, unwant: nothing, request: nothing },
      ...{ cancel: nothing, refuse: nothing, flush: nothing, data: nothing },
      extension: () => true,
    }
  }

  /** A log with a replicator that is made when it is wanted. */
  async log(seed: number): Promise<IdleLog> {
    const store = openMemoryStore()
    const { clock } = this
    const keyPair = testKeyPair(seed)
    const replica = Replica.open(store, await store.create(logIdentity({ keyPair })), { keyPair })
    let made: Replicator | undefined
    const host = {
      ...{ replica, clock, isHeld: true },
      get replicator(): Replicator {
        if (made === undefined) {
          made = new Replicator(replica, { clock, wallNow: () => 0, downloading: true })
          idle.moveTo(made)
        }
        return made
      },
    }
    const idle = new IdleLog(host)
    return idle
  }
}

test('rows far apart and in any order each keep what was said in them', async () => {
  const scene = new Scene()
  const rows = [5, 1, 300, 2, 70]
  for (const row of rows) (await scene.log(row)).begin(scene.rows, row, OPEN)
  scene.said.length = 0

  for (const row of rows) scene.rows.handlerOf(row).onStatus({ ...EQUAL, canUpgrade: false })
  for (const row of rows) scene.rows.handlerOf(row).onFrameEnd()
  assert.deepEqual(scene.said, [], 'equal lengths need no answer')

  for (const row of rows) scene.rows.handlerOf(row).onHave(0, row, false)
  assert.deepEqual(
    rows.map((row) => scene.rows.contiguous(row)),
    rows,
  )
})

test('a row that has ended knows nothing of before when it is given to another log', async () => {
  const scene = new Scene()
  const first = await scene.log(1)
  first.begin(scene.rows, 3, OPEN)
  scene.rows.handlerOf(3).onStatus({ ...EQUAL, downloading: false })
  scene.rows.handlerOf(3).onHave(0, 9, false)

  assert.equal(scene.rows.end(3, undefined), true, 'the remote wanted nothing')
  assert.equal(first.count, 0)
  ;(await scene.log(2)).begin(scene.rows, 3, OPEN)

  assert.equal(scene.rows.contiguous(3), 0)
  assert.equal(scene.rows.end(3, undefined), false, 'the remote has said nothing')
})

test('a row that wakes leaves its neighbours idle, and its handler goes on with what was said', async () => {
  const scene = new Scene()
  const [left, right] = [await scene.log(1), await scene.log(2)]
  left.begin(scene.rows, 1, OPEN)
  right.begin(scene.rows, 2, OPEN)
  scene.rows.handlerOf(1).onStatus(EQUAL)
  scene.rows.handlerOf(2).onStatus(EQUAL)

  const awake = scene.rows.awake(1)

  assert.equal(scene.rows.handlerOf(1), awake)
  assert.equal(scene.rows.nextOf(2), undefined)
  assert.deepEqual([left.count, right.count], [0, 1])
  assert.equal(left.replicator.peers()[0]?.length, 0)
  assert.equal(scene.rows.end(1, undefined), undefined, 'who has taken it over tells its end')
  assert.equal(left.replicator.peerCount, 0)
  assert.equal(scene.rows.end(2, undefined), false)
})

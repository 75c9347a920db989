/** What peers claim of many logs in one moment is recorded in turns, though the timers for it fire in one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock, Timer } from '../../src/base/clock.ts'
import { COPIES_SAVE_MS } from '../../src/base/limits.ts'
import type { Replica } from '../../src/log/replica.ts'
import { COPIES_RECORD, decodeClaims } from '../../src/replicator/copies-record.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import type { Sender } from '../../src/wire/messages.ts'
import { openReplica, testKeyPair, write } from '../log/support.ts'
import { numbered } from './fixtures.ts'

const LOGS = 200

/** A clock on which every look takes a millisecond, and whose timers fire as those of Node do: all that are due in one turn. */
class NodesClock implements Clock {
  onTurn: () => void = () => {}
  #now = 0
  readonly #due: { readonly delayMs: number; readonly task: () => void }[] = []

  now(): number {
    return ++this.#now
  }

  after(delayMs: number, task: () => void): Timer {
    const planned = { delayMs, task }
    this.#due.push(planned)
    return {
      cancel: () => {
        const at = this.#due.indexOf(planned)
        if (at !== -1) this.#due.splice(at, 1)
      },
    }
  }

  soon(task: () => void): void {
    setImmediate(() => {
      this.onTurn()
      task()
    })
  }

  /** Timers of this delay, in one turn: between two of them promises go on. */
  async fire(delayMs: number): Promise<void> {
    const due = this.#due.filter((planned) => planned.delayMs === delayMs)
    for (const { task } of due) {
      task()
      for (let n = 0; n < 10; n++) await Promise.resolve()
    }
  }
}

/** A remote that only listens. */
function listener(): Sender {
  const nothing = (): void => {}
  return {
    abilities: { seek: true, hash: true, cancel: true, refuse: true, waitsForEnd: false },
    writable: true,
    wantsAcks: false,
    ...{ status: nothing, have: nothing, unhave: nothing, bitfield: nothing, want: nothing },
    ...{ unwant: nothing, request: nothing, cancel: nothing, data: nothing, refuse: nothing },
    ...{ flush: nothing, extension: () => true, close: nothing },
  }
}

/** A log of ours whose peer says that it holds all of it. */
async function claimed(clock: Clock, n: number): Promise<Replica> {
  const replica = await openReplica({ keyPair: testKeyPair(n) })
  await write(replica, numbered(0, 3))
  const replicator = new Replicator(replica, { clock, random: () => 0.5 })
  const handler = replicator.attach(listener(), { remotePublicKey: new Uint8Array(32).fill(7) })
  const held = { fork: 0, length: 3, remoteLength: 3, canUpgrade: true }
  handler.onStatus({ ...held, uploading: true, downloading: true, hasManifest: true })
  handler.onHave(0, 3)
  handler.onFrameEnd()
  return replica
}

test('the claims about many logs are recorded a few per turn, and all of them', async () => {
  const clock = new NodesClock()
  const replicas: Replica[] = []
  for (let n = 0; n < LOGS; n++) replicas.push(await claimed(clock, n))
  await new Promise((resolve) => setImmediate(resolve))
  const records = (): number =>
    replicas.filter(({ slot }) => slot.userData(COPIES_RECORD) !== undefined).length
  const perTurn: number[] = [records()]
  clock.onTurn = () => perTurn.push(records())

  await clock.fire(COPIES_SAVE_MS)
  while (records() < LOGS) await new Promise((resolve) => setImmediate(resolve))
  perTurn.push(records())

  assert.equal(perTurn[0], 0, 'not before their time')
  const most = Math.max(...perTurn.slice(1).map((count, i) => count - (perTurn[i] ?? 0)))
  assert.ok(most < LOGS / 2, `${most} in one turn`)
  for (const { slot } of replicas) {
    const [claim] = decodeClaims(slot.userData(COPIES_RECORD) ?? new Uint8Array(), 0)
    assert.deepEqual(claim?.runs, [{ start: 0, end: 3 }])
  }
  for (const replica of replicas) await replica.close()
})

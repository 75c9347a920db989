/** A claim that was not proved is looked at again, also where timers come a moment before their time. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import type { Request, Sender, Status } from '../../src/wire/messages.ts'
import type { World } from '../sim/world.ts'
import { Scene } from './fixtures.ts'

/** As those of Node are against its own clock. */
function withEarlyTimers(world: World): Clock {
  return {
    now: () => world.now(),
    after: (delayMs, task) => world.after(Math.max(0, delayMs - 0.5), task),
    soon: (task) => world.soon(task),
  }
}

/** A remote that only listens. */
function listener(requests: Request[]): Sender {
  const nothing = (): void => {}
  return {
    abilities: { seek: true, hash: true, cancel: true, refuse: true, waitsForEnd: false },
    writable: true,
    wantsAcks: false,
    status: nothing,
    have: nothing,
    unhave: nothing,
    bitfield: nothing,
    want: nothing,
    unwant: nothing,
    request: (request) => requests.push({ ...request }),
    cancel: nothing,
    data: nothing,
    refuse: nothing,
    flush: nothing,
    extension: () => true,
    close: nothing,
  }
}

test('a length that a peer did not prove is asked for again after a while, and after twice as long', async () => {
  const scene = new Scene()
  const { world } = scene
  const writer = await scene.writer(3)
  const clock = withEarlyTimers(world)
  const { replicator } = await scene.reader(writer, { clock })
  const requests: Request[] = []
  const handler = replicator.attach(listener(requests))
  const status: Status = {
    ...{ fork: 0, length: 3, remoteLength: 0, canUpgrade: true },
    ...{ uploading: true, downloading: true, hasManifest: true },
  }
  void replicator.block(0, { timeoutMs: 0 }).catch(() => {})
  handler.onStatus(status)
  handler.onFrameEnd()
  await world.run(10)
  const upgrades = (): Request[] => requests.filter(({ upgradeLength }) => upgradeLength > 0)
  assert.equal(upgrades().length, 1)

  for (const [times, waitMs] of [1_000, 2_000, 4_000].entries()) {
    const id = upgrades().at(-1)?.id ?? -1
    handler.onRefusal(id)
    handler.onFrameEnd()
    await world.run(waitMs / 2)
    assert.equal(upgrades().length, times + 1, 'not at once')
    await world.run(waitMs)
    assert.equal(upgrades().length, times + 2, `after ${waitMs} ms`)
  }
  replicator.close()
})

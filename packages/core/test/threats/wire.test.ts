/** What a remote may do in vain on a connection: one below each limit, and one above. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError, isCode } from '../../src/base/errors.ts'
import {
  OPENINGS_LOST_MAX,
  OPENINGS_LOST_PER_SECOND_MAX,
  STATUSES_PER_SECOND_MAX,
  STRAY_MESSAGES_PER_MINUTE_MAX,
} from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import type { Status } from '../../src/wire/messages.ts'
import { Scene } from '../replicator/fixtures.ts'
import { joinScripted } from '../sim/pipe.ts'
import { Ear, type ScriptedMux, scriptedMux } from '../wire/channels.ts'

/** An opening of channel 1 in a frame of its own: control, open, number, name, no id. */
const OPENING = '000101016100'
/** Its end, after it was paired. */
const CLOSING = '000301'
const STRAY = '4d00aa'

function receive(scripted: ScriptedMux, frame: string, count: number): void {
  for (let i = 0; i < count; i++) scripted.receive(frame)
}

test(`${OPENINGS_LOST_MAX} openings in vain are answered at once; of one more the rest has to wait`, () => {
  const scripted = scriptedMux()

  receive(scripted, OPENING, OPENINGS_LOST_MAX - 1)
  const below = scripted.transport.isPaused
  receive(scripted, OPENING, 1)
  const above = scripted.transport.isPaused
  scripted.clock.advance((OPENINGS_LOST_MAX * 1_000) / OPENINGS_LOST_PER_SECOND_MAX)
  const later = scripted.transport.isPaused

  assert.deepEqual([below, above, later], [false, true, false])
  assert.equal(scripted.ended(), undefined)
})

test('openings that are closed again at once count as in vain', () => {
  const scripted = scriptedMux()
  scripted.mux.pair('a', undefined, () => {
    scripted.mux.open({ protocol: 'a', handler: new Ear() })
    return true
  })

  for (let i = 0; i < OPENINGS_LOST_MAX; i++) {
    scripted.receive(OPENING)
    scripted.receive(CLOSING)
  }

  assert.equal(scripted.transport.isPaused, true)
})

test('a flood of openings in one frame is left in the middle, and read on later', () => {
  const scripted = scriptedMux()
  receive(scripted, OPENING, OPENINGS_LOST_MAX - 10)
  scripted.sent()
  const batch = new Writer(1_024)
  for (const byte of [0, 0, 0]) batch.u8(byte)
  // In a batch each message is behind its length; the first names its channel, 0.
  for (let i = 0; i < 10_000; i++) batch.buffer(Uint8Array.of(1, 1, 1, 0x61, 0))

  scripted.receive(hex(batch.view()))
  const answers = (): number => scripted.sent().reduce((sum, frame) => sum + frame.length / 2, 0)
  const first = answers()
  scripted.clock.advance(60_000)
  const rest = answers()

  assert.ok(first > 0 && first < 1_000, `${first} bytes of answers`)
  assert.ok(rest > 9_000 * 3, `${rest} bytes of answers`)
  assert.equal(scripted.ended(), undefined)
})

test(`${STRAY_MESSAGES_PER_MINUTE_MAX} messages for nobody are ignored, and one more ends the connection`, () => {
  const scripted = scriptedMux()

  receive(scripted, STRAY, STRAY_MESSAGES_PER_MINUTE_MAX)
  const below = scripted.ended()
  receive(scripted, STRAY, 1)

  assert.equal(below, undefined)
  const error = scripted.ended()
  assert.equal(error instanceof DatError ? error.code : error, 'OVER_LIMIT')
})

test('messages for nobody that come slowly are ignored without end', () => {
  const scripted = scriptedMux()

  for (let minute = 0; minute < 10; minute++) {
    receive(scripted, STRAY, STRAY_MESSAGES_PER_MINUTE_MAX / 2)
    receive(scripted, CLOSING, STRAY_MESSAGES_PER_MINUTE_MAX / 4)
    scripted.clock.advance(60_000)
  }

  assert.equal(scripted.ended(), undefined)
})

test('what was under way to a channel when we closed it counts for nothing, whatever it was before', () => {
  const scripted = scriptedMux()
  for (let i = 0; i < 3; i++) {
    const channel = scripted.mux.open({ protocol: 'a', handler: new Ear() })
    scripted.receive(OPENING)
    channel.close()

    receive(scripted, '0100aa', STRAY_MESSAGES_PER_MINUTE_MAX)
  }
  const below = scripted.ended()
  receive(scripted, '0100aa', 1)

  assert.equal(below, undefined)
  assert.equal(isCode(scripted.ended(), 'OVER_LIMIT'), true)
})

// ---- Statuses ------------------------------------------------------------------------------------

/** Says `count` statuses within a second, each of which wants an answer; returns the answers. */
async function answered(count: number): Promise<{ answers: number; later: number }> {
  const scene = new Scene()
  const writer = await scene.writer(8)
  let heard = 0
  const { sender } = joinScripted(scene.world, writer.replicator, () => ({
    onStatus: () => heard++,
  }))
  await scene.pass(5)
  heard = 0
  const status: Status = {
    fork: 0,
    length: 0,
    remoteLength: 0,
    canUpgrade: true,
    uploading: true,
    downloading: true,
    hasManifest: false,
  }
  for (let i = 0; i < count; i++) {
    sender.status({ ...status, remoteLength: i })
    await scene.pass(1)
  }
  await scene.pass(20)
  const answers = heard
  await scene.pass(2_000)
  return { answers, later: heard - answers }
}

test(`${STATUSES_PER_SECOND_MAX} statuses a second are answered, each of them`, async () => {
  const { answers, later } = await answered(STATUSES_PER_SECOND_MAX)

  assert.deepEqual([answers, later], [STATUSES_PER_SECOND_MAX, 0])
})

test('of more, the newest is answered when the second is over', async () => {
  const { answers, later } = await answered(STATUSES_PER_SECOND_MAX + 300)

  assert.deepEqual([answers, later], [STATUSES_PER_SECOND_MAX, 1])
})

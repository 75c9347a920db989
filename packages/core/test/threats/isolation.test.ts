/**
 * Several logs on one connection, and one of them is lied about: it ends at worst that channel. What is true comes from
 * somebody else, the liar is scored, backed off and named, and nothing waits for ever.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DISTRUST_MS, REQUESTS_INVALID_MAX, REST_MS_MIN } from '../../src/base/limits.ts'
import { hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Log } from '../../src/log/log.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import { openLog } from '../../src/wire/gen3.ts'
import type { Sender } from '../../src/wire/messages.ts'
import { Side } from '../wire/conversations.ts'
import {
  BLOCKS,
  block,
  connectLiar,
  connectOwner,
  connectStranger,
  flipBehind,
  LIAR,
  newCase,
  OWNER,
} from './support.ts'

const heldRight = (log: Log, name: string): number => {
  let held = 0
  for (let i = 0; i < log.length; i++) {
    const bytes = log.peek(i)
    if (bytes === undefined) continue
    assert.deepEqual(bytes, block(name, i), 'nothing but the truth is kept')
    held++
  }
  return held
}

test('forged blocks of one log cost that channel; the truth comes from another peer, and the liar is named', async () => {
  const scene = await newCase()
  const { world, reader, bad, good, news } = scene
  const connection = connectLiar(scene, (frame) => flipBehind(frame, utf8('bad block '), 12))
  const downloads = [bad, good].map((log) => log.download({ start: 0, end: BLOCKS }))
  const waiting = bad.get(7, { timeoutMs: 0 })

  await world.run(60_000)
  const alone = [heldRight(bad, 'bad'), heldRight(good, 'good')]
  const { peers } = reader.traffic
  connectOwner(scene)
  await world.run(20_000)

  assert.deepEqual(alone, [0, BLOCKS])
  assert.equal(connection.closed, false)
  assert.deepEqual([heldRight(bad, 'bad'), await waiting], [BLOCKS, block('bad', 7)])
  assert.deepEqual(new Set(news.map(({ peer }) => peer)), new Set([hex(LIAR)]))
  assert.deepEqual([...new Set(news.map(({ name }) => name))], ['wrong-proof', 'offence'])
  assert.deepEqual(
    peers.map(({ remotePublicKey, offences }) => [remotePublicKey, offences > 0]),
    [[LIAR, true]],
  )
  assert.equal(
    reader.traffic.peers.find((peer) => peer.remotePublicKey[0] === OWNER[0])?.offences,
    0,
  )
  for (const download of downloads) await download.done()
})

test('a bad signature on one log costs that log nothing but the peer', async () => {
  const scene = await newCase()
  const { world, owner, bad, good, news } = scene
  const { signature } = (await owner.get({ name: 'bad' })).replica.slot.head
  assert.ok(signature !== undefined)
  const connection = connectLiar(scene, (frame) => flipBehind(frame, signature.subarray(8, 40), 3))
  good.download({ start: 0, end: BLOCKS })
  bad.download({ start: 0, end: BLOCKS })

  await world.run(60_000)
  const alone = [bad.length, heldRight(good, 'good')]
  connectOwner(scene)
  await world.run(20_000)

  assert.deepEqual(alone, [0, BLOCKS])
  assert.equal(connection.closed, false)
  assert.equal(heldRight(bad, 'bad'), BLOCKS)
  assert.ok(news.length > 0 && news.every(({ peer }) => peer === hex(LIAR)))
  assert.ok(
    news.some(({ code }) => code === 'BAD_SIGNATURE'),
    JSON.stringify(news),
  )
})

test('a wrong capability for one log closes that channel, and is asked for less and less often', async () => {
  const scene = await newCase()
  const { world, bad, good, news } = scene
  // The capability stands behind the id: a length, and one byte of flags.
  const connection = connectLiar(scene, (frame) => flipBehind(frame, bad.discoveryKey, 32 + 1 + 5))
  good.download({ start: 0, end: BLOCKS })
  bad.download({ start: 0, end: BLOCKS })

  await world.run(60_000)
  const alone = [bad.peerCount, heldRight(good, 'good'), connection.closed]
  const early = news.length
  await world.run(10 * DISTRUST_MS)
  const late = news.length - early
  connectOwner(scene)
  await world.run(20_000)

  assert.deepEqual(alone, [0, BLOCKS, false])
  assert.equal(heldRight(bad, 'bad'), BLOCKS)
  assert.ok(early > 0 && early < 10, `${early} in a minute`)
  assert.ok(late <= 15, `${late} in a hundred minutes`)
  assert.deepEqual(new Set(news.map(({ code }) => code)), new Set(['BAD_HANDSHAKE']))
})

test('who does not know the key of a log opens no channel about it, and every other one', async () => {
  const { world, owner, bad, good } = await newCase()
  const { mux, connection } = connectStranger(world, owner)
  const [wrong, right] = [new Side(OWNER, bad.discoveryKey), new Side(good.key)]

  openLog(mux, wrong)
  openLog(mux, right)
  await world.run(1_000)

  // The owner holds the log, and opens it too: that tells nothing to who does not know the key.
  assert.ok(wrong.lines.length > 0 && wrong.lines.every((line) => line.startsWith('refused')))
  assert.deepEqual(owner.peers(bad.discoveryKey), [])
  assert.equal(right.lines[0], 'open')
  assert.deepEqual([connection.logCount, connection.closed], [1, false])
})

test('an undecodable message on one log is the frame itself being broken: that ends the connection, and rests', async () => {
  const { world, owner, good } = await newCase()
  const { mux, connection, transport } = connectStranger(world, owner)
  openLog(mux, new Side(good.key))
  await world.run(100)

  // A Request on the first channel that ends in the middle of a number.
  transport.send(Uint8Array.of(1, 1, 0xfd))
  await world.run(100)
  const again = connectStranger(world, owner).connection
  await world.run(2 * REST_MS_MIN)
  const later = connectStranger(world, owner).connection

  assert.equal(connection.closed, true)
  assert.equal((await connection.ended)?.name, 'DatError')
  assert.deepEqual([again.closed, later.closed], [true, false])
})

/** Requests for a proof that leads nowhere. */
function flood(sender: Sender, count: number): void {
  for (let id = 1; id <= count; id++) {
    sender.request({ id, priority: 0, ...NOTHING_ASKED, block: 1, nodes: 40 })
  }
}

test('a flood on one log ends its channel, which rests longer each time; the others go on', async () => {
  const { world, owner, bad, good } = await newCase()
  const offences: { code: string; restMs: number }[] = []
  owner.events.on('offence', ({ error, restMs }) => offences.push({ code: error.code, restMs }))
  const { mux, connection } = connectStranger(world, owner)
  const other = new Side(good.key)
  openLog(mux, other)
  await world.run(100)

  const opened: boolean[] = []
  for (let round = 0; round < 3; round++) {
    const side = new Side(bad.key)
    openLog(mux, side)
    await world.run(50)
    opened.push(side.lines[0] === 'open')
    if (side.sender !== undefined) flood(side.sender, 2 * REQUESTS_INVALID_MAX)
    await world.run(50)
    const early = new Side(bad.key)
    openLog(mux, early)
    await world.run(50)
    opened.push(early.lines[0] === 'open')
    await world.run(60_000)
  }
  other.sender?.request({ id: 9, priority: 0, ...NOTHING_ASKED, block: 3 })
  await world.run(100)

  assert.deepEqual(opened, [true, false, true, false, true, false])
  assert.deepEqual(
    offences.map(({ code, restMs }) => [code, restMs]),
    [1, 2, 4].map((times) => ['OVER_LIMIT', times * REST_MS_MIN]),
  )
  assert.ok(
    other.lines.some((line) => line.startsWith('data 9')),
    other.lines.join('\n'),
  )
  assert.deepEqual([connection.closed, connection.logCount], [false, 1])
})

test('with nobody but a liar every wait ends, with its reason', async () => {
  const scene = await newCase()
  const { world, bad } = scene
  connectLiar(scene, (frame) => flipBehind(frame, utf8('bad block '), 12))
  const ends: string[] = []
  const end = (what: string, wait: Promise<unknown>): void => {
    wait.then(
      () => ends.push(`${what}: done`),
      (error: { code?: string }) => ends.push(`${what}: ${error.code}`),
    )
  }

  end('update', bad.update())
  end('get', bad.get(5))
  end('far', bad.get(BLOCKS + 5))
  end('range', bad.download({ start: 0, end: BLOCKS }).done())
  end('copies', bad.replicated({ copies: 3, timeoutMs: 30_000 }))
  await world.run(120_000)

  assert.deepEqual(ends.sort(), [
    'copies: TIMEOUT',
    'far: NOT_AVAILABLE',
    'get: TIMEOUT',
    'range: TIMEOUT',
    'update: done',
  ])
})

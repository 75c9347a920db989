/** Old logs on today's connections, between nodes of this project. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { hasFeed, openFeed, pairFeeds } from '../../src/wire/feed-mux.ts'
import { openLog } from '../../src/wire/gen3.ts'
import type { Mux } from '../../src/wire/mux.ts'
import { muxPair } from './channels.ts'
import { KEY, OTHER_KEY, Side } from './conversations.ts'
import { FeedSide, talk } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

function pair(): { clock: TestClock; muxes: [Mux, Mux] } {
  const clock = new TestClock()
  return { clock, muxes: muxPair(clock) }
}

test('an old log is spoken about beside a log of today with the same key', () => {
  const { clock, muxes } = pair()
  const [near, far] = [new FeedSide(), new FeedSide()]
  const [today, there] = [new Side(), new Side()]
  openFeed(muxes[0], near, { clock })
  openLog(muxes[0], today)
  openFeed(muxes[1], far, { clock, acks: true })
  openLog(muxes[1], there)
  clock.run()
  near.sender?.extension('x', utf8('old'))
  today.sender?.extension('x', utf8('new'))
  clock.run()

  assert.deepEqual([near.take(), far.take()], [['open'], ['open', 'extension x 6f6c64']])
  assert.deepEqual(
    there.lines.filter((line) => line !== 'end'),
    ['open', 'extension x 6e6577'],
  )
  assert.deepEqual([near.sender?.wantsAcks, far.sender?.wantsAcks], [true, false])
  assert.ok(hasFeed(muxes[0], near.discoveryKey))
})

test('between nodes of this project nobody waits to be let go, as old programs do', () => {
  const { clock, muxes } = pair()
  const [near, far] = [new FeedSide(), new FeedSide()]
  openFeed(muxes[0], near, { clock })
  openFeed(muxes[1], far, { clock })
  clock.run()

  const waits = (side: FeedSide) => side.sender?.abilities.waitsForEnd
  const old = [talk(1), talk(2)].map(({ near_ }) => waits(near_))
  assert.deepEqual([waits(near), waits(far), ...old], [false, false, true, true])
})

test('a log that is stored is opened for who proves that he knows its key', () => {
  const { clock, muxes } = pair()
  const served = new FeedSide()
  const opened: string[] = []
  pairFeeds(muxes[1], {
    keyOf: (id) => (id[0] === served.discoveryKey[0] ? KEY : undefined),
    open() {
      opened.push('asked')
      openFeed(muxes[1], served, { clock })
    },
  })
  const right = new FeedSide()
  openFeed(muxes[0], right, { clock })
  clock.run()
  assert.deepEqual([opened, right.take(), served.take()], [['asked'], ['open'], ['open']])

  const none = new FeedSide(OTHER_KEY)
  openFeed(muxes[0], none, { clock })
  clock.run()
  assert.deepEqual(none.take(), ['refused'])
})

test('who does not know the key is refused, whoever opens first', () => {
  for (const isFirst of [true, false]) {
    const { clock, muxes } = pair()
    const id = discoveryKey(KEY)
    const [secret, wrong] = [new FeedSide(KEY, id), new FeedSide(OTHER_KEY, id)]
    if (isFirst) openFeed(muxes[1], secret, { clock })
    openFeed(muxes[0], wrong, { clock })
    clock.run()
    if (!isFirst) {
      pairFeeds(muxes[1], { keyOf: () => KEY, open: () => assert.fail() })
      openFeed(muxes[0], new FeedSide(OTHER_KEY, discoveryKey(OTHER_KEY)), { clock })
      clock.run()
    } else assert.deepEqual(secret.take(), ['refused BAD_HANDSHAKE'])
    assert.match(wrong.take()[0] ?? '', /^refused/)
    assert.equal(muxes[0].closed, false)
  }
})

test('bytes that are no message end the conversation and not the connection', () => {
  const { clock, muxes } = pair()
  const far = new FeedSide()
  openFeed(muxes[1], far, { clock })
  const ear = new FeedSide()
  openFeed(muxes[0], ear, { clock })
  clock.run()
  far.during = (line) => {
    if (line.startsWith('unhave')) throw new Error('no')
  }
  far.sender?.want(0, 1)
  clock.run()
  ear.sender?.have(0, 1)
  ear.sender?.unhave(0, 1)
  clock.run()

  assert.equal(far.take().at(-1), 'close no')
  assert.equal(ear.take().at(-1), 'close')
  assert.deepEqual([muxes[0].closed, muxes[1].closed], [false, false])
})

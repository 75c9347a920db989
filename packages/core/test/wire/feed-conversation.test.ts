/** Two of our own ends of generation 2, and what either makes of the other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FEED_WANT_BLOCKS, FEED_WANTS_IN_FLIGHT_MAX } from '../../src/base/limits.ts'
import { hex, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { FEED_HAVE, FEED_WANT, writeFeedRange } from '../../src/wire/feed-messages.ts'
import type { Request } from '../../src/wire/messages.ts'
import { KEY, OTHER_KEY } from './conversations.ts'
import { attack } from './feed-attack.ts'
import { answer, asking, ends, FeedSide, proofOf, STATUS, talk } from './feed-ends.ts'

test('nothing about a log goes to who does not know its key, and the others stay', () => {
  const { near, far, clock, lines } = ends(2)
  const id = discoveryKey(OTHER_KEY)
  const [right, wrong] = [new FeedSide(), new FeedSide(new Uint8Array(32).fill(9), id)]
  const [served, secret] = [new FeedSide(), new FeedSide(OTHER_KEY)]
  near.open(wrong)
  near.open(right)
  far.open(secret)
  far.open(served)
  clock.run()

  assert.deepEqual(secret.take(), ['refused BAD_HANDSHAKE'])
  assert.equal(wrong.take()[0]?.startsWith('refused'), true)
  assert.deepEqual([right.take(), served.take()], [['open'], ['open']])
  assert.deepEqual(lines.sort(), ['far ready', 'near ready'])
})

test('a log that the other end has not opened can be opened when it is asked for, at once or later', () => {
  for (const later of [false, true]) {
    const asked: string[] = []
    const served = new FeedSide()
    let open = (): void => undefined
    const pair = ends(2, {
      far: {
        onFeed(key) {
          asked.push(hex(key))
          open = () => void pair.far.open(served)
          if (!later) open()
          return later
        },
      },
    })
    const near = new FeedSide()
    pair.near.open(near)
    pair.clock.run()
    if (later) open()
    pair.clock.run()

    assert.deepEqual(asked, [hex(near.discoveryKey)])
    assert.deepEqual([near.take(), served.take()], [['open'], ['open']])
  }
})

test('a log that nobody has here is refused, and can be opened again when it has come', () => {
  let has = false
  const served = new FeedSide()
  const pair = ends(2, {
    far: {
      onFeed() {
        if (has) pair.far.open(served)
        return false
      },
    },
  })
  const near = new FeedSide()
  pair.near.open(near)
  pair.clock.run()
  assert.deepEqual(near.take(), ['refused'])

  has = true
  pair.near.open(near)
  pair.clock.run()
  assert.deepEqual([near.take(), served.take()], [['open'], ['open']])
})

test('closing one log leaves the other, and it can be opened again under a new number', () => {
  const { near, far, clock, near_, far_ } = talk(2)
  const [a, b] = [new FeedSide(OTHER_KEY), new FeedSide(OTHER_KEY)]
  near.open(a)
  far.open(b)
  clock.run()
  a.sender?.close()
  clock.run()
  assert.deepEqual(
    [a.take(), b.take()],
    [
      ['open', 'close'],
      ['open', 'close'],
    ],
  )
  assert.deepEqual([near.feedCount, far.feedCount], [1, 1])

  near_.sender?.extension('still', utf8('here'))
  near.open(a)
  far.open(b)
  clock.run()
  assert.deepEqual(far_.take(), [`extension still ${hex(utf8('here'))}`])
  assert.deepEqual([a.take(), b.take()], [['open'], ['open']])
})

test('an error in what is made of a message ends that log and not the connection', () => {
  const { clock, near_, far_, lines } = talk(2)
  far_.during = (line) => {
    if (line.startsWith('unhave')) throw new Error('no')
  }
  near_.sender?.status(STATUS)
  clock.run()
  far_.take()
  far_.sender?.status(STATUS)
  clock.run()
  near_.sender?.have(0, 2)
  near_.sender?.unhave(1, 1)
  clock.run()

  assert.equal(far_.take().at(-1), 'close no')
  assert.equal(near_.take().at(-1), 'close')
  assert.deepEqual(lines.sort(), ['far ready', 'near ready'])
})

test('an upgrade is asked for with the hash of the last block', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.request(asking({ id: 5, upgradeStart: 2, upgradeLength: 5, digest: 9 }))
  clock.run()

  const heard: Request = JSON.parse(far_.take()[0]?.replace('request ', '') ?? '')
  assert.deepEqual([heard.block, heard.hash, heard.digest, heard.upgradeLength], [-1, 12, 9, 0])

  const proof = proofOf({
    index: 6,
    nodes: [{ index: 12, hash: '77'.repeat(32), size: 4 }],
    signature: '55'.repeat(64),
  })
  far_.sender?.data(heard.id, proof, 0, () => undefined)
  clock.run()
  assert.deepEqual(near_.take(), ['data 5 hash 12'])
  assert.deepEqual(near_.proofs, [proof])
})

test('two requests for one block go one after the other, and each has its answer', () => {
  const { clock, near_, far_ } = talk(2)
  const hash = proofOf({ index: 3, nodes: [{ index: 6, hash: '77'.repeat(32), size: 4 }] })
  near_.sender?.request(asking({ id: 1, block: 3, digest: 1 }))
  near_.sender?.request(asking({ id: 2, hash: 6, digest: 2 }))
  near_.sender?.request(asking({ id: 3, block: 4, digest: 0 }))
  clock.run()
  const idOf = (line: string | undefined): number =>
    JSON.parse(line?.replace('request ', '') ?? '').id
  const [first, third, ...more] = far_.take()
  assert.equal(more.length, 0)

  answer(far_, idOf(third), { index: 4, value: 'bb' })
  answer(far_, idOf(first), { index: 3, value: 'aa' })
  clock.run()
  assert.deepEqual(near_.take(), ['data 3 block 4 bb', 'data 1 block 3 aa'])

  const [second] = far_.take()
  far_.sender?.data(idOf(second), hash, 0, () => undefined)
  clock.run()
  assert.deepEqual(near_.take(), ['data 2 hash 6'])
})

test('the answer to a request that was cancelled is dropped, and only then is the block asked for again', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.request(asking({ id: 1, block: 3, digest: 0 }))
  near_.sender?.cancel(1)
  near_.sender?.request(asking({ id: 2, block: 3, digest: 0 }))
  clock.run()
  const asked = far_.take()
  assert.equal(asked.length, 1)

  answer(far_, 1, { index: 3, value: 'aa' })
  clock.run()
  assert.deepEqual(near_.take(), [])

  answer(far_, 2, { index: 3, value: 'aa' })
  clock.run()
  assert.deepEqual(near_.take(), ['data 2 block 3 aa'])
})

test('what was not asked for is not handed over', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.request(asking({ id: 1, block: 3, digest: 0 }))
  clock.run()
  answer(far_, 1, { index: 4, value: 'aa' })
  clock.run()

  assert.deepEqual(near_.take(), [])
})

test('a block that is gone is a refusal: by word, or by its hash alone', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.request(asking({ id: 1, block: 3, digest: 0 }))
  near_.sender?.request(asking({ id: 2, block: 5, digest: 0 }))
  clock.run()
  far_.sender?.refuse(1, 'unavailable')
  const hash = proofOf({ index: 5, nodes: [{ index: 10, hash: '77'.repeat(32), size: 4 }] })
  far_.sender?.data(2, hash, 0, () => undefined)
  clock.run()

  assert.deepEqual(near_.take(), ['unhave 3 1', 'refusal 1 unavailable', 'data 2 hash 10'])
})

test('a byte position is answered with the block that holds it, whatever was named', () => {
  const { clock, near_, far_ } = talk(2)
  far_.sender?.have(0, 9)
  near_.sender?.status(STATUS)
  clock.run()
  far_.take()
  near_.take()
  near_.sender?.request(asking({ id: 7, seekBytes: 60 }))
  near_.sender?.request(asking({ id: 8, seekBytes: 70 }))
  clock.run()
  const [first, ...more] = far_.take()
  assert.equal(more.length, 0)
  const { id, seekBytes, hash }: Request = JSON.parse(first?.replace('request ', '') ?? '')
  assert.deepEqual([seekBytes, hash], [60, 16])

  far_.sender?.data(
    id,
    proofOf({ index: 4, nodes: [{ index: 8, hash: '77'.repeat(32), size: 14 }] }),
    0,
    () => undefined,
  )
  clock.run()
  assert.deepEqual(near_.take(), ['data 7 hash 8'])
  assert.equal(near_.proofs[0]?.seekBytes, 60)
  assert.equal(far_.take().length, 1)
})

test('the leaf of a block that is gone is not taken for the answer to a byte position', () => {
  const { clock, near_, far_ } = talk(2)
  far_.sender?.have(0, 9)
  near_.sender?.status(STATUS)
  clock.run()
  far_.take()
  near_.take()
  near_.sender?.request(asking({ id: 1, block: 5, digest: 0 }))
  near_.sender?.request(asking({ id: 2, seekBytes: 60 }))
  clock.run()
  far_.sender?.unhave(5, 1)
  const leaf = (index: number) =>
    proofOf({ index, nodes: [{ index: 2 * index, hash: '77'.repeat(32), size: 14 }] })
  far_.sender?.data(1, leaf(5), 0, () => undefined)
  far_.sender?.data(2, leaf(4), 0, () => undefined)
  clock.run()

  assert.deepEqual(near_.take(), ['unhave 5 1', 'refusal 1 unavailable', 'data 2 hash 8'])
})

test('receipts are asked for, given, and believed for what was sent only', () => {
  const { clock, near_, far_ } = talk(2, { far: { acks: true } })
  assert.deepEqual([near_.sender?.wantsAcks, far_.sender?.wantsAcks], [true, false])
  near_.sender?.request(asking({ id: 1, block: 3, digest: 0 }))
  clock.run()
  answer(far_, 1, { index: 3, value: 'aa' })
  clock.run()
  far_.take()
  near_.sender?.have(3, 1, true)
  near_.sender?.have(4, 1, true)
  clock.run()

  assert.deepEqual(
    far_.take().filter((line) => !line.startsWith('status')),
    ['receipt 3 1', 'have 4 1'],
  )
})

test('news is told after the first Want, each block once, and a Want has one answer', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.have(0, 2)
  clock.run()
  assert.deepEqual(far_.take(), [])

  far_.sender?.status(STATUS)
  near_.during = (line) => {
    // What is described in the next turn belongs into the answer.
    if (line.startsWith('want')) near_.sender?.bitfield(0, Uint32Array.of(0b1011))
  }
  clock.run()
  assert.deepEqual(far_.take().slice(1), ['have 3 1', 'bitfield 0 11'])

  near_.sender?.have(0, 5)
  clock.run()
  assert.deepEqual(far_.take().slice(-1), ['have 2 3'])
  near_.sender?.have(0, 5)
  near_.sender?.unhave(1, 2)
  clock.run()
  assert.deepEqual(far_.take(), ['unhave 1 2'])
})

test('so many Wants are under way at most as an old peer answers; the others follow their answers', () => {
  const lazy = attack()
  const side = new FeedSide(KEY)
  lazy.mux.open(side)
  lazy.open(1, KEY)
  lazy.clock.run()
  const wanted = (): number => lazy.frames.filter(([, type]) => type === FEED_WANT).length
  side.sender?.want(0, FEED_WANTS_IN_FLIGHT_MAX * FEED_WANT_BLOCKS)
  lazy.clock.run()
  const below = wanted()
  side.sender?.want(0, (FEED_WANTS_IN_FLIGHT_MAX + 2) * FEED_WANT_BLOCKS)
  lazy.clock.run()
  const above = wanted()
  const answer = new Writer()
  writeFeedRange(answer, FEED_WANT_BLOCKS, FEED_WANT_BLOCKS, Uint8Array.of(0))
  lazy.send(1, FEED_HAVE, answer.take())
  lazy.clock.run()
  assert.deepEqual([below, above, wanted()], [16, 16, 17])

  const { clock, near_, far_ } = talk(2)
  near_.sender?.want(0, 20 * FEED_WANT_BLOCKS)
  clock.run()
  const wants = far_.take()
  assert.equal(wants.length, 20)
  assert.equal(wants.at(-1), `want ${19 * FEED_WANT_BLOCKS} ${FEED_WANT_BLOCKS} false`)

  near_.sender?.want(0, 20 * FEED_WANT_BLOCKS)
  clock.run()
  assert.deepEqual(far_.take(), [])
})

test('a remote that has lost everything has a length of 0 again', () => {
  const { clock, near_, far_ } = talk(2)
  near_.sender?.status(STATUS)
  far_.sender?.have(0, 9)
  clock.run()
  near_.take()
  far_.sender?.unhave(0, 9)
  clock.run()

  assert.deepEqual(near_.take(), ['unhave 0 9', `status ${JSON.stringify(STATUS)}`])
})

test('while the connection is full nothing is answered, and afterwards it is', () => {
  const { clock, near_, far_, bytes } = talk(2)
  near_.sender?.have(0, 3)
  bytes[0].isFull = true
  assert.equal(near_.sender?.writable, false)
  far_.sender?.status(STATUS)
  clock.run()
  assert.deepEqual(far_.take(), [])

  bytes[0].drained()
  clock.run()
  assert.equal(far_.take().length, 3)
  assert.ok(near_.take().includes('writable'))
})

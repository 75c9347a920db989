/** Generation 1 on the wire: exchanges of hypercore 7 byte for byte, and what is decided without a proof of anything. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GEN1_KEEP_ALIVE_MS } from '../../src/base/limits.ts'
import { concat, fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { crypto } from '../../src/crypto/crypto.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { openFeedStream } from '../../src/wire/feed-stream.ts'
import type { FeedMuxer, FeedStreamOptions } from '../../src/wire/feeds.ts'
import type { Request } from '../../src/wire/messages.ts'
import { vectors } from '../vectors.ts'
import { KEY, OTHER_KEY } from './conversations.ts'
import {
  answer,
  asking,
  codeOf,
  type DataValue,
  ends,
  FeedSide,
  MemoryBytes,
  proofOf,
  STATUS,
  talk,
} from './feed-ends.ts'
import { TestClock } from './simulated.ts'

interface Row {
  readonly key: string
  readonly contentKey?: string
  readonly chunks: { readonly dir: string; readonly hex: string }[]
  readonly frames: {
    readonly dir: string
    readonly type: string
    readonly message: Message
    readonly frame: string
  }[]
}

interface Message extends DataValue {
  readonly nonce: string
  readonly id: string
}

/** One of the two of a recorded exchange. */
function play(
  row: Row,
  ours: 'A' | 'B',
  options: Partial<FeedStreamOptions>,
): {
  clock: TestClock
  bytes: MemoryBytes
  mux: FeedMuxer
  said: string
  hear: (chunks?: number) => void
} {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const frames = row.frames.filter(({ dir }) => dir?.startsWith(ours))
  const mux = openFeedStream(
    bytes,
    { generation: 1, isInitiator: ours === 'A', clock, ...options },
    { nonce: fromHex(frames[0]?.message.nonce ?? ''), id: fromHex(frames[1]?.message.id ?? '') },
  )
  const chunks = row.chunks.filter(({ dir }) => dir !== undefined && !dir.startsWith(ours))
  const said = row.chunks.filter(({ dir }) => dir?.startsWith(ours)).map((one) => one.hex)
  const hear = (count = chunks.length): void => {
    for (const chunk of chunks.splice(0, count)) {
      bytes.take(fromHex(chunk.hex))
      clock.run()
    }
  }
  return { clock, bytes, mux, said: said.join(''), hear }
}

test('who holds a log says byte for byte what hypercore 7 said, receipts and extensions with it', () => {
  const row = vectors<Row>('gen1/trace-hypercore7-live')
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ message }) => message)
  const side = new FeedSide(fromHex(row.key))
  side.during = (line) => {
    if (line === 'open') side.sender?.have(0, 5)
    const found = /^request (.*)$/.exec(line)
    if (found === null) return
    const { id, block }: Request = JSON.parse(found[1] ?? '')
    const answer = data.find(({ index }) => index === block)
    if (answer === undefined) return
    const value = fromHex(answer.value ?? '')
    side.sender?.data(id, proofOf(answer), value.length, (into, at) => into.set(value, at))
  }
  const { clock, bytes, mux, said, hear } = play(row, 'A', {
    acks: true,
    extensions: ['session-data', 'ephemeral'],
  })
  mux.open(side)

  // Feed, Handshake, Want, five blocks with their receipts.
  hear(13)
  side.sender?.have(5, 1)
  clock.run()
  hear(2)
  side.sender?.extension('ephemeral', utf8('from A'))
  side.sender?.extension('session-data', utf8('not understood by B'))
  side.sender?.extension('not in the list', utf8('?'))
  clock.run()
  hear()
  side.sender?.unhave(2, 1)
  clock.run()

  const keepAlive = 2
  assert.equal(hex(bytes.written), said.slice(0, said.length - keepAlive))
  const lines = side.take()
  assert.deepEqual(
    lines.filter((line) => line.startsWith('receipt')),
    [4, 0, 1, 2, 3, 5].map((block) => `receipt ${block} 1`),
  )
  assert.deepEqual(
    lines.filter((line) => line.startsWith('extension')),
    [`extension hello ${hex(utf8('unknown to A'))}`, `extension ephemeral ${hex(utf8('from B'))}`],
  )
  assert.equal(hex(mux.remotePublicKey), 'bb'.repeat(32))
})

test('who reads hears what hypercore 7 said, and is asked for receipts', () => {
  const row = vectors<Row>('gen1/trace-hypercore7-live')
  const side = new FeedSide(fromHex(row.key))
  const { mux, hear } = play(row, 'B', {})
  mux.open(side)
  side.during = (line) => {
    if (line === 'open') side.sender?.status(STATUS)
    if (line === 'have 4 1') {
      for (const block of [4, 0, 1, 2, 3]) {
        side.sender?.request(asking({ id: block + 1, block, digest: 0 }))
      }
    }
  }
  hear()

  const data = row.frames.filter(({ type }) => type === 'Data').map(({ message }) => message)
  assert.deepEqual(side.proofs, data.slice(0, 5).map(proofOf))
  assert.equal(side.sender?.wantsAcks, true)
  assert.deepEqual(
    side.take().filter((line) => /^(have|bitfield|unhave|extension)/.test(line)),
    [
      'have 4 1',
      'bitfield 0 31',
      'have 5 1',
      `extension ephemeral ${hex(utf8('from A'))}`,
      `extension session-data ${hex(utf8('not understood by B'))}`,
      'unhave 2 1',
    ],
  )
})

test('who serves a clone that is made once says what hypercore 7 said, to its end', () => {
  const row = vectors<Row>('gen1/trace-hypercore7-once')
  const key = fromHex(row.key)
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ message }) => message)
  const side = new FeedSide(key)
  const asked = new Map<number, number>()
  side.during = (line) => {
    if (line === 'open') side.sender?.have(0, 3)
    if (/^status .*"downloading":false/.test(line)) side.sender?.close()
    const found = /^request (.*)$/.exec(line)
    if (found === null) return
    const { id, block }: Request = JSON.parse(found[1] ?? '')
    asked.set(block, id)
    if (asked.size < 3) return
    for (const value of data) answer(side, asked.get(value.index) ?? 0, value)
  }
  const { bytes, mux, hear } = play(row, 'A', {})
  mux.open(side)
  hear()

  // Ours is always one that goes on (`live` of the Handshake), so what follows that is compared below its cipher.
  const theirs = row.frames.filter(({ dir }) => dir?.startsWith('A'))
  const [feed, handshake, ...rest] = theirs.map(({ frame }) => frame)
  const opening = (feed ?? '').length / 2
  const said = bytes.written.slice(opening)
  crypto().xsalsa20(said, fromHex(theirs[0]?.message.nonce ?? ''), key)
  assert.equal(hex(bytes.written.subarray(0, opening)), feed)
  assert.equal(hex(said), (handshake ?? '').replace('10002800', '10012800') + rest.join(''))
  assert.equal(mux.feedCount, 0)
})

test('an archive of hyperdrive 9 has both of its logs on one stream', () => {
  const row = vectors<Row>('gen1/trace-hyperdrive9-live')
  const metadata = new FeedSide(fromHex(row.key))
  const content = new FeedSide(fromHex(row.contentKey ?? ''))
  const asked: string[] = []
  const { mux, hear } = play(row, 'B', {
    onFeed(key) {
      asked.push(hex(key))
      mux.open(content)
      return false
    },
  })
  mux.open(metadata)
  hear()

  assert.deepEqual(asked, [hex(content.discoveryKey)])
  assert.ok(metadata.take().length > 1)
  assert.ok(content.take().includes('open'))
  assert.equal(mux.feedCount, 2)
})

// ---- Two of ours ---------------------------------------------------------------------------------

test('who is dialled learns from the first bytes what is spoken, and which log is wanted', () => {
  const asked: string[] = []
  const served = new FeedSide()
  const pair = ends(1, {
    far: {
      onFeed(key) {
        asked.push(hex(key))
        pair.far.open(served)
        return true
      },
    },
  })
  const near = new FeedSide()
  pair.near.open(near)
  pair.clock.run()

  assert.equal(pair.far.generation, 1)
  assert.deepEqual(asked, [hex(discoveryKey(KEY))])
  assert.deepEqual([near.take(), served.take()], [['open'], ['open']])
  assert.deepEqual(pair.lines, ['near ready', 'far ready'])
})

test('the first log can be opened when its bytes have come, and nothing is lost', () => {
  let open = (): void => undefined
  const served = new FeedSide()
  const pair = ends(1, {
    far: {
      onFeed() {
        open = () => void pair.far.open(served)
        return true
      },
    },
  })
  for (const bytes of pair.bytes) bytes.pieceBytes = 1
  const near = new FeedSide()
  pair.near.open(near)
  pair.clock.run()
  assert.deepEqual(near.take(), [])

  open()
  pair.clock.run()
  assert.deepEqual([near.take(), served.take()], [['open'], ['open']])
})

test('a connection for a log that is not here ends, and so does one with a wrong key', () => {
  const none = ends(1, { far: { onFeed: () => false } })
  none.near.open(new FeedSide())
  none.clock.run()
  assert.ok(none.lines.includes('far closed BAD_HANDSHAKE'))

  const wrong = ends(1)
  const id = discoveryKey(KEY)
  wrong.near.open(new FeedSide(OTHER_KEY, id))
  wrong.far.open(new FeedSide(KEY, id))
  wrong.clock.advance(5_000)
  // What the other says is noise: a frame that is too long, no handshake, or one that never ends.
  assert.match(wrong.lines.join(), /closed (BAD_HANDSHAKE|OVER_LIMIT|TIMEOUT)/)
  assert.ok(wrong.near.closed)
})

test('who dials and hears of another log first ends the connection', () => {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const lines: string[] = []
  const mux = openFeedStream(bytes, {
    generation: 1,
    isInitiator: true,
    clock,
    onClose: (error) => lines.push(error === undefined ? '' : codeOf(error)),
  })
  mux.open(new FeedSide(KEY))
  const hello = concat(
    fromHex('3d000a20'),
    discoveryKey(OTHER_KEY),
    fromHex('1218'),
    new Uint8Array(24),
  )
  bytes.take(hello)
  clock.run()

  assert.deepEqual(lines, ['BAD_HANDSHAKE'])
})

test('more logs follow on channels of their own; one that the other side lacks just waits', () => {
  const { near, far, clock, near_, far_ } = talk(1)
  const second = new FeedSide(OTHER_KEY)
  near.open(second)
  clock.run()
  assert.deepEqual(second.take(), [])

  const there = new FeedSide(OTHER_KEY)
  far.open(there)
  clock.run()
  assert.deepEqual([second.take(), there.take()], [['open'], ['open']])
  there.sender?.have(0, 1)
  second.sender?.status(STATUS)
  clock.run()
  assert.deepEqual(second.take().slice(-2), ['have 0 1', 'bitfield 0 1'])
  assert.deepEqual([near_.take(), far_.take()], [[], []])
})

test('what ends a conversation ends no other, and is told as far as the wire can', () => {
  const { near, far, clock, near_, far_, lines } = talk(1)
  const [a, b] = [new FeedSide(OTHER_KEY), new FeedSide(OTHER_KEY)]
  near.open(a)
  far.open(b)
  clock.run()
  b.during = (line) => {
    if (line.startsWith('extension')) throw new Error('no')
  }
  near_.sender?.extension('x', utf8('1'))
  clock.run()
  assert.deepEqual(far_.take(), [])
  a.sender?.want(0, 1)
  b.sender?.close(new Error('enough'))
  clock.run()

  assert.ok(b.take().includes('close enough'))
  assert.match(a.take().at(-1) ?? '', /"uploading":false,"downloading":false/)
  near_.sender?.want(0, 1)
  clock.run()
  assert.deepEqual(far_.take(), ['want 0 1048576 false'])
  assert.equal(lines.length, 2)
})

test('extensions and the wish for receipts are said once for the whole connection', () => {
  const { clock, near_, far_ } = talk(1, {
    near: { extensions: ['b', 'a'], acks: true },
    far: { extensions: ['c', 'b'] },
  })
  assert.deepEqual([near_.sender?.wantsAcks, far_.sender?.wantsAcks], [false, true])
  const taken = [
    near_.sender?.extension('b', utf8('1')),
    near_.sender?.extension('a', utf8('2')),
    far_.sender?.extension('c', utf8('3')),
    far_.sender?.extension('a', utf8('4')),
  ]
  clock.run()

  assert.deepEqual(taken, [true, true, true, false])

  assert.deepEqual(far_.take(), ['extension b 31', 'extension a 32'])
  assert.deepEqual(near_.take(), ['extension c 33'])
})

test('something is said every four seconds, because old peers wait seven and a half', () => {
  const { clock, bytes } = talk(1)
  const before = bytes[0].written.length
  for (let i = 1; i <= 5; i++) {
    clock.advance(GEN1_KEEP_ALIVE_MS)
    assert.ok(bytes[0].written.length >= before + i - 1)
  }
})

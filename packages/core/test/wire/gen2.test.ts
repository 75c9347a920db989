/** Generation 2 on the wire: sessions of hypercore 9 byte for byte, and what its peers never did to us. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import { type FeedSecrets, openFeedStream } from '../../src/wire/feed-stream.ts'
import { feedKeyPair } from '../../src/wire/gen2-noise.ts'
import type { Request, Status } from '../../src/wire/messages.ts'
import { vectors } from '../vectors.ts'
import { OTHER_KEY } from './conversations.ts'
import { type Ends, ends, FeedSide, MemoryBytes } from './feed-ends.ts'
import { TestClock } from './simulated.ts'

interface Row {
  readonly feed: { readonly publicKey: string }
  readonly keys: Record<string, string>
  readonly frames: {
    readonly from: 'initiator' | 'responder'
    readonly type: string
    readonly value: DataValue
    readonly frame: string
  }[]
  readonly wire: Record<'initiator' | 'responder', string>
}

interface DataValue {
  readonly index: number
  readonly value?: string
  readonly nodes?: { readonly index: number; readonly hash: string; readonly size: number }[]
  readonly signature?: string
}

const STATUS: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: true,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

function request(parts: Partial<Request>): Request {
  return { id: 1, priority: 0, ...NOTHING_ASKED, ...parts }
}

function secretsOf({ keys }: Row, role: string): FeedSecrets {
  return {
    keyPair: feedKeyPair(fromHex(keys[`${role}StaticSeed`] ?? '')),
    ephemeral: feedKeyPair(fromHex(keys[`${role}EphemeralSeed`] ?? '')),
    nonce: fromHex(keys[`${role}Nonce`] ?? ''),
  }
}

/** One of the two of a recorded session; the other says what was recorded. */
function replay(name: string, role: 'initiator' | 'responder', side: FeedSide, acks = false) {
  // A Want is answered in the turn after it, so what follows it comes later, as it did.
  const row = vectors<Row>(name)
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const mux = openFeedStream(
    bytes,
    { generation: 2, isInitiator: role === 'initiator', clock, acks },
    secretsOf(row, role),
  )
  mux.open(side)
  const other = role === 'initiator' ? 'responder' : 'initiator'
  const recorded = fromHex(row.wire[other])
  const pause = recorded.length - restBytes(row, other)
  bytes.take(recorded.subarray(0, pause))
  clock.run()
  bytes.take(recorded.subarray(pause))
  return { row, clock, bytes, mux, expected: row.wire[role] }
}

/** Bytes from a side's first Request on. */
function restBytes({ frames }: Row, from: string): number {
  const own = frames.filter((frame) => frame.from === from)
  const first = own.findIndex(({ type }) => type === 'Request')
  return first < 0 ? 0 : own.slice(first).reduce((sum, { frame }) => sum + frame.length / 2, 0)
}

function proofOf({ index, value, nodes, signature }: DataValue): Proof {
  const proof = new Proof()
  proof.claim = value === undefined ? CLAIM_HASH : CLAIM_BLOCK
  proof.index = value === undefined ? 2 * index : index
  proof.value = value === undefined ? undefined : fromHex(value)
  proof.signature = signature === undefined ? undefined : fromHex(signature)
  for (const node of nodes ?? []) proof.nodes.push(node.index, node.size, fromHex(node.hash), 0)
  return proof
}

/** Answers request `id` with what was recorded. */
function answer(side: FeedSide, id: number, value: DataValue): void {
  const proof = proofOf(value)
  const bytes = proof.value ?? new Uint8Array(0)
  side.sender?.data(id, proof, bytes.length, (into, at) => into.set(bytes, at))
}

test('a reader says byte for byte what hypercore 9 said, and hears what was answered', () => {
  const key = fromHex(vectors<Row>('gen2/session-live').feed.publicKey)
  const side = new FeedSide(key)
  side.during = (line) => {
    if (line === 'open') side.sender?.status(STATUS)
    if (line !== 'bitfield 0 7') return
    for (const [id, block] of [2, 0, 1].entries()) {
      side.sender?.request(request({ id: id + 1, block, digest: 0 }))
    }
  }

  const { clock, bytes, expected, row } = replay('gen2/session-live', 'initiator', side)
  clock.run()

  assert.equal(hex(bytes.written), expected)
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  assert.deepEqual(side.proofs, data.map(proofOf))
  assert.deepEqual(side.take(), [
    'open',
    `status ${JSON.stringify({ ...STATUS, length: 3, downloading: false })}`,
    'have 2 1',
    'bitfield 0 7',
    `data 3 block 1 ${hex(utf8('block one'))}`,
    `data 1 block 2 ${hex(utf8('block two'))}`,
    `data 2 block 0 ${hex(utf8('block zero'))}`,
  ])
})

test('a writer says byte for byte what hypercore 9 said, to its end', () => {
  const row = vectors<Row>('gen2/session-nonlive')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  const asked = new Map<number, number>()
  side.during = (line) => {
    const { sender } = side
    if (line === 'open') {
      sender?.status({ ...STATUS, length: 3, downloading: false })
      sender?.have(0, 3)
    }
    const found = /^request (.*)$/.exec(line)
    if (found !== null) {
      const { id, block }: Request = JSON.parse(found[1] ?? '')
      asked.set(block, id)
    }
    if (asked.size === 3) {
      for (const value of data) answer(side, asked.get(value.index) ?? 0, value)
      asked.clear()
    }
    if (/^status .*"downloading":false/.test(line)) {
      sender?.status({ ...STATUS, length: 3, uploading: false, downloading: false })
      sender?.close()
    }
  }

  const { clock, bytes, expected } = replay('gen2/session-nonlive', 'responder', side)
  clock.run()

  assert.equal(hex(bytes.written), expected)
  assert.ok(side.lines.includes('close'))
})

test('receipts and renumbered extensions of a recorded session are understood', () => {
  const row = vectors<Row>('gen2/session-ack-extension')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  side.extensions = ['ping']
  const data = row.frames.filter(({ type }) => type === 'Data').map(({ value }) => value)
  side.during = (line) => {
    if (line === 'open') {
      side.sender?.status({ ...STATUS, length: 3, downloading: false })
      side.sender?.have(0, 3)
    }
    const found = /^request (.*)$/.exec(line)
    if (found === null) return
    const { id, block }: Request = JSON.parse(found[1] ?? '')
    const value = data.find(({ index }) => index === block)
    if (value !== undefined) answer(side, id, value)
  }

  const { clock, bytes, expected } = replay('gen2/session-ack-extension', 'responder', side, true)
  clock.run()

  const lines = side.take()
  assert.deepEqual(
    lines.filter((line) => /^(receipt|have|extension)/.test(line)),
    ['receipt 1 1', `extension ping ${hex(utf8('renumbered'))}`, 'receipt 4 1'],
  )
  // Handshake, opening, options with the list and the wish for receipts, status, and the two Haves.
  const until = 2 * (123 + 70 + 11 + 6 + 4 + 12)
  assert.equal(hex(bytes.written).slice(0, until), expected.slice(0, until))
})

test('byte positions, hashes and digests of a recorded session are understood', () => {
  const row = vectors<Row>('gen2/session-seek-hash')
  const side = new FeedSide(fromHex(row.feed.publicKey))
  const asked: Partial<Request>[] = []
  side.during = (line) => {
    const found = /^request (.*)$/.exec(line)
    if (found !== null) asked.push(JSON.parse(found[1] ?? ''))
  }
  const { clock } = replay('gen2/session-seek-hash', 'responder', side)
  clock.run()

  const short = asked.map(({ block, hash, seekBytes, digest }) => [block, hash, seekBytes, digest])
  assert.deepEqual(short, [
    [-1, 0, -1, 0],
    [-1, 8, 60, 0],
    [-1, 10, 60, 0],
    [-1, 12, 60, 0],
    [-1, 14, 60, 0],
    [-1, 14, -1, 5],
    [2, -1, -1, 5],
    [3, -1, -1, 1],
  ])
})

// ---- Two of ours ---------------------------------------------------------------------------------

/** Two ends with one log open on both. */
function talk(
  options: Parameters<typeof ends>[1] = {},
): Ends & { near_: FeedSide; far_: FeedSide } {
  const pair = ends(2, options)
  const near_ = new FeedSide()
  const far_ = new FeedSide()
  pair.near.open(near_)
  pair.far.open(far_)
  pair.clock.run()
  assert.deepEqual([near_.take(), far_.take()], [['open'], ['open']])
  return { ...pair, near_, far_ }
}

for (const protocol of [7, 8] as const) {
  test(`who dials with protocol ${protocol} is told who answers, and is told apart by his first bytes`, () => {
    const keyPair = feedKeyPair()
    const { near, far, clock, lines } = ends(2, {
      near: { protocol },
      far: protocol === 7 ? { protocol, keyPair } : { keyPair },
    })
    clock.run()

    assert.deepEqual(lines.sort(), ['far ready', 'near ready'])
    assert.equal(hex(near.remotePublicKey), hex(keyPair.publicKey))
    assert.deepEqual([near.generation, far.generation], [2, 2])
  })
}

test('bytes that come one by one make the same conversation', () => {
  const pair = ends(2)
  for (const bytes of pair.bytes) bytes.pieceBytes = 1
  const [near, far] = [new FeedSide(), new FeedSide()]
  pair.near.open(near)
  pair.far.open(far)
  pair.clock.run()
  near.sender?.have(0, 7)
  far.sender?.status(STATUS)
  near.sender?.extension('any', new Uint8Array(1000).fill(5))
  pair.clock.run()

  assert.deepEqual(near.take(), ['open', 'want 0 1048576 false'])
  assert.deepEqual(far.take(), [
    'open',
    `extension any ${'05'.repeat(1000)}`,
    `status ${JSON.stringify({ ...STATUS, length: 7 })}`,
    'have 6 1',
    'bitfield 0 127',
  ])
})

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
  const { near, far, clock, near_, far_ } = talk()
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
  const { clock, near_, far_, lines } = talk()
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
  const { clock, near_, far_ } = talk()
  near_.sender?.request(request({ id: 5, upgradeStart: 2, upgradeLength: 5, digest: 9 }))
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
  const { clock, near_, far_ } = talk()
  const hash = proofOf({ index: 3, nodes: [{ index: 6, hash: '77'.repeat(32), size: 4 }] })
  near_.sender?.request(request({ id: 1, block: 3, digest: 1 }))
  near_.sender?.request(request({ id: 2, hash: 6, digest: 2 }))
  near_.sender?.request(request({ id: 3, block: 4, digest: 0 }))
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
  const { clock, near_, far_ } = talk()
  near_.sender?.request(request({ id: 1, block: 3, digest: 0 }))
  near_.sender?.cancel(1)
  near_.sender?.request(request({ id: 2, block: 3, digest: 0 }))
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
  const { clock, near_, far_ } = talk()
  near_.sender?.request(request({ id: 1, block: 3, digest: 0 }))
  clock.run()
  answer(far_, 1, { index: 4, value: 'aa' })
  clock.run()

  assert.deepEqual(near_.take(), [])
})

test('a block that is gone is a refusal: by word, or by its hash alone', () => {
  const { clock, near_, far_ } = talk()
  near_.sender?.request(request({ id: 1, block: 3, digest: 0 }))
  near_.sender?.request(request({ id: 2, block: 5, digest: 0 }))
  clock.run()
  far_.sender?.refuse(1, 'unavailable')
  const hash = proofOf({ index: 5, nodes: [{ index: 10, hash: '77'.repeat(32), size: 4 }] })
  far_.sender?.data(2, hash, 0, () => undefined)
  clock.run()

  assert.deepEqual(near_.take(), ['unhave 3 1', 'refusal 1 unavailable', 'data 2 hash 10'])
})

test('a byte position is answered with the block that holds it, whatever was named', () => {
  const { clock, near_, far_ } = talk()
  far_.sender?.have(0, 9)
  near_.sender?.status(STATUS)
  clock.run()
  far_.take()
  near_.take()
  near_.sender?.request(request({ id: 7, seekBytes: 60 }))
  near_.sender?.request(request({ id: 8, seekBytes: 70 }))
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

test('receipts are asked for, given, and believed for what was sent only', () => {
  const { clock, near_, far_ } = talk({ far: { acks: true } })
  assert.deepEqual([near_.sender?.wantsAcks, far_.sender?.wantsAcks], [true, false])
  near_.sender?.request(request({ id: 1, block: 3, digest: 0 }))
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
  const { clock, near_, far_ } = talk()
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

test('sixteen Wants are under way at most; the others follow their answers', () => {
  const { clock, near_, far_ } = talk()
  near_.sender?.want(0, 20 * 2 ** 20)
  clock.run()
  const wants = far_.take()
  assert.equal(wants.length, 20)
  assert.equal(wants.at(-1), `want ${19 * 2 ** 20} 1048576 false`)

  near_.sender?.want(0, 20 * 2 ** 20)
  clock.run()
  assert.deepEqual(far_.take(), [])
})

test('a remote that has lost everything has a length of 0 again', () => {
  const { clock, near_, far_ } = talk()
  near_.sender?.status(STATUS)
  far_.sender?.have(0, 9)
  clock.run()
  near_.take()
  far_.sender?.unhave(0, 9)
  clock.run()

  assert.deepEqual(near_.take(), ['unhave 0 9', `status ${JSON.stringify(STATUS)}`])
})

test('who is silent is sent signs of life, and given up after three times as long', () => {
  const { clock, lines, bytes } = talk()
  const before = bytes[0].written.length
  clock.advance(25_000)
  assert.equal(bytes[0].written.length, before + 2)
  assert.deepEqual(lines.length, 2)

  bytes[0].other = undefined
  clock.advance(60_000)
  assert.ok(lines.includes('far closed TIMEOUT'))
})

test('who does not finish the handshake is given up', () => {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  const lines: string[] = []
  openFeedStream(bytes, {
    isInitiator: false,
    clock,
    onClose: (error) => lines.push(String(error)),
  })
  bytes.take(concat(Uint8Array.of(0x3a), new Uint8Array(32)))
  clock.advance(4_999)
  assert.deepEqual(lines, [])
  clock.advance(1)
  assert.equal(lines.length, 1)
  assert.ok(bytes.ended !== undefined)
})

test('who dials must say what he speaks; who says something else is refused', () => {
  const clock = new TestClock()
  const bytes = new MemoryBytes(clock)
  assert.throws(() => openFeedStream(bytes, { isInitiator: true, clock }), { code: 'BAD_ARGUMENT' })

  const lines: string[] = []
  openFeedStream(bytes, { isInitiator: false, clock, onClose: (e) => lines.push(String(e)) })
  bytes.take(utf8('GET / HTTP/1.1\r\n'))
  clock.run()
  assert.match(lines[0] ?? '', /speaks no wire/)
})

test('while the connection is full nothing is answered, and afterwards it is', () => {
  const { clock, near_, far_, bytes } = talk()
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

/** Look-ups and announcements in a DHT of a test. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  MAINLINE_NODES_PER_ANSWER_MAX,
  MAINLINE_PEERS_PER_ANSWER_MAX,
  MAINLINE_QUERIES_PER_LOOKUP_MAX,
} from '@dat-rhino/core/base/limits'
import { concat, hex } from '@dat-rhino/core/bytes/bytes'
import { hash } from '@dat-rhino/core/crypto/keys'
import {
  type Bencoded,
  bdecode,
  bencode,
  bytesAt,
  latin1,
} from '../../../src/network/legacy/bencode.ts'
import type { Search } from '../../../src/network/legacy/finder.ts'
import { Mainline } from '../../../src/network/legacy/mainline.ts'
import type { LegacyAddress } from '../../../src/network/legacy/options.ts'
import { type HandClock, handClock } from '../../hand-clock.ts'
import { Hub, settle } from './wire-hub.ts'

const discoveryKey = new Uint8Array(32).fill(9)

function compact({ host, port }: LegacyAddress): Uint8Array {
  return Uint8Array.of(...host.split('.').map(Number), port >> 8, port & 0xff)
}

/** A node that knows all others, and keeps what is announced to it. */
interface Node {
  readonly id: Uint8Array
  readonly address: LegacyAddress
  readonly peers: Uint8Array[]
  asked: number
  /** Changes an answer before it is sent. */
  twist: (answer: Map<string, Bencoded>) => void
}

class Dht {
  readonly nodes: Node[] = []

  constructor(hub: Hub, count: number) {
    for (let i = 0; i < count; i++) {
      const address = { host: `1.0.${i >> 8}.${i & 255}`, port: 6_881 }
      const id = hash(Uint8Array.of(i & 255, i >> 8)).slice(0, 20)
      const node: Node = { id, address, peers: [], asked: 0, twist: () => {} }
      this.nodes.push(node)
      void hub.at(address.host)({
        port: address.port,
        onError: () => {},
        onMessage: (bytes, from) => {
          const answer = this.#answer(node, bytes, from)
          if (answer !== undefined) hub.send(address, from, bencode(answer))
        },
      })
    }
  }

  #answer(node: Node, bytes: Uint8Array, from: LegacyAddress): Bencoded | undefined {
    const message = bdecode(bytes)
    const t = bytesAt(message, 't', 2)
    const q = bytesAt(message, 'q')
    const a = message instanceof Map ? message.get('a') : undefined
    if (t === undefined || q === undefined || !(a instanceof Map)) return undefined
    node.asked++
    const token = hash(node.id).slice(0, 8)
    const answer = new Map<string, Bencoded>([['id', node.id]])
    if (hex(q) === hex(latin1('announce_peer'))) {
      assert.deepEqual(bytesAt(a, 'token'), token)
      node.peers.push(compact({ host: from.host, port: Number(a.get('port')) }))
    } else {
      const target = bytesAt(a, 'info_hash', 20) ?? assert.fail()
      const distance = ({ id }: Node): string => hex(id.map((byte, i) => byte ^ (target[i] ?? 0)))
      const near = [...this.nodes].sort((x, y) => (distance(x) < distance(y) ? -1 : 1)).slice(0, 8)
      answer.set('nodes', concat(...near.flatMap(({ id, address }) => [id, compact(address)])))
      answer.set('token', token)
      if (node.peers.length > 0) answer.set('values', node.peers)
    }
    node.twist(answer)
    return new Map<string, Bencoded>([
      ['t', t],
      ['y', latin1('r')],
      ['r', answer],
    ])
  }
}

interface Program {
  readonly found: string[]
  readonly problems: string[]
  readonly mainline: Mainline
  port: number | undefined
  peers: boolean
  search(): Search
}

function program(hub: Hub, clock: HandClock, host: string): Program {
  const problems: string[] = []
  const mainline = new Mainline(
    { bootstrap: ['1.0.0.0:6881'] },
    {
      clock,
      random: () => 0,
      open: hub.at(host),
      host: undefined,
      onProblem: ({ code }) => problems.push(code),
    },
  )
  const made: Program = {
    found: [],
    problems,
    mainline,
    port: undefined,
    peers: false,
    search: () =>
      mainline.search({
        discoveryKey,
        hasPeers: () => made.peers,
        announcedPort: () => made.port,
        found: (address) => made.found.push(`${address.host}:${address.port}`),
      }),
  }
  return made
}

/** Until the first look of a search is over. */
async function looked(search: Search, clock: HandClock): Promise<void> {
  let isOver = false
  void search.looked.then(() => {
    isOver = true
  })
  for (let i = 0; i < 200 && !isOver; i++) {
    await settle()
    if (i % 4 === 3) clock.advance(501)
  }
  assert.ok(isOver)
}

test('who is announced is found, with the first 20 bytes of the discovery key as the name', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 40)
  const [server, reader] = [program(hub, clock, '2.0.0.1'), program(hub, clock, '3.0.0.1')]
  server.port = 3_282
  await looked(server.search(), clock)

  await looked(reader.search(), clock)

  assert.deepEqual([...new Set(reader.found)], ['2.0.0.1:3282'])
  assert.equal(dht.nodes.filter(({ peers }) => peers.length > 0).length, 8)
  const asked = hub.sent.find(({ from }) => from.host === '3.0.0.1')
  const message = bdecode(asked?.bytes ?? assert.fail())
  const a = message instanceof Map ? message.get('a') : undefined
  assert.deepEqual(bytesAt(a, 'info_hash'), discoveryKey.subarray(0, 20))
})

test('who may not be found announces nothing, and does so at once when he may', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 10)
  const server = program(hub, clock, '2.0.0.1')
  const search = server.search()
  await looked(search, clock)
  assert.ok(dht.nodes.every(({ peers }) => peers.length === 0))

  server.port = 3_282
  search.changed()
  for (let i = 0; i < 10; i++) await settle()

  assert.equal(dht.nodes.filter(({ peers }) => peers.length === 1).length, 8)
})

test('it is looked again after a minute and then ever less often, while nobody is connected', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 3)
  const reader = program(hub, clock, '3.0.0.1')
  const search = reader.search()
  await looked(search, clock)
  const times: number[] = []
  let before = dht.nodes[0]?.asked ?? 0
  for (let second = 0; second < 600; second++) {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
    await settle()
    const now = dht.nodes[0]?.asked ?? 0
    if (now > before) times.push(second)
    before = now
  }

  assert.equal(times.length, 3, String(times))
  assert.ok(
    (times[0] ?? 0) >= 58 && (times[1] ?? 0) >= 170 && (times[2] ?? 0) >= 400,
    String(times),
  )
  reader.peers = true
  search.stop()
  reader.mainline.close()
  await settle()
  assert.equal(hub.openCount, 3)
})

test('who does not answer, or answers with nonsense, is passed over', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 20)
  dht.nodes.forEach((node, i) => {
    if (i === 0) return
    const twists: ((answer: Map<string, Bencoded>) => void)[] = [
      () => {},
      (answer) => answer.set('id', 7),
      (answer) => answer.set('nodes', 7),
      (answer) => answer.set('values', [1, new Uint8Array(5), [], new Map(), new Uint8Array(6)]),
      (answer) => answer.set('token', new Uint8Array(65)),
    ]
    node.twist = twists[i % twists.length] ?? assert.fail()
  })
  const reader = program(hub, clock, '3.0.0.1')
  reader.port = 3_282

  await looked(reader.search(), clock)

  assert.deepEqual(reader.found, [])
  assert.deepEqual(reader.problems, [])
  assert.ok(dht.nodes.some(({ peers }) => peers.length > 0))
})

test('answers count only from the address that was asked', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 1)
  const reader = program(hub, clock, '3.0.0.1')
  const own = hub.send.bind(hub)
  // Somebody else hears the question and is faster.
  hub.send = (from, to, bytes) => {
    const t = bytesAt(bdecode(bytes), 't', 2)
    if (from.host === '3.0.0.1' && t !== undefined) {
      const r = new Map<string, Bencoded>([
        ['id', new Uint8Array(20)],
        ['values', [compact({ host: '6.6.6.6', port: 6 })]],
      ])
      const answer = new Map<string, Bencoded>([
        ['t', t],
        ['y', latin1('r')],
        ['r', r],
      ])
      own({ host: '6.6.6.6', port: 6_881 }, from, bencode(answer))
    }
    own(from, to, bytes)
  }

  await looked(reader.search(), clock)

  assert.deepEqual(reader.found, [])
  assert.equal(dht.nodes[0]?.asked, 1)
})

test('of one answer so many peers and nodes count, and one look-up asks so many', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const dht = new Dht(hub, 1)
  const [node = assert.fail()] = dht.nodes
  // Nodes that nobody has seen, ever nearer to what is looked for.
  const unseen = Array.from({ length: 200 }, (_, i) =>
    concat(
      discoveryKey.subarray(0, 18),
      Uint8Array.of(1, i),
      compact({ host: `5.0.0.${i}`, port: 1 }),
    ),
  )
  node.twist = (answer) => {
    answer.set('nodes', concat(...unseen))
    answer.set(
      'values',
      Array.from({ length: 100 }, (_, i) => compact({ host: '4.0.0.1', port: i + 1 })),
    )
  }
  const reader = program(hub, clock, '3.0.0.1')

  await looked(reader.search(), clock)

  assert.equal(reader.found.length, MAINLINE_PEERS_PER_ANSWER_MAX)
  const asked = new Set(hub.sent.map(({ to }) => to.host))
  assert.equal(
    [...asked].filter((host) => host.startsWith('5.')).length,
    MAINLINE_NODES_PER_ANSWER_MAX,
  )
})

test('a DHT that makes up nodes without end is asked so many times', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const own = hub.send.bind(hub)
  let made = 0
  let asked = 0
  hub.send = (from, to, bytes) => {
    const t = bytesAt(bdecode(bytes), 't', 2)
    if (from.host !== '3.0.0.1' || t === undefined) return own(from, to, bytes)
    asked++
    // Each is a little nearer than the one before.
    const nodes = Array.from({ length: 20 }, () => {
      const id = new Uint8Array(20)
      id.set(discoveryKey.subarray(0, 16))
      new DataView(id.buffer).setUint32(16, 0xffffffff - ++made)
      return concat(
        id,
        compact({ host: `7.${(made >> 16) & 255}.${(made >> 8) & 255}.${made & 255}`, port: 1 }),
      )
    })
    const r = new Map<string, Bencoded>([
      ['id', hash(t).slice(0, 20)],
      ['nodes', concat(...nodes)],
    ])
    own(
      to,
      from,
      bencode(
        new Map<string, Bencoded>([
          ['t', t],
          ['y', latin1('r')],
          ['r', r],
        ]),
      ),
    )
  }
  const reader = program(hub, clock, '3.0.0.1')

  await looked(reader.search(), clock)

  assert.equal(asked, MAINLINE_QUERIES_PER_LOOKUP_MAX)
})

test('a DHT that is silent is told, and a stopped search asks nobody', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const reader = program(hub, clock, '3.0.0.1')
  const search = reader.search()

  await looked(search, clock)

  assert.deepEqual(reader.problems, ['NO_PEERS'])
  search.stop()
  hub.sent.length = 0
  clock.advance(3_600_000)
  await settle()
  assert.equal(hub.sent.length, 0)
})

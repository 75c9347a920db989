/** Finding old programs on the local network, between programs of one test. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '@dat-rhino/core/base/errors'
import { LAN_ANSWERS_PER_SECOND_MAX } from '@dat-rhino/core/base/limits'
import { decodeDns, encodeDns } from '../../../src/network/legacy/dns-message.ts'
import { Lan } from '../../../src/network/legacy/lan.ts'
import { answerTo, questionsFor, topicName } from '../../../src/network/legacy/lan-words.ts'
import type { LegacyAddress } from '../../../src/network/legacy/options.ts'
import { type HandClock, handClock } from '../../hand-clock.ts'
import { Hub, settle } from './wire-hub.ts'

const discoveryKey = new Uint8Array(32).fill(9)
const MULTICAST = { host: '224.0.0.251', port: 5_353 }

interface Program {
  readonly lan: Lan
  readonly found: string[]
  readonly problems: string[]
  /** Where it may be found. */
  port: number | undefined
  peers: boolean
  search(): ReturnType<Lan['search']>
}

function program(hub: Hub, host: string, clock: HandClock): Program {
  const problems: string[] = []
  const onProblem = ({ code }: DatError): void => void problems.push(code)
  const open = hub.at(host)
  const lan = new Lan({}, { clock, random: () => 0, open, host: undefined, onProblem })
  const made: Program = {
    lan,
    found: [],
    problems,
    port: undefined,
    peers: false,
    search: () =>
      lan.search({
        discoveryKey,
        hasPeers: () => made.peers,
        announcedPort: () => made.port,
        found: ({ host: where, port }: LegacyAddress, wires) =>
          made.found.push(`${where}:${port} ${wires[0]}`),
      }),
  }
  return made
}

test('who looks finds who may be found, in both languages, and not himself', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const [reader, server] = [program(hub, '10.0.0.1', clock), program(hub, '10.0.0.2', clock)]
  server.port = 3_282
  server.search()
  await settle()

  const search = reader.search()
  await settle()
  clock.advance(1_001)
  await search.looked

  assert.deepEqual(reader.found, ['10.0.0.2:3282 hypercore 7', '10.0.0.2:3282 hypercore 9'])
  assert.deepEqual(server.found, [])
})

test('who may not be found says no word about where he is', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const [reader, other] = [program(hub, '10.0.0.1', clock), program(hub, '10.0.0.2', clock)]
  other.search()
  await settle()

  reader.search()
  await settle()

  assert.deepEqual(reader.found, [])
  assert.ok(hub.sent.length > 0)
  for (const { bytes } of hub.sent) assert.equal(decodeDns(bytes)?.isResponse, false)
})

test('who may be found from now on is found by those who look already, without being asked', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const [reader, server] = [program(hub, '10.0.0.1', clock), program(hub, '10.0.0.2', clock)]
  reader.search()
  const served = server.search()
  await settle()
  assert.deepEqual(reader.found, [])

  server.port = 3_282
  served.changed()
  served.changed()
  await settle()

  assert.equal(reader.found.length, 2)
})

test('a question is asked again each minute while nobody is connected, and no more when it is not looked for', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const reader = program(hub, '10.0.0.1', clock)
  const search = reader.search()
  await settle()
  clock.advance(1_001)
  const asked = (): number => hub.sent.splice(0).length
  assert.equal(asked(), 2)

  clock.advance(59_000)
  await settle()
  assert.equal(asked(), 0)
  clock.advance(1_001)
  await settle()
  assert.equal(asked(), 2)
  reader.peers = true
  clock.advance(60_001)
  await settle()
  assert.equal(asked(), 0)
  reader.peers = false
  clock.advance(60_001)
  await settle()
  assert.equal(asked(), 2)
  search.stop()
  clock.advance(600_000)
  await settle()
  assert.equal(asked(), 0)
})

test('a stranger makes us answer so many times a second, and not more', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const server = program(hub, '10.0.0.2', clock)
  server.port = 3_282
  server.search()
  await settle()
  // He hears and answers himself, too.
  clock.advance(1_001)
  hub.sent.length = 0
  const [asked = assert.fail()] = questionsFor(topicName(discoveryKey))

  for (let i = 0; i < 50; i++)
    hub.send({ host: '10.0.0.9', port: 5_353 }, MULTICAST, encodeDns(asked))
  await settle()

  const answers = hub.sent.filter(({ from }) => from.host === '10.0.0.2')
  assert.equal(answers.length, LAN_ANSWERS_PER_SECOND_MAX)
})

test('on the local network programs are believed that speak of themselves or of somebody beside them', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const reader = program(hub, '10.0.0.1', clock)
  reader.search()
  await settle()
  const tell = (target: string, from: string): void => {
    const name = `${topicName(discoveryKey)}.hyperswarm.local`
    const record = { name, type: 'SRV', target, port: 80 } as const
    const bytes = encodeDns({ isResponse: true, questions: [], records: [record] })
    hub.send({ host: from, port: 5_353 }, MULTICAST, bytes)
  }

  for (const host of ['127.0.0.1', '224.0.0.1', '0.0.0.1', 'evil.example', '300.1.1.1'])
    tell(host, '10.0.0.9')
  tell('192.168.0.1', '8.8.8.8')
  tell('8.8.8.8', '10.0.0.9')
  await settle()
  assert.deepEqual(reader.found, [])
  tell('192.168.0.1', '10.0.0.9')
  tell('8.8.8.8', '8.8.8.8')
  await settle()

  assert.deepEqual(reader.found, ['192.168.0.1:80 hypercore 9', '8.8.8.8:80 hypercore 9'])
})

test('answers for logs that are not looked for, and what is no message, change nothing', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const reader = program(hub, '10.0.0.1', clock)
  reader.search()
  await settle()
  const [other] = questionsFor(topicName(new Uint8Array(32)))
  const [question = assert.fail()] = other?.questions ?? []
  const from = { host: '10.0.0.9', port: 5_353 }

  hub.send(from, MULTICAST, encodeDns(answerTo(question, 1, new Uint8Array(32))))
  hub.send(from, MULTICAST, new Uint8Array(40).fill(0xc0))
  await settle()

  assert.deepEqual(reader.found, [])
})

test('a socket that fails is told, and opened again for the next question; closed it sends nothing', async () => {
  const [hub, clock] = [new Hub(), handClock()]
  const reader = program(hub, '10.0.0.1', clock)
  reader.search()
  await settle()
  clock.advance(1_001)

  hub.fail('10.0.0.1', new DatError('IO', 'gone'))
  assert.equal(hub.openCount, 0)
  clock.advance(60_001)
  await settle()

  assert.deepEqual(reader.problems, ['IO'])
  assert.equal(hub.openCount, 1)
  reader.lan.close()
  hub.sent.length = 0
  clock.advance(600_000)
  await settle()
  assert.deepEqual([hub.openCount, hub.sent.length], [0, 0])
})

/** Bytes of multicast DNS and of BitTorrent's DHT: those of real programs, and any others. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  BENCODE_DEPTH_MAX,
  BENCODE_VALUES_MAX,
  DATAGRAM_BYTES_MAX,
  DNS_NAME_BYTES_MAX,
  DNS_RECORDS_MAX,
  DNS_STRINGS_MAX,
} from '@dat-rhino/core/base/limits'
import { concat, fromHex, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import fc from 'fast-check'
import {
  type Bencoded,
  bdecode,
  bencode,
  bytesAt,
  latin1,
} from '../../../src/network/legacy/bencode.ts'
import { decodeDns, encodeDns } from '../../../src/network/legacy/dns-message.ts'
import { question } from '../../../src/network/legacy/krpc.ts'
import {
  answerTo,
  questionsFor,
  readAnswers,
  topicName,
} from '../../../src/network/legacy/lan-words.ts'

interface Packet {
  readonly from?: string
  readonly hex?: string
  readonly decoded?: { readonly answers: readonly { readonly data: readonly string[] }[] }
}

interface Recorded {
  readonly discoveryKey: string
  readonly infohash: string
  readonly mdns: readonly Packet[]
  readonly dht: readonly Packet[]
}

const RECORDED: Recorded = JSON.parse(
  readFileSync(new URL('../../vectors/old-discovery.json', import.meta.url), 'utf8'),
)
const discoveryKey = fromHex(RECORDED.discoveryKey)
const packets = (from: readonly Packet[]): string[] =>
  from.flatMap((packet) => (packet.hex === undefined ? [] : [packet.hex]))

const ownId = new Uint8Array(32).fill(1)
/** Objects as our own code makes them. */
const PLAIN = { noNullPrototype: true } as const
const from = { host: '192.168.1.10', port: 5353 }

// ---- Multicast DNS

test('a question on the local network is that of dns-discovery, byte for byte', () => {
  const [asked] = packets(RECORDED.mdns)
  const [first] = questionsFor(topicName(discoveryKey))

  assert.equal(hex(encodeDns(first ?? assert.fail())), asked)
})

test('the answer of dns-discovery is read, and ours is the same, byte for byte', () => {
  const [, , answered = ''] = packets(RECORDED.mdns)
  const message = decodeDns(fromHex(answered)) ?? assert.fail()
  const [text] = message.records
  const token = text?.type === 'TXT' ? String(new TextDecoder().decode(text.strings[0])) : ''
  const id = new Uint8Array(Buffer.from(token.slice('token='.length), 'base64'))
  const [asked] = message.questions

  assert.deepEqual(readAnswers(message, from, ownId), [
    { topic: RECORDED.infohash, address: { host: from.host, port: 3282 }, wires: ['hypercore 7'] },
  ])
  assert.deepEqual(readAnswers(message, from, id), [])
  assert.equal(hex(encodeDns(answerTo(asked ?? assert.fail(), 3282, id))), answered)
})

test('SRV answers name a port at a host, or where they came from', () => {
  const name = `${RECORDED.infohash}.hyperswarm.local`
  const srv = (target: string, port: number) => ({ name, type: 'SRV', target, port }) as const
  const told = (target: string, port: number) =>
    readAnswers(
      decodeDns(encodeDns({ isResponse: true, questions: [], records: [srv(target, port)] })) ??
        assert.fail(),
      from,
      ownId,
    ).map(({ address }) => `${address.host}:${address.port}`)

  assert.deepEqual(told('0.0.0.0', 7), ['192.168.1.10:7'])
  assert.deepEqual(told('10.0.0.1', 7), ['10.0.0.1:7'])
  assert.deepEqual(told('0.0.0.0', 0), ['192.168.1.10:5353'])
  const asked = { name, type: 'SRV' } as const
  assert.deepEqual(readAnswers(answerTo(asked, 7, ownId, '10.0.0.2'), from, ownId), [])
  assert.equal(readAnswers(answerTo(asked, 7, ownId), from, new Uint8Array(32)).length, 1)
})

test('names are followed to others before them, and nowhere else', () => {
  const header = '000084000000000200000000'
  const record = (name: string) => `${name}0010000100000000000201ff`
  const pointed = decodeDns(fromHex(`${header}${record('03616263016400')}${record('0178c00c')}`))
  const names = pointed?.records.map(({ name }) => name)

  assert.deepEqual(names, ['abc.d', 'x.abc.d'])
  // To itself, forwards, and past the end.
  for (const to of ['c00c', 'c010', 'ffff']) {
    assert.equal(decodeDns(fromHex(`000084000000000100000000${record(to)}`)), undefined, to)
  }
})

test('a message of multicast DNS has so many records, strings and bytes of a name, and not one more', () => {
  const records = (count: number) => {
    const one = { name: 'a.b', type: 'A', host: '1.2.3.4' } as const
    return encodeDns({ isResponse: true, questions: [], records: Array(count).fill(one) })
  }
  assert.equal(decodeDns(records(DNS_RECORDS_MAX))?.records.length, DNS_RECORDS_MAX)
  assert.equal(decodeDns(records(DNS_RECORDS_MAX + 1)), undefined)

  const strings = (count: number) => {
    const texts = { name: 'a.b', type: 'TXT', strings: Array(count).fill(utf8('x')) } as const
    return decodeDns(encodeDns({ isResponse: true, questions: [], records: [texts] }))
  }
  assert.equal(strings(DNS_STRINGS_MAX)?.records.length, 1)
  assert.equal(strings(DNS_STRINGS_MAX + 1), undefined)

  const named = (bytes: number) => {
    const labels = [...Array(bytes >> 1).fill('a')]
    const questions = [{ name: labels.join('.'), type: 'A' } as const]
    return decodeDns(encodeDns({ isResponse: false, questions, records: [] }))
  }
  assert.equal(named(DNS_NAME_BYTES_MAX - 1)?.questions.length, 1)
  assert.equal(named(DNS_NAME_BYTES_MAX + 1), undefined)

  const long = (bytes: number) => concat(records(1), new Uint8Array(bytes - records(1).length))
  assert.equal(decodeDns(long(DATAGRAM_BYTES_MAX))?.records.length, 1)
  assert.equal(decodeDns(long(DATAGRAM_BYTES_MAX + 1)), undefined)
})

test('any bytes are a message of multicast DNS or none', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,20}$/)
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
  const port = fc.integer({ min: 0, max: 65_535 })
  const record = fc.oneof(
    fc.record({ name, type: fc.constant('A' as const), host: fc.ipV4() }, PLAIN),
    fc.record({ name, type: fc.constant('SRV' as const), target: name, port }, PLAIN),
    fc.record(
      {
        name,
        type: fc.constant('TXT' as const),
        strings: fc.array(fc.uint8Array({ maxLength: 255 }), { maxLength: 4 }),
      },
      PLAIN,
    ),
  )
  const asked = fc.record({ name, type: fc.constantFrom('A', 'TXT', 'SRV') }, PLAIN)
  const message = fc.record(
    {
      isResponse: fc.boolean(),
      questions: fc.array(asked, { maxLength: 3 }),
      records: fc.array(record, { maxLength: 4 }),
    },
    PLAIN,
  )
  fc.assert(
    fc.property(message, (sent) => {
      assert.deepEqual(decodeDns(encodeDns(sent)), sent)
    }),
  )
  fc.assert(
    fc.property(message, fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat(), (sent, hits, cut) => {
      const bytes = encodeDns(sent)
      for (const [at, byte] of hits) bytes[at % bytes.length] = byte
      const got = decodeDns(bytes.subarray(0, bytes.length - (cut % bytes.length)))
      if (got !== undefined) readAnswers(got, from, ownId)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void decodeDns(bytes)))
})

// ---- BitTorrent's DHT

test('messages of bittorrent-dht are read and written back, byte for byte', () => {
  const recorded = packets(RECORDED.dht)

  assert.ok(recorded.length >= 8)
  for (const text of recorded) {
    assert.equal(hex(bencode(bdecode(fromHex(text)) ?? assert.fail())), text)
  }
})

test('a question to the DHT is that of bittorrent-dht, but that it says that we do not answer', () => {
  const [asked = ''] = packets(RECORDED.dht)
  const theirs = bdecode(fromHex(asked))
  const id = bytesAt(theirs instanceof Map ? theirs.get('a') : undefined, 'id') ?? assert.fail()
  const number = bytesAt(theirs, 't') ?? assert.fail()

  const ours = question((number[0] ?? 0) * 256 + (number[1] ?? 0), 'get_peers', id, [
    ['info_hash', fromHex(RECORDED.infohash)],
  ])

  const asText = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
  assert.equal(asText(ours), asText(fromHex(asked)).replace('1:t2:', '2:roi1e1:t2:'))
})

test('a message of the DHT has so many values and so deep ones, and not one more', () => {
  const list = (count: number) => latin1(`l${'i1e'.repeat(count - 1)}e`)
  const deep = (depth: number) => latin1('l'.repeat(depth) + 'e'.repeat(depth))

  assert.ok(Array.isArray(bdecode(list(BENCODE_VALUES_MAX))))
  assert.equal(bdecode(list(BENCODE_VALUES_MAX + 1)), undefined)
  assert.ok(Array.isArray(bdecode(deep(BENCODE_DEPTH_MAX + 1))))
  assert.equal(bdecode(deep(BENCODE_DEPTH_MAX + 2)), undefined)
})

test('any bytes are a message of the DHT or none', () => {
  const { value } = fc.letrec<{ value: Bencoded }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.maxSafeInteger(),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), tie('value')), { maxLength: 4 })
        .map((entries) => new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))),
    ),
  }))
  fc.assert(
    fc.property(value, (sent) => {
      assert.deepEqual(bdecode(bencode(sent)), Object.is(sent, -0) ? 0 : sent)
    }),
  )
  fc.assert(
    fc.property(value, fc.nat(), fc.nat(255), (sent, at, byte) => {
      const bytes = bencode(sent)
      bytes[at % bytes.length] = byte
      bdecode(bytes)
    }),
  )
  for (const text of ['', 'i', 'ie', 'i1', '-1:', '5:abc', 'd1:a', 'l', 'i99999999999999999e']) {
    assert.equal(bdecode(latin1(text)), undefined, text)
  }
})

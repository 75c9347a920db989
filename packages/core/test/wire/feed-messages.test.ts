/** Bodies of feed messages: those of the packages, read and written, and whatever else may come. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import {
  BLOCK_BYTES_MAX,
  EXTENSION_NAME_BYTES_MAX,
  EXTENSION_NAMES_MAX,
  NODES_PER_LIST_MAX,
} from '../../src/base/limits.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { Reader, Writer } from '../../src/bytes/cursor.ts'
import { NodeSet } from '../../src/tree/nodes.ts'
import {
  FeedData,
  FeedRange,
  FeedRequest,
  readClose,
  readFeedStatus,
  readHandshakeFields,
  readOpen,
  readOptions,
  writeFeedData,
  writeFeedRange,
  writeFeedRequest,
  writeFeedStatus,
  writeHandshakeFields,
  writeOpen,
  writeOptions,
} from '../../src/wire/feed-messages.ts'
import { vectors } from '../vectors.ts'

interface Value {
  readonly discoveryKey?: string
  readonly capability?: string
  readonly nonce?: string
  readonly id?: string
  readonly live?: boolean
  readonly extensions?: string[]
  readonly ack?: boolean
  readonly uploading?: boolean
  readonly downloading?: boolean
  readonly start?: number
  readonly length?: number
  readonly bitfield?: string
  readonly index?: number
  readonly bytes?: number
  readonly hash?: boolean
  readonly nodes?: number | { index: number; hash: string; size: number }[]
  readonly value?: string | null
  readonly signature?: string
}

interface Case {
  readonly name: string
  readonly value: Value
  readonly body: string
}

const reader = (body: string): Reader => new Reader(fromHex(body))

interface SessionFrame {
  readonly type?: string
  readonly value?: Readonly<Record<string, unknown>>
  readonly frame?: string
}

/** What two programs of multifeed told each other about four feeds; flags stand there as numbers. */
const SESSION: readonly Case[] = vectors<{ frames: SessionFrame[] }>(
  'gen2/multifeed-session',
).frames.flatMap(({ type, value, frame }) => {
  if (type === undefined || type === 'Extension' || frame === undefined) return []
  const rest = reader(frame)
  rest.varint()
  rest.varint()
  const flags = ['uploading', 'downloading', 'hash'].filter((name) => name in (value ?? {}))
  const read = Object.fromEntries(flags.map((name) => [name, value?.[name] === 1]))
  return [{ name: type, value: { ...value, ...read }, body: hex(rest.rest()) }]
})

/** Of both generations. */
const CASES: readonly Case[] = [
  ...SESSION,
  ...vectors<{ messages: { name: string; value: Value; encoded: string }[] }>(
    'gen2/messages',
  ).messages.map(({ name, value, encoded }) => ({ name, value, body: encoded })),
  ...vectors<{ cases: { name: string; message: Value; body: string }[] }>(
    'gen1/messages',
  ).cases.map(({ name, message, body }) => ({ name, value: message, body })),
]

const bytesOf = (text: string | null | undefined): Uint8Array | undefined =>
  typeof text === 'string' ? fromHex(text.replace(/^hex:/, '')) : undefined
const hexOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : hex(bytes)

function readNodes(value: Value): NodeSet {
  const nodes = new NodeSet()
  if (Array.isArray(value.nodes)) {
    for (const { index, size, hash } of value.nodes) {
      nodes.push(index, size, bytesOf(hash) ?? new Uint8Array(32), 0)
    }
  }
  return nodes
}

/** What each message of a name must be read as. */
const READ: Record<string, (body: string, value: Value) => void> = {
  Open: (body, value) => {
    const { discoveryKey, proof } = readOpen(reader(body))
    assert.equal(hex(discoveryKey), hexOf(bytesOf(value.discoveryKey)))
    assert.equal(hexOf(proof), hexOf(bytesOf(value.capability ?? value.nonce)))
  },
  Options: (body, { extensions = [], ack = false }) =>
    assert.deepEqual(readOptions(reader(body)), { extensions, ack }),
  Handshake(body, { id, live, extensions, ack }) {
    assert.deepEqual(readHandshakeFields(reader(body)), { id: bytesOf(id), live, extensions, ack })
  },
  Status: (body, { uploading = false, downloading = false }) =>
    assert.deepEqual(readFeedStatus(reader(body)), [uploading, downloading]),
  Have(body, { start, length = 1, bitfield, ack = false }) {
    const range = new FeedRange()
    range.read(reader(body), 1)
    assert.deepEqual([range.start, range.length, range.ack], [start, length, ack])
    assert.equal(hexOf(range.bitfield), hexOf(bytesOf(bitfield)))
  },
  Want(body, { start, length = 0 }) {
    const range = new FeedRange()
    range.read(reader(body), 0)
    assert.deepEqual([range.start, range.length], [start, length])
  },
  Request(body, { index, bytes = 0, hash = false, nodes = 0 }) {
    const request = new FeedRequest()
    request.read(reader(body))
    assert.deepEqual(
      [request.index, request.bytes, request.hash, request.nodes],
      [index, bytes, hash, nodes],
    )
  },
  Data(body, value) {
    const data = new FeedData()
    const nodes = new NodeSet()
    data.read(reader(body), nodes)
    assert.equal(data.index, value.index)
    assert.equal(hexOf(data.value), hexOf(bytesOf(value.value)))
    assert.equal(hexOf(data.signature), hexOf(bytesOf(value.signature)))
    assert.deepEqual(
      Array.from({ length: nodes.length }, (_, i) => nodes.at(i)),
      Array.from({ length: readNodes(value).length }, (_, i) => readNodes(value).at(i)),
    )
  },
  Close: (body, { discoveryKey }) =>
    assert.equal(hexOf(readClose(reader(body))), hexOf(bytesOf(discoveryKey))),
}
const SAME: Record<string, string> = {
  Feed: 'Open',
  Info: 'Status',
  Unhave: 'Have',
  Unwant: 'Want',
  Cancel: 'Request',
}

test('the messages of both packages are read', () => {
  assert.ok(CASES.length > 80)
  for (const { name, value, body } of CASES) READ[SAME[name] ?? name]?.(body, value)
})

/** What we write of each name, where we write all fields that the packages write. */
const WRITE: Record<string, (into: Writer, value: Value) => void> = {
  Open: (into, { discoveryKey, capability, nonce }) =>
    writeOpen(into, bytesOf(discoveryKey) ?? new Uint8Array(0), bytesOf(capability ?? nonce)),
  Options: (into, { extensions = [], ack = false }) => writeOptions(into, { extensions, ack }),
  Handshake: (into, { id, live = false, extensions = [], ack = false }) =>
    writeHandshakeFields(into, { id: bytesOf(id), live, extensions, ack }),
  Status: (into, { uploading = false, downloading = false }) =>
    writeFeedStatus(into, uploading, downloading),
  Have: (into, { start = 0, length, bitfield, ack }) =>
    writeFeedRange(into, start, length, bytesOf(bitfield), ack),
  Want: (into, { start = 0, length }) => writeFeedRange(into, start, length),
  Request: (into, { index = 0, bytes = 0, hash = false, nodes = 0 }) =>
    writeFeedRequest(into, index, bytes, hash, typeof nodes === 'number' ? nodes : 0),
  Data(into, value) {
    const bytes = bytesOf(value.value)
    const fill = (to: Uint8Array, at: number): void => to.set(bytes ?? new Uint8Array(0), at)
    const fillOrNone = bytes === undefined ? undefined : fill
    const { index = 0, signature } = value
    writeFeedData(into, index, bytes?.length ?? 0, fillOrNone, readNodes(value), bytesOf(signature))
  },
}

/** The packages left something out there that we always write, or wrote what we never do. */
const isPartial = ({ name, value }: Case): boolean =>
  name === 'Cancel' ||
  name === 'Close' ||
  (name === 'Options' && value.ack === undefined) ||
  (name === 'Status' && value.downloading === undefined) ||
  (name === 'Request' && value.bytes === undefined) ||
  typeof (value as { userData?: string }).userData === 'string'

test('what we write is what the packages write', () => {
  let count = 0
  for (const one of CASES) {
    if (isPartial(one)) continue
    const into = new Writer(1)
    WRITE[SAME[one.name] ?? one.name]?.(into, one.value)
    assert.equal(hex(into.view()), one.body, `${one.name} ${JSON.stringify(one.value)}`)
    count++
  }
  assert.ok(count > 30)
})

const DECODERS: readonly ((from: Reader) => unknown)[] = [
  readOpen,
  readClose,
  readOptions,
  readHandshakeFields,
  readFeedStatus,
  (from) => new FeedRange().read(from, 1),
  (from) => new FeedRequest().read(from),
  (from) => new FeedData().read(from, new NodeSet()),
]

/** Bodies of the packages with something changed, and bytes of any kind. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.constantFrom(...CASES), fc.nat(300), fc.nat(255), fc.boolean())
    .map(([{ body }, at, value, cut]) => {
      const bytes = fromHex(body)
      if (bytes.length === 0) return bytes
      if (cut) return bytes.subarray(0, at % bytes.length)
      bytes[at % bytes.length] = value
      return bytes
    }),
)

test('whatever bytes come, a decoder ends with a message or with one of our two errors', () => {
  fc.assert(
    fc.property(bodies, fc.constantFrom(...DECODERS), (bytes, decode) => {
      try {
        decode(new Reader(bytes))
      } catch (error) {
        assert.ok(error instanceof DatError, String(error))
        assert.ok(error.code === 'BAD_FRAME' || error.code === 'OVER_LIMIT')
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a list of names, a proof and a block are as large as their limits, and not larger', () => {
  const names = (count: number, bytes: number): Reader => {
    const into = new Writer()
    writeOptions(into, {
      extensions: Array.from({ length: count }, () => 'x'.repeat(bytes)),
      ack: false,
    })
    return new Reader(into.take())
  }
  assert.equal(readOptions(names(EXTENSION_NAMES_MAX, 1)).extensions.length, EXTENSION_NAMES_MAX)
  assert.throws(() => readOptions(names(EXTENSION_NAMES_MAX + 1, 1)), { code: 'OVER_LIMIT' })
  readOptions(names(1, EXTENSION_NAME_BYTES_MAX))
  assert.throws(() => readOptions(names(1, EXTENSION_NAME_BYTES_MAX + 1)), { code: 'OVER_LIMIT' })

  const proof = (count: number, valueBytes: number): Reader => {
    const nodes = new NodeSet()
    for (let i = 0; i < count; i++) nodes.push(i, 1, new Uint8Array(32), 0)
    const into = new Writer()
    writeFeedData(into, 0, valueBytes, () => undefined, nodes, undefined)
    return new Reader(into.take())
  }
  const read = (from: Reader): void => new FeedData().read(from, new NodeSet())
  read(proof(NODES_PER_LIST_MAX, 0))
  assert.throws(() => read(proof(NODES_PER_LIST_MAX + 1, 0)), { code: 'OVER_LIMIT' })
  read(proof(0, BLOCK_BYTES_MAX))
  assert.throws(() => read(proof(0, BLOCK_BYTES_MAX + 1)), { code: 'OVER_LIMIT' })
})

test('blocks that no log can have are refused', () => {
  const request = (index: number): Reader => {
    const into = new Writer()
    writeFeedRequest(into, index, 0, false, 0)
    return new Reader(into.take())
  }
  new FeedRequest().read(request(2 ** 50))
  assert.throws(() => new FeedRequest().read(request(2 ** 52)), { code: 'OVER_LIMIT' })

  const range = (start: number, length: number): Reader => {
    const into = new Writer()
    writeFeedRange(into, start, length)
    return new Reader(into.take())
  }
  new FeedRange().read(range(2 ** 53 - 2, 1), 1)
  assert.throws(() => new FeedRange().read(range(2 ** 53 - 2, 2), 1), { code: 'OVER_LIMIT' })
})

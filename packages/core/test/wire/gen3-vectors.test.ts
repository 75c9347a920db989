/**
 * A log's messages and whole recorded sessions, byte for byte as the reference has them.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { Reader, Writer } from '../../src/bytes/cursor.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import type { Node, NodeSet } from '../../src/tree/nodes.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../../src/tree/proof.ts'
import { FrameReader } from '../../src/wire/frame-reader.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import { capability } from '../../src/wire/gen3-capability.ts'
import { dataBytes, readData, writeData } from '../../src/wire/gen3-data.ts'
import { Decoded } from '../../src/wire/gen3-incoming.ts'
import * as wire from '../../src/wire/gen3-messages.ts'
import type { Refusal, Request, Status } from '../../src/wire/messages.ts'
import { vectors } from '../vectors.ts'

/** The fields of any message in the vectors; which ones are there follows from its name. */
interface Value {
  readonly [field: string]: unknown
}

interface Vector {
  readonly about?: string
  readonly name: string
  readonly value?: Value
  readonly error?: string
  readonly body: string
}

interface WireNode {
  readonly index: number
  readonly size: number
  readonly hash: string
}

const {
  messages,
  lenientDecoding,
  capability: capabilities,
} = vectors<{
  messages: Vector[]
  lenientDecoding: Vector[]
  capability: {
    values: { key: string; handshakeHash: string; initiator: string; responder: string }[]
  }
}>('gen3-core/messages')

const TYPES: Readonly<Record<string, number>> = {
  sync: wire.SYNC,
  request: wire.REQUEST,
  cancel: wire.CANCEL,
  data: wire.DATA,
  noData: wire.NO_DATA,
  want: wire.WANT,
  unwant: wire.UNWANT,
  bitfield: wire.BITFIELD,
  range: wire.RANGE,
  extension: wire.EXTENSION,
}

// ---- Bodies --------------------------------------------------------------------------------------

const decoded = new Decoded()

/** Decodes a body and encodes what came out; with what the decoding says in the vectors' words. */
function roundTrip(type: number, body: Uint8Array): { said: Value; again: string } {
  const from = new Reader(body)
  const into = new Writer()
  const said = SAYERS[type]?.(from, into)
  assert.ok(said, `type ${type}`)
  return { said, again: hex(into.view()) }
}

const SAYERS: Readonly<Record<number, (from: Reader, into: Writer) => Value>> = {
  [wire.SYNC](from, into) {
    const { status } = decoded
    wire.readStatus(from, status)
    wire.writeStatus(into, status)
    return { ...status }
  },
  [wire.REQUEST](from, into) {
    const { request } = decoded
    wire.readRequest(from, request)
    wire.writeRequest(into, request)
    return sayRequest(request)
  },
  [wire.CANCEL](from, into) {
    const request = from.uint()
    into.uint(request)
    return { request }
  },
  [wire.DATA](from, into) {
    const proof = new Proof()
    const id = readData(from, proof)
    const value = proof.value ?? new Uint8Array(0)
    writeData(into, id, proof, value.length, (bytes, at) => bytes.set(value, at))
    assert.ok(into.at <= dataBytes(proof, value.length) + 9, 'about as long as foretold')
    return sayData(id, proof)
  },
  [wire.NO_DATA](from, into) {
    const request = from.uint()
    const reason = wire.readReason(from)
    wire.writeRefusal(into, request, reason)
    return { request, reason: (['none', 'unavailable', 'invalid'] as Refusal[]).indexOf(reason) }
  },
  [wire.WANT]: sayWant,
  [wire.UNWANT]: sayWant,
  [wire.BITFIELD](from, into) {
    const { bitfield } = decoded
    bitfield.read(from)
    wire.writeBitfield(into, bitfield.start, bitfield.words)
    return { start: bitfield.start, bitfield: [...bitfield.words] }
  },
  [wire.RANGE](from, into) {
    const { range } = decoded
    wire.readRange(from, range)
    wire.writeRange(into, range.flag, range.start, range.length)
    return { drop: range.flag, start: range.start, length: range.length }
  },
  [wire.EXTENSION](from, into) {
    const name = wire.readExtensionName(from)
    const message = from.rest()
    wire.writeExtension(into, name, message)
    return { name, message: hex(message) }
  },
}

function sayWant(from: Reader, into: Writer): Value {
  const { range } = decoded
  wire.readWant(from, range)
  wire.writeWant(into, range.start, range.length)
  if (range.flag) into.u8(1)
  return { start: range.start, length: range.length, any: range.flag }
}

function sayRequest(request: Readonly<Request>): Value {
  const { id, fork, block, hash, nodes, seekBytes, seekPadding, upgradeStart, upgradeLength } =
    request
  return {
    id,
    fork,
    block: block < 0 ? null : { index: block, nodes },
    hash: hash < 0 ? null : { index: hash, nodes },
    seek: seekBytes < 0 ? null : { bytes: seekBytes, padding: seekPadding },
    upgrade: upgradeLength === 0 ? null : { start: upgradeStart, length: upgradeLength },
    manifest: request.manifest,
    priority: request.priority,
  }
}

function sayData(request: number, proof: Proof): Value {
  const { claim, index, nodes, seekBytes, signature } = proof
  return {
    request,
    fork: proof.fork,
    block:
      claim === CLAIM_BLOCK
        ? { index, value: hex(proof.value ?? new Uint8Array(0)), nodes: sayNodes(nodes) }
        : null,
    hash: claim === CLAIM_HASH ? { index, nodes: sayNodes(nodes) } : null,
    seek: seekBytes < 0 ? null : { bytes: seekBytes, nodes: sayNodes(proof.seekNodes) },
    upgrade: proof.hasUpgrade
      ? {
          start: proof.upgradeStart,
          length: proof.upgradeLength,
          nodes: sayNodes(proof.upgradeNodes),
          additionalNodes: sayNodes(proof.additionalNodes),
          signature: signature === undefined ? null : hex(signature),
        }
      : null,
    manifest: proof.manifest === undefined ? null : hex(proof.manifest),
  }
}

function sayNodes(set: NodeSet): WireNode[] {
  const nodes: Node[] = Array.from({ length: set.length }, (_, i) => set.at(i))
  return nodes.map(({ index, size, hash }) => ({ index, size, hash: hex(hash) }))
}

/** What the vectors say that our words leave out, or say in another form. */
function expected(name: string, value: Value): Value {
  const { allowPush: _, ...rest } = value
  if (name !== 'data' || rest['manifest'] === null) return rest
  // Manifests are carried as bytes here; the log's tests look into them.
  return { ...rest, manifest: SINGLE_SIGNER_MANIFEST }
}

const SINGLE_SIGNER_MANIFEST =
  '01000001010' +
  '04144eea531e483d54e0c14f4ca68e0644f355343ff6fcb0f005200e12cd747cb' +
  '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c'

for (const { name, value, body } of messages) {
  const type = TYPES[name]
  if (type === undefined || value === undefined) continue
  test(`${name} ${body.slice(0, 24)} says what the reference means, and is written as it writes it`, () => {
    const { said, again } = roundTrip(type, fromHex(body))

    const both = value['block'] && value['hash']
    assert.deepEqual(said, expected(name, both ? { ...value, hash: null } : value))
    // A push is allowed by nobody of ours, and of a block and a hash we only ask for one.
    if (value['allowPush'] === true) assert.equal(again, body.replace(/^1a/, '0a'))
    else if (!both) assert.equal(again, body)
  })
}

for (const { about, name, value, body } of lenientDecoding) {
  test(`leniently: ${about}`, () => {
    const type = TYPES[name] ?? -1
    if (value === undefined) {
      assert.throws(() => roundTrip(type, fromHex(body)), { code: 'BAD_FRAME' })
    } else {
      assert.deepEqual(roundTrip(type, fromHex(body)).said, expected(name, value))
    }
  })
}

test('the capability of either role is the reference value', () => {
  for (const { key, handshakeHash, initiator, responder } of capabilities.values) {
    const of = (isInitiator: boolean): string =>
      capabilityText(fromHex(key), handshakeHash, isInitiator)
    assert.equal(of(true), initiator)
    assert.equal(of(false), responder)
  }
})

function capabilityText(key: Uint8Array, handshakeHash: string, isInitiator: boolean): string {
  const out = new Uint8Array(32)
  capability(out, key, fromHex(handshakeHash), isInitiator)
  return hex(out)
}

// ---- Whole sessions ------------------------------------------------------------------------------

interface Trace {
  readonly about: string
  readonly key?: string
  readonly keys?: Record<string, string>
  readonly handshakeHash: string
  readonly frames: { from?: string; hex?: string; note?: string; decoded?: TracedMessage[] }[]
}

interface TracedMessage {
  readonly channel: number
  readonly msg: string
  readonly id?: unknown
  readonly inBatch?: boolean
}

const traces = Object.entries(vectors<Record<string, Trace | string>>('gen3-core/traces'))

for (const [name, trace] of traces) {
  if (typeof trace === 'string') continue
  test(`every frame of the session "${name}" is read as the reference reads it, and written as it was`, () => {
    let frameCount = 0
    for (const { hex: text, decoded: expectedMessages } of trace.frames) {
      if (text === undefined || expectedMessages === undefined) continue
      frameCount++
      const bytes = fromHex(text)

      const read = readFrame(bytes)

      assert.deepEqual(
        read.map(({ channel, type }) => nameOf(channel, type)),
        expectedMessages.map((m) => `${m.channel} ${m.msg.toLowerCase()}`),
      )
      assert.equal(hex(writeFrame(read, expectedMessages[0]?.inBatch === true)), text)
    }
    assert.ok(frameCount >= 10, 'there is a session')
  })
}

interface FrameMessage {
  readonly channel: number
  readonly type: number
  readonly body: Uint8Array
}

function readFrame(bytes: Uint8Array): FrameMessage[] {
  const reader = new FrameReader()
  const found: FrameMessage[] = []
  reader.start(bytes)
  while (reader.next()) {
    found.push({ channel: reader.channel, type: reader.type, body: reader.body.rest() })
  }
  return found
}

/** Every body is decoded and encoded on the way. */
function writeFrame(messagesOfFrame: readonly FrameMessage[], isBatch: boolean): Uint8Array {
  const writer = new FrameWriter()
  for (const { channel, type, body } of messagesOfFrame) {
    const again = channel === 0 ? body : fromHex(roundTrip(type, body).again)
    // Of a push nothing is said by us.
    const isPush = type === wire.SYNC && channel !== 0 && ((body[0] ?? 0) & 16) !== 0
    writer.begin(channel, type, 0).fixed(isPush ? body : again)
    writer.end()
  }
  return writer.take(isBatch)
}

const CONTROL_NAMES = ['batch', 'open', 'reject', 'close']
const NAMES = Object.keys(TYPES).map((name) => name.toLowerCase())

function nameOf(channel: number, type: number): string {
  return `${channel} ${channel === 0 ? CONTROL_NAMES[type] : NAMES[type]}`
}

test('the openings of all sessions prove the key that they were made with', () => {
  let count = 0
  for (const [, trace] of traces) {
    if (typeof trace === 'string') continue
    const keys = trace.key !== undefined ? [trace.key] : Object.values(trace.keys ?? {})
    const openings = trace.frames.flatMap(({ hex: text = '' }) =>
      readFrame(fromHex(text)).filter(({ channel, type }) => channel === 0 && type === 1),
    )
    for (const key of keys.map(fromHex)) {
      const proofs = [true, false].map((isInitiator) =>
        capabilityText(key, trace.handshakeHash, isInitiator),
      )
      for (const { body } of openings) {
        if (!hex(body).includes(hex(discoveryKey(key)))) continue
        count++
        const theirs = hex(body.subarray(body.length - 32))
        assert.ok(proofs.includes(theirs), `${theirs} is none of ${proofs}`)
      }
    }
  }
  assert.equal(count, 23)
})

test('the words of a status are all of its fields', () => {
  const status: Status = {
    fork: 1,
    length: 2,
    remoteLength: 3,
    canUpgrade: true,
    uploading: false,
    downloading: true,
    hasManifest: false,
  }
  const into = new Writer()
  wire.writeStatus(into, status)
  const back = new Decoded().status
  wire.readStatus(new Reader(into.view()), back)
  assert.deepEqual(back, status)
})

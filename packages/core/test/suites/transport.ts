/**
 * The contract of `Transport`, as tests. Every implementation runs this file: pipes in memory, our secret
 * stream over anything, sockets of a network.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Transport } from '../../src/wire/transport.ts'

/** Both ends of one connection. */
export interface TransportPair {
  readonly initiator: Transport
  readonly responder: Transport
  /** Lets bytes move: a turn of a simulated clock, or a moment of real time. */
  turn(): Promise<void>
}

/** What one end heard. */
class Ear {
  readonly messages: Uint8Array[] = []
  readonly closings: (Error | undefined)[] = []
  writableCount = 0
  isInSend = false

  constructor(transport: Transport) {
    transport.handler = {
      onMessage: (message) => {
        assert.ok(!this.isInSend, 'nothing is delivered from inside send')
        assert.equal(this.closings.length, 0, 'nothing comes after the end')
        this.messages.push(Uint8Array.from(message))
      },
      onWritable: () => this.writableCount++,
      onClose: (error) => this.closings.push(error),
    }
  }
}

const TURNS_MAX = 5_000

async function eventually(pair: TransportPair, what: string, is: () => boolean): Promise<void> {
  for (let turns = 0; !is(); turns++) {
    assert.ok(turns < TURNS_MAX, `never: ${what}`)
    await pair.turn()
  }
}

async function turns(pair: TransportPair, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await pair.turn()
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255)
}

/** What an implementation cannot do, each with the reason. */
export interface Without {
  /** A reader that pauses does not hold the sender back. */
  readonly backPressure?: string
}

/** Adds the tests for one implementation. `open` makes a new connection for each test. */
export function transportSuite(
  name: string,
  open: () => Promise<TransportPair>,
  without: Without = {},
): void {
  identityTests(name, open)
  messageTests(name, open)
  pauseTests(name, open)
  pressureTests(name, open, without)
  endTests(name, open)
}

function identityTests(name: string, open: () => Promise<TransportPair>): void {
  test(`${name}: both ends hold the same handshake hash, and one of them has dialled`, async () => {
    const { initiator, responder } = await open()

    assert.equal(initiator.isInitiator, true)
    assert.equal(responder.isInitiator, false)
    assert.equal(initiator.handshakeHash.length, 64)
    assert.deepEqual(initiator.handshakeHash, responder.handshakeHash)
    assert.equal(initiator.remotePublicKey.length, 32)
    assert.notDeepEqual(initiator.remotePublicKey, responder.remotePublicKey)

    initiator.close()
    responder.close()
  })
}

function messageTests(name: string, open: () => Promise<TransportPair>): void {
  test(`${name}: messages of any size arrive whole and in order, both ways`, async () => {
    const pair = await open()
    const ears = [new Ear(pair.initiator), new Ear(pair.responder)]
    const sizes = [1, 2, 16, 17, 1_000, 65_535, 65_536, 300_000, 3, 2_000_000, 1]
    const messages = sizes.map((size, i) => pattern(size, i))

    for (const message of messages) {
      pair.initiator.send(message)
      pair.responder.send(message)
    }
    await eventually(pair, 'all arrive', () =>
      ears.every((ear) => ear.messages.length >= messages.length),
    )

    for (const ear of ears) assert.deepEqual(ear.messages, messages)
    pair.initiator.close()
    pair.responder.close()
  })

  test(`${name}: the bytes of a message may be used again after send`, async () => {
    const pair = await open()
    const ear = new Ear(pair.responder)
    new Ear(pair.initiator)
    const bytes = new Uint8Array(100)

    for (let i = 0; i < 10; i++) pair.initiator.send(bytes.fill(i))
    await eventually(pair, 'all arrive', () => ear.messages.length === 10)

    ear.messages.forEach((message, i) => {
      assert.deepEqual(message, new Uint8Array(100).fill(i))
    })
    pair.initiator.close()
    pair.responder.close()
  })

  test(`${name}: what comes before anybody listens is not lost`, async () => {
    const pair = await open()
    pair.initiator.send(pattern(10, 1))
    pair.initiator.send(pattern(20, 2))
    await turns(pair, 20)

    const ear = new Ear(pair.responder)
    await eventually(pair, 'both arrive', () => ear.messages.length === 2)

    assert.deepEqual(ear.messages, [pattern(10, 1), pattern(20, 2)])
    pair.initiator.close()
    pair.responder.close()
  })

  test(`${name}: an answer from inside onMessage goes out`, async () => {
    const pair = await open()
    const ear = new Ear(pair.initiator)
    pair.responder.handler = {
      onMessage: (message) => {
        ear.isInSend = true
        pair.responder.send(message)
        ear.isInSend = false
      },
      onWritable: () => undefined,
      onClose: () => undefined,
    }

    for (let i = 1; i <= 50; i++) pair.initiator.send(pattern(i, i))
    await eventually(pair, 'all come back', () => ear.messages.length === 50)

    ear.messages.forEach((message, i) => {
      assert.deepEqual(message, pattern(i + 1, i + 1))
    })
    pair.initiator.close()
    pair.responder.close()
  })
}

function pauseTests(name: string, open: () => Promise<TransportPair>): void {
  test(`${name}: while paused nothing is handed over, and after it everything in order`, async () => {
    const pair = await open()
    new Ear(pair.initiator)
    const got: number[] = []
    pair.responder.handler = {
      onMessage: (message) => {
        got.push(message[0] ?? -1)
        if (got.length === 2) pair.responder.pause()
      },
      onWritable: () => undefined,
      onClose: () => undefined,
    }

    for (let i = 0; i < 10; i++) pair.initiator.send(Uint8Array.of(i))
    await eventually(pair, 'the pause is reached', () => got.length === 2)
    await turns(pair, 20)
    assert.deepEqual(got, [0, 1], 'the third waits')

    pair.responder.resume()
    assert.deepEqual(got, [0, 1], 'resume itself hands nothing over')
    await eventually(pair, 'the rest arrives', () => got.length === 10)
    assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    pair.initiator.close()
    pair.responder.close()
  })
}

function pressureTests(
  name: string,
  open: () => Promise<TransportPair>,
  { backPressure }: Without,
): void {
  const skip = backPressure ?? false
  test(`${name}: a sender whose remote does not read is told to wait, and then to go on`, {
    skip,
  }, async () => {
    const pair = await open()
    const sender = new Ear(pair.initiator)
    const reader = new Ear(pair.responder)
    pair.responder.pause()
    const chunk = new Uint8Array(65_536)
    let sent = 0

    for (let refused = 0; refused < 50; ) {
      assert.ok(sent < 3_000, 'a pipe that is never full keeps without limit')
      if (pair.initiator.writable) {
        pair.initiator.send(chunk)
        sent++
        refused = 0
      } else {
        refused++
        await pair.turn()
      }
    }
    const before = sender.writableCount

    pair.responder.resume()
    await eventually(pair, 'told to go on', () => sender.writableCount > before)
    await eventually(pair, 'all arrive', () => reader.messages.length === sent)
    assert.equal(pair.initiator.writable, true)
    pair.initiator.close()
    pair.responder.close()
  })
}

function endTests(name: string, open: () => Promise<TransportPair>): void {
  test(`${name}: what was sent before an orderly close arrives, then both ends hear of it once`, async () => {
    const pair = await open()
    const near = new Ear(pair.initiator)
    const far = new Ear(pair.responder)

    for (let i = 0; i < 20; i++) pair.initiator.send(pattern(10_000, i))
    pair.initiator.close()
    pair.initiator.close(new Error('too late'))
    pair.initiator.send(Uint8Array.of(1))
    await eventually(pair, 'both hear', () => near.closings.length + far.closings.length >= 2)
    await turns(pair, 20)

    assert.deepEqual(near.closings, [undefined])
    assert.deepEqual(far.closings, [undefined])
    assert.equal(far.messages.length, 20)
    assert.equal(pair.initiator.writable, false)
  })

  test(`${name}: a close with an error gives it to the own handler, and the other end is closed`, async () => {
    const pair = await open()
    const near = new Ear(pair.initiator)
    const far = new Ear(pair.responder)
    const error = new Error('enough')

    pair.initiator.close(error)
    assert.equal(near.closings.length, 0, 'not from inside close')
    await eventually(pair, 'both hear', () => near.closings.length + far.closings.length >= 2)

    assert.deepEqual(near.closings, [error])
    assert.equal(far.closings.length, 1)
  })
}

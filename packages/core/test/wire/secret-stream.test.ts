/**
 * The secret stream against the reference's bytes, strangers, and the clock.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import sodium from 'sodium-native'
import { DatError } from '../../src/base/errors.ts'
import {
  FRAME_BYTES_MAX,
  HANDSHAKE_FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  KEEP_ALIVE_MISSED_MAX,
  KEEP_ALIVE_MS,
} from '../../src/base/limits.ts'
import { concat, fromHex, hex } from '../../src/bytes/bytes.ts'
import { crypto, type StreamOut, setCrypto } from '../../src/crypto/crypto.ts'
import { MESSAGE_BYTES_MAX } from '../../src/wire/frame-writer.ts'
import { SecretStream } from '../../src/wire/secret-stream.ts'
import type { TransportHandler } from '../../src/wire/transport.ts'
import { transportSuite } from '../suites/transport.ts'
import { vectors } from '../vectors.ts'
import { TestClock } from './simulated.ts'
import { fixedKeyPair, streamPair, TestPipe } from './streams.ts'

type Role = 'initiator' | 'responder'

interface Session {
  keys: Record<Role, { handshakeHash: string; remotePublicKey: string }>
  rawWrites: { from: Role; hex: string }[]
  plaintextSent: { from: Role; hex: string }[]
}

const { sessions } = vectors<{ sessions: Session[] }>('gen3-core/transport')

transportSuite('secret stream', async () => {
  const clock = new TestClock()
  const { initiator, responder } = streamPair(clock)
  clock.run()
  return {
    initiator,
    responder,
    turn: async () => {
      clock.turn()
    },
  }
})

// ---- The reference's bytes -----------------------------------------------------------------------

/** A sending half that begins with a given header: the same state as the receiving half starts from. */
function fixedStreamOut(fixed: Uint8Array): (header: Uint8Array, key: Uint8Array) => StreamOut {
  return (header, key) => {
    header.set(fixed)
    const state = new Uint8Array(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES)
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, fixed, key)
    return {
      push(out, plain) {
        const tag = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
        sodium.crypto_secretstream_xchacha20poly1305_push(state, out, plain, null, tag)
      },
    }
  }
}

const provider = crypto()

for (const role of ['initiator', 'responder'] as const) {
  test(`with fixed keys the ${role} writes the reference's bytes and reads its messages`, (t) => {
    t.after(() => setCrypto(provider))
    for (const session of sessions) {
      const of = (from: Role): Uint8Array[] =>
        session.rawWrites.filter((w) => w.from === from).map((w) => fromHex(w.hex))
      const theirs = of(role === 'initiator' ? 'responder' : 'initiator')
      const ours = of(role)
      const header = ours.find((write) => write[0] === 0x38)?.subarray(3 + 32)
      assert.ok(header, 'a header is there')
      setCrypto({ ...provider, streamOut: fixedStreamOut(header) })
      const pipe = new TestPipe()
      const got: string[] = []

      const stream = new SecretStream(pipe, {
        isInitiator: role === 'initiator',
        keyPair: fixedKeyPair(role === 'initiator' ? 0x15 : 0x16),
        ephemeral: fixedKeyPair(role === 'initiator' ? 0x17 : 0x18),
        clock: new TestClock(),
        onOpen: (opened) => {
          opened.handler = listener((message) => got.push(hex(message)))
        },
        onFailed: assert.fail,
      })
      for (const write of theirs) stream.receive(write)
      for (const { from, hex: text } of session.plaintextSent) {
        if (from === role) stream.send(fromHex(text))
      }

      assert.deepEqual(pipe.writes.map(hex), ours.map(hex))
      const sentToUs = session.plaintextSent.filter((p) => p.from !== role && p.hex !== '')
      assert.deepEqual(
        got,
        sentToUs.map((p) => p.hex),
      )
      assert.equal(hex(stream.handshakeHash), session.keys[role].handshakeHash)
      assert.equal(hex(stream.remotePublicKey), session.keys[role].remotePublicKey)
    }
  })
}

// ---- Framing -------------------------------------------------------------------------------------

test('however the wire cuts and joins bytes, the messages are the same', () => {
  const run = (sizes: number[], cuts: number[]): void => {
    const clock = new TestClock()
    let next = 0
    const cut = (bytes: Uint8Array): Uint8Array[] => {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; ) {
        const length = cuts[next++ % cuts.length] ?? 1
        chunks.push(bytes.subarray(at, at + length))
        at += length
      }
      return chunks
    }
    const { initiator, responder } = streamPair(clock, { cut })
    const got: Uint8Array[] = []
    responder.handler = listener((message) => got.push(Uint8Array.from(message)))
    clock.run()

    for (const size of sizes) initiator.send(new Uint8Array(size).fill(size))
    clock.run()

    assert.deepEqual(
      got,
      sizes.filter((size) => size > 0).map((size) => new Uint8Array(size).fill(size)),
    )
  }
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(5_000)), { maxLength: 12 })
  const cuts = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 })

  run([0, 1, 2, 300], [1])
  run([4_000, 0, 4_000], [2, 3, 1])
  fc.assert(fc.property(sizes, cuts, run), { numRuns: 60 })
})

test('a message of the largest size goes through, one byte more is refused before anything is sent', () => {
  const { clock, initiator, responder } = openPair()
  let got = 0
  responder.handler = listener((message) => {
    got = message.length
  })

  initiator.send(new Uint8Array(MESSAGE_BYTES_MAX))
  clock.run()
  // A stream's frame has 17 bytes beside the message.
  assert.equal(got, FRAME_BYTES_MAX - 17)

  assert.throws(() => initiator.send(new Uint8Array(MESSAGE_BYTES_MAX + 1)), {
    code: 'BAD_ARGUMENT',
  })
})

test('a frame that claims sixteen megabytes makes us hold only what has arrived', () => {
  const { clock, responder } = openPair()
  responder.handler = listener(() => assert.fail())
  const before = process.memoryUsage().arrayBuffers

  for (let i = 0; i < 50; i++) responder.receive(i === 0 ? fromHex('ffffff') : new Uint8Array(10))
  clock.run()

  const grownBytes = process.memoryUsage().arrayBuffers - before
  assert.ok(grownBytes < 1_000_000, `${grownBytes} bytes more`)
})

// ---- Strangers -----------------------------------------------------------------------------------

test('before the handshake is done a frame of 96 bytes is looked at and one of 97 is refused', () => {
  const frame = (length: number): Uint8Array =>
    concat(Uint8Array.of(length, 0, 0), new Uint8Array(length))
  assert.equal(HANDSHAKE_FRAME_BYTES_MAX, 96)

  assert.equal(strangerSays(frame(96)), 'BAD_HANDSHAKE')
  assert.equal(strangerSays(frame(97)), 'OVER_LIMIT')
  assert.equal(strangerSays(fromHex('610000')), 'OVER_LIMIT', 'as soon as the length is seen')
  assert.equal(strangerSays(fromHex('600000')), undefined, 'waits for more')
})

test('a stranger whose key is no point, or of small order, is refused', () => {
  for (const point of ['00'.repeat(32), `01${'00'.repeat(31)}`, 'ff'.repeat(32)]) {
    assert.equal(strangerSays(fromHex(`200000${point}`)), 'BAD_HANDSHAKE')
  }
})

test('any bytes of a stranger end in a typed error or in waiting, and never in an answer that is not due', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const code = strangerSays(bytes)
      assert.ok([undefined, 'BAD_HANDSHAKE', 'OVER_LIMIT'].includes(code), code)
    }),
    { numRuns: 200 },
  )
})

test('a stranger that stops in the handshake is cut after HANDSHAKE_MS_MAX', () => {
  const clock = new TestClock()
  const { stream, failures, pipe } = responderAlone(clock)

  clock.advance(HANDSHAKE_MS_MAX - 1)
  assert.equal(failures.length, 0)
  clock.advance(1)

  assert.equal(codeOf(failures[0]), 'TIMEOUT')
  assert.notEqual(pipe.closed, undefined)
  assert.equal(stream.writable, false)
  assert.equal(clock.timerCount, 0)
})

test('a stream that hangs up in the handshake has failed', () => {
  const { stream, failures } = responderAlone(new TestClock())

  stream.ended()

  assert.equal(codeOf(failures[0]), 'BAD_HANDSHAKE')
})

test('a peer other than the expected one is refused by either side', () => {
  const stranger = fixedKeyPair(9).publicKey
  for (const side of ['initiator', 'responder'] as const) {
    const clock = new TestClock()
    const { failures } = streamPair(clock, { [side]: { remotePublicKey: stranger } })

    clock.run()

    assert.ok(failures.some((error) => codeOf(error) === 'BAD_HANDSHAKE'))
  }
  const clock = new TestClock()
  const { failures } = streamPair(clock, {
    initiator: { remotePublicKey: fixedKeyPair(0x16).publicKey },
    responder: { remotePublicKey: fixedKeyPair(0x15).publicKey },
  })
  clock.run()
  assert.deepEqual(failures, [])
})

test("our own header, reflected, is refused as the peer's", () => {
  const clock = new TestClock()
  const pipe = new TestPipe()
  const endings: unknown[] = []
  const stream = new SecretStream(pipe, {
    isInitiator: false,
    keyPair: fixedKeyPair(0x16),
    ephemeral: fixedKeyPair(0x18),
    clock,
    onOpen: (opened) => {
      opened.handler = { ...listener(() => undefined), onClose: (error) => endings.push(error) }
    },
    onFailed: assert.fail,
  })
  const fromInitiator = (sessions[0]?.rawWrites ?? []).filter((w) => w.from === 'initiator')
  for (const write of fromInitiator.slice(0, 2)) stream.receive(fromHex(write.hex))

  stream.receive(pipe.writes[1] ?? assert.fail('our header was written'))
  clock.run()

  assert.equal(codeOf(endings[0]), 'BAD_HANDSHAKE')
})

test('a flipped bit, a repeated frame or a frame too short for a tag ends the connection', () => {
  const damages: ((frame: Uint8Array) => Uint8Array)[] = [
    (frame) => frame.map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
    (frame) => concat(frame, frame),
    () => fromHex('100000'.padEnd(38, '0')),
  ]
  for (const damage of damages) {
    const clock = new TestClock()
    let isOpen = false
    const { initiator, responder } = streamPair(clock, {
      cut: (bytes) => (isOpen ? [damage(bytes)] : [bytes]),
    })
    let ended: unknown
    responder.handler = {
      ...listener(() => undefined),
      onClose: (error) => {
        ended = error
      },
    }
    clock.run()
    isOpen = true

    initiator.send(new Uint8Array(100))
    clock.run()

    assert.equal(codeOf(ended), 'BAD_FRAME')
  }
})

// ---- Life ----------------------------------------------------------------------------------------

test('an idle connection is kept alive by empty messages that nobody hears of', () => {
  const { clock, initiator, responder } = openPair()
  const got: Uint8Array[] = []
  let ended = 0
  for (const stream of [initiator, responder]) {
    stream.handler = { ...listener((m) => got.push(m)), onClose: () => ended++ }
  }

  clock.advance(20 * KEEP_ALIVE_MS)

  assert.equal(ended, 0)
  assert.deepEqual(got, [])
})

test('a peer that has missed three signs of life is gone', () => {
  const clock = new TestClock()
  let isCut = false
  const { responder } = streamPair(clock, { cut: (bytes) => (isCut ? [] : [bytes]) })
  const endings: unknown[] = []
  responder.handler = { ...listener(() => undefined), onClose: (error) => endings.push(error) }
  clock.run()
  isCut = true

  clock.advance(KEEP_ALIVE_MISSED_MAX * KEEP_ALIVE_MS - 1)
  assert.equal(endings.length, 0)
  clock.advance(KEEP_ALIVE_MS + 1)

  assert.equal(endings.length, 1)
  assert.equal(codeOf(endings[0]), 'TIMEOUT')
})

test('while we do not read, silence is no sign of death', () => {
  const { clock, initiator, responder } = openPair()
  let ended = 0
  responder.handler = { ...listener(() => undefined), onClose: () => ended++ }
  initiator.handler = listener(() => undefined)

  responder.pause()
  clock.advance(10 * KEEP_ALIVE_MS)
  assert.equal(ended, 0)

  responder.resume()
  clock.advance(10 * KEEP_ALIVE_MS)
  assert.equal(ended, 0)
})

// ---- Helpers -------------------------------------------------------------------------------------

function listener(onMessage: (message: Uint8Array) => void): TransportHandler {
  return { onMessage, onWritable: () => undefined, onClose: () => undefined }
}

function openPair(): { clock: TestClock; initiator: SecretStream; responder: SecretStream } {
  const clock = new TestClock()
  const { initiator, responder } = streamPair(clock)
  clock.run()
  return { clock, initiator, responder }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof DatError ? error.code : undefined
}

function responderAlone(clock: TestClock): {
  stream: SecretStream
  pipe: TestPipe
  failures: Error[]
} {
  const pipe = new TestPipe()
  const failures: Error[] = []
  const stream = new SecretStream(pipe, {
    isInitiator: false,
    keyPair: fixedKeyPair(1),
    ephemeral: fixedKeyPair(2),
    clock,
    onOpen: () => assert.fail('nobody has proved anything'),
    onFailed: (error) => failures.push(error),
  })
  return { stream, pipe, failures }
}

/** The code of the error that a responder ends with when a stranger sends `bytes`. */
function strangerSays(bytes: Uint8Array): string | undefined {
  const { stream, failures } = responderAlone(new TestClock())
  stream.receive(bytes)
  assert.ok(failures.length <= 1, 'told once')
  return codeOf(failures[0])
}

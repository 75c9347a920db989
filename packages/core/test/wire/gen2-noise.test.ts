/** The handshakes of hypercore 8 and 9 are theirs byte for byte. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import { equal, fromHex, hex } from '../../src/bytes/bytes.ts'
import { feedKeyPair, NOISE_7, NOISE_8, nonceOf, noncePayload } from '../../src/wire/gen2-noise.ts'
import { NoiseXX } from '../../src/wire/noise.ts'
import '../setup.ts'
import { vectors } from '../vectors.ts'

interface Party {
  readonly staticSeed: string
  readonly staticPublic: string
  readonly ephemeralSeed: string
  readonly nonce: string
}

interface Row {
  readonly initiator: Party
  readonly responder: Party
  readonly messages: { readonly from: string; readonly framed: string }[]
  readonly handshakeHash: string
  readonly initiatorSplit: { readonly tx: string; readonly rx: string }
}

function side(row: Row, name: 'initiator' | 'responder', protocol: 7 | 8): NoiseXX {
  const party = row[name]
  return new NoiseXX({
    isInitiator: name === 'initiator',
    keyPair: feedKeyPair(fromHex(party.staticSeed)),
    ephemeral: feedKeyPair(fromHex(party.ephemeralSeed)),
    suite: protocol === 8 ? NOISE_8 : NOISE_7,
    payload: noncePayload(fromHex(party.nonce)),
  })
}

for (const protocol of [7, 8] as const) {
  test(`the handshake of protocol ${protocol} has the messages, keys and nonces of the package`, () => {
    const row = vectors<Row>(`gen2/noise-xx-protocol${protocol}`)
    const initiator = side(row, 'initiator', protocol)
    const responder = side(row, 'responder', protocol)

    for (const { from, framed } of row.messages) {
      const [writer, reader] =
        from === 'initiator' ? [initiator, responder] : [responder, initiator]
      const message = writer.write()
      assert.equal(hex(Uint8Array.of(message.length)) + hex(message), framed)
      reader.read(message)
    }

    const session = initiator.session()
    assert.equal(hex(session.handshakeHash), row.handshakeHash)
    assert.equal(hex(session.sendKey), row.initiatorSplit.tx)
    assert.equal(hex(session.receiveKey), row.initiatorSplit.rx)
    assert.equal(hex(session.remotePublicKey), row.responder.staticPublic)
    assert.equal(hex(nonceOf(session.remotePayload)), row.responder.nonce)
    assert.equal(hex(nonceOf(responder.session().remotePayload)), row.initiator.nonce)
  })
}

test('the two protocols do not understand one another', () => {
  const row = vectors<Row>('gen2/noise-xx-protocol8')
  const initiator = side(row, 'initiator', 8)
  const responder = side(row, 'responder', 7)
  responder.read(initiator.write())
  const answer = responder.write()

  assert.throws(() => initiator.read(answer), { code: 'BAD_HANDSHAKE' })
})

test('whatever comes in the place of a message is refused, and never ends in another error', () => {
  const row = vectors<Row>('gen2/noise-xx-protocol8')
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 140 }),
      fc.integer({ min: 0, max: 2 }),
      (bytes, step) => {
        const initiator = side(row, 'initiator', 8)
        const responder = side(row, 'responder', 8)
        const pair = [initiator, responder]
        for (let i = 0; i < step; i++) pair[(i + 1) % 2]?.read(pair[i % 2]?.write() ?? bytes)
        const writer = pair[step % 2]
        const reader = pair[(step + 1) % 2]
        const right = writer?.write()
        if (right === undefined || equal(right, bytes)) return
        try {
          reader?.read(bytes)
          // The first message has no seal: any key and payload of the right length is one.
          assert.ok(step === 0 && bytes.length === 58)
        } catch (error) {
          assert.ok(error instanceof DatError && error.code === 'BAD_HANDSHAKE')
        }
      },
    ),
  )
})

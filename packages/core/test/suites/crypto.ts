/**
 * The contract of `Crypto`, as tests. Every provider runs this file: `crypto/providers.test.ts`.
 *
 * Expected bytes come from the reference implementations (vectors) and from RFCs. What concerns single points
 * of the curve is in `crypto-points.ts`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { type Crypto, STREAM_HEADER_BYTES, STREAM_OVERHEAD_BYTES } from '../../src/crypto/crypto.ts'
import { vectors } from '../vectors.ts'
import { pointSuite } from './crypto-points.ts'

/** Adds the tests for one provider. */
export function cryptoSuite(name: string, provider: () => Crypto): void {
  hashTests(name, provider)
  signatureTests(name, provider)
  pointSuite(name, provider)
  cipherTests(name, provider)
  streamTests(name, provider)
}

const EMPTY = new Uint8Array(0)

/** Runs `fill` on a buffer of `length` bytes and returns them as hex. */
function filled(length: number, fill: (out: Uint8Array) => unknown): string {
  const out = new Uint8Array(length)
  fill(out)
  return hex(out)
}

interface Transport {
  sessions: {
    keys: { initiator: { tx: string; handshakeHash: string }; responder: { tx: string } }
    streamId: { initiator: string }
    rawWrites: { from: 'initiator' | 'responder'; hex: string }[]
    plaintextSent: { from: 'initiator' | 'responder'; hex: string }[]
  }[]
}

// ---- Hashes --------------------------------------------------------------------------------------

interface Namespaces {
  namespaces: { 'hyperswarm/secret-stream': { INITIATOR_0: string } }
}

function hashTests(name: string, provider: () => Crypto): void {
  test(`${name}: hash is BLAKE2b-256`, () => {
    interface Leaf {
      data: string
      leafHash: string
    }
    for (const leaf of vectors<{ leaves: Leaf[] }>('gen2/crypto').leaves) {
      const data = fromHex(leaf.data)
      // Generation 2: zero, then the size big-endian, then the block.
      const input = new Uint8Array(9 + data.length)
      new DataView(input.buffer).setUint32(5, data.length)
      input.set(data, 9)
      assert.equal(
        filled(32, (out) => provider().hash(out, input)),
        leaf.leafHash,
      )
    }
    assert.equal(
      filled(32, (out) => provider().hash(out, EMPTY)),
      '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
    )
  })

  test(`${name}: hash writes into the middle of a buffer and touches nothing around it`, () => {
    const memory = new Uint8Array(40)

    provider().hash(memory.subarray(4, 36), memory.subarray(0, 0))

    assert.equal(hex(memory.subarray(4, 8)), '0e5751c0')
    assert.equal(hex(memory.subarray(0, 4)), '00000000')
    assert.equal(hex(memory.subarray(36)), '00000000')
  })

  test(`${name}: hashPart is the hash of that part, wherever both stand in their memory`, () => {
    const memory = Uint8Array.from({ length: 300 }, (_, i) => i)
    const bytes = memory.subarray(3, 290)
    const end = bytes.length
    for (const from of [0, 7, end]) {
      const room = new Uint8Array(40)
      provider().hashPart(room.subarray(5, 37), bytes, from, end)

      const whole = filled(32, (out) => provider().hash(out, bytes.subarray(from, end)))
      assert.equal(hex(room), `0000000000${whole}000000`)
    }
  })

  test(`${name}: hashKeyed is BLAKE2b-256 with keys of 32 and 64 bytes`, () => {
    for (const row of vectors<{ discoveryKeys: { key: string; discoveryKey: string }[] }>(
      'gen2/crypto',
    ).discoveryKeys) {
      const key = fromHex(row.key)
      assert.equal(
        filled(32, (out) => provider().hashKeyed(out, utf8('hypercore'), key)),
        row.discoveryKey,
      )
    }
    const [session] = vectors<Transport>('gen3-core/transport').sessions
    const { namespaces } = vectors<Namespaces>('gen3-core/keys-manifests')
    assert.ok(session !== undefined)
    const key64 = fromHex(session.keys.initiator.handshakeHash)
    const input = fromHex(namespaces['hyperswarm/secret-stream'].INITIATOR_0)
    assert.equal(
      filled(32, (out) => provider().hashKeyed(out, input, key64)),
      session.streamId.initiator,
    )
  })

  test(`${name}: hash512 and sha512 are BLAKE2b-512 and SHA-512`, () => {
    // RFC 7693 appendix A, FIPS 180 example: both of "abc".
    assert.equal(
      filled(64, (out) => provider().hash512(out, utf8('abc'))),
      'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1' +
        '7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
    )
    assert.equal(
      filled(64, (out) => provider().sha512(out, utf8('abc'))),
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    )
  })
}

// ---- Signatures ----------------------------------------------------------------------------------

interface Signed {
  signable: string
  signature: string
}

function signatureTests(name: string, provider: () => Crypto): void {
  test(`${name}: key pairs of seeds are those of libsodium`, () => {
    interface Pair {
      seed: string
      publicKey: string
      secretKey: string
    }
    for (const pair of vectors<{ keyPairs: Pair[] }>('gen3-core/keys-manifests').keyPairs) {
      const made = provider().keyPair(fromHex(pair.seed))
      assert.equal(hex(made.publicKey), pair.publicKey)
      assert.equal(hex(made.secretKey), pair.secretKey)
    }
  })

  test(`${name}: signatures are those of hypercore 11, and are verified`, () => {
    const pair = provider().keyPair(new Uint8Array(32).fill(1))
    const { signables } = vectors<{ signables: { compat: Signed; manifestV1: Signed }[] }>(
      'gen3-core/signatures',
    )
    assert.ok(signables.length > 0)
    for (const { compat, manifestV1 } of signables) {
      for (const { signable, signature } of [compat, manifestV1]) {
        const message = fromHex(signable)
        assert.equal(
          filled(64, (out) => provider().sign(out, message, pair.secretKey)),
          signature,
        )
        assert.equal(provider().verify(fromHex(signature), message, pair.publicKey), true)
      }
    }
  })

  test(`${name}: one changed bit anywhere makes a signature wrong`, () => {
    const pair = provider().keyPair(new Uint8Array(32).fill(1))
    const message = utf8('a message')
    const signature = new Uint8Array(64)
    provider().sign(signature, message, pair.secretKey)
    const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
      const out = Uint8Array.from(bytes)
      out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return out
    }

    assert.equal(provider().verify(signature, message, pair.publicKey), true)
    for (let bit = 0; bit < 512; bit += 37) {
      assert.equal(provider().verify(flipped(signature, bit), message, pair.publicKey), false)
    }
    for (let bit = 0; bit < 256; bit += 37) {
      assert.equal(provider().verify(signature, message, flipped(pair.publicKey, bit)), false)
    }
    assert.equal(provider().verify(signature, flipped(message, 3), pair.publicKey), false)
  })

  test(`${name}: signatures and keys of a wrong length are wrong, not errors`, () => {
    const pair = provider().keyPair(new Uint8Array(32).fill(1))
    const signature = new Uint8Array(65)
    provider().sign(signature.subarray(0, 64), EMPTY, pair.secretKey)

    assert.equal(provider().verify(signature, EMPTY, pair.publicKey), false)
    assert.equal(provider().verify(signature.subarray(0, 63), EMPTY, pair.publicKey), false)
    assert.equal(provider().verify(EMPTY, EMPTY, pair.publicKey), false)
    assert.equal(
      provider().verify(signature.subarray(0, 64), EMPTY, pair.publicKey.subarray(1)),
      false,
    )
  })
}

// ---- Ciphers -------------------------------------------------------------------------------------

function cipherTests(name: string, provider: () => Crypto): void {
  test(`${name}: xsalsa20 is the key stream of generation 1's wire, in place`, () => {
    const row = vectors<{ key: string; nonce: string; keystream: string }>('gen1/xsalsa20')
    const target = new Uint8Array(row.keystream.length / 2)

    provider().xsalsa20(target, fromHex(row.nonce), fromHex(row.key))
    assert.equal(hex(target), row.keystream)

    provider().xsalsa20(target, fromHex(row.nonce), fromHex(row.key))
    assert.equal(hex(target), '00'.repeat(target.length))
  })

  test(`${name}: a keystream goes on where the last call ended, at any place in a block`, () => {
    const row = vectors<{ key: string; nonce: string; keystream: string }>('gen1/xsalsa20')
    const length = row.keystream.length / 2
    for (const parts of [[1, 63, 65, 7], [64, 0, 1], [63, 2], [length]]) {
      const stream = provider().keystream(fromHex(row.nonce), fromHex(row.key))
      const target = new Uint8Array(length)
      let at = 0
      for (const part of [...parts, length]) {
        const end = Math.min(at + part, length)
        stream.xor(target.subarray(at, end))
        at = end
      }
      assert.equal(hex(target), row.keystream)
    }
    const long = new Uint8Array(10_000)
    provider().xsalsa20(long, fromHex(row.nonce), fromHex(row.key))
    const stream = provider().keystream(fromHex(row.nonce), fromHex(row.key))
    for (let at = 0; at < 10_000; at += 777) stream.xor(long.subarray(at, at + 777))
    assert.equal(hex(long), '00'.repeat(10_000))
  })

  test(`${name}: x25519 makes the key pairs of hypercore 9, and refuses points of low order`, () => {
    const base = new Uint8Array(32)
    base[0] = 9
    const row = vectors<{ initiator: { staticPublic: string; staticSecret: string } }>(
      'gen2/noise-xx-protocol8',
    )
    const out = new Uint8Array(32)

    assert.ok(provider().x25519(out, fromHex(row.initiator.staticSecret), base))
    assert.equal(hex(out), row.initiator.staticPublic)

    assert.ok(!provider().x25519(out, fromHex(row.initiator.staticSecret), new Uint8Array(32)))
  })

  test(`${name}: seal is ChaCha20-Poly1305 of RFC 8439, and unseal its inverse`, () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
    const nonce = fromHex('070000004041424344454647')
    const ad = fromHex('50515253c0c1c2c3c4c5c6c7')
    const plain = utf8(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    )
    const sealed = new Uint8Array(plain.length + 16)
    const opened = new Uint8Array(plain.length)

    provider().seal(sealed, plain, ad, nonce, key)

    assert.equal(hex(sealed.subarray(0, 16)), 'd31a8d34648e60db7b86afbc53ef7ec2')
    assert.equal(hex(sealed.subarray(-16)), '1ae10b594f09e26a7e902ecbd0600691')
    assert.equal(provider().unseal(opened, sealed, ad, nonce, key), true)
    assert.deepEqual(opened, plain)
    assert.equal(provider().unseal(opened, sealed, EMPTY, nonce, key), false)
    sealed[3] = (sealed[3] ?? 0) ^ 1
    assert.equal(provider().unseal(opened, sealed, ad, nonce, key), false)
  })

  test(`${name}: nothing can be sealed too, as the handshake does`, () => {
    const sealed = new Uint8Array(16)
    const key = new Uint8Array(32).fill(3)
    const nonce = new Uint8Array(12)

    provider().seal(sealed, EMPTY, key, nonce, key)

    assert.equal(provider().unseal(new Uint8Array(0), sealed, key, nonce, key), true)
  })

  test(`${name}: random fills all of any buffer, differently each time`, () => {
    for (const length of [32, 70_000]) {
      const one = new Uint8Array(length)
      const two = new Uint8Array(length)

      provider().random(one)
      provider().random(two)

      assert.notDeepEqual(one, two)
      // 16 zero bytes by chance: once in 2^128.
      assert.notEqual(hex(one.subarray(-16)), '00'.repeat(16))
    }
  })
}

// ---- Secretstream --------------------------------------------------------------------------------

function streamTests(name: string, provider: () => Crypto): void {
  test(`${name}: streams that stock peers sent are read`, () => {
    const [session] = vectors<Transport>('gen3-core/transport').sessions
    assert.ok(session !== undefined)
    for (const from of ['initiator', 'responder'] as const) {
      const writes: Uint8Array[] = session.rawWrites
        .filter((w) => w.from === from)
        .map((w) => fromHex(w.hex))
      // Behind the handshake: length (3 bytes), stream id (32 bytes), header; then length, message.
      const first = from === 'initiator' ? 2 : 1
      const header = writes[first]?.subarray(3 + 32)
      assert.equal(header?.length, STREAM_HEADER_BYTES)
      const stream = provider().streamIn(header, fromHex(session.keys[from].tx))

      const received = writes.slice(first + 1).map((write) => {
        const sealed = write.subarray(3)
        const out = new Uint8Array(sealed.length - STREAM_OVERHEAD_BYTES)
        assert.ok(stream.pull(out, sealed))
        return hex(out)
      })

      const sent: string[] = session.plaintextSent.filter((p) => p.from === from).map((p) => p.hex)
      assert.deepEqual(received, sent)
    }
  })

  test(`${name}: a stream is read as it was written, in order only`, () => {
    const key = new Uint8Array(32).fill(9)
    const header = new Uint8Array(STREAM_HEADER_BYTES)
    const out = provider().streamOut(header, key)
    const messages = [0, 1, 15, 16, 17, 63, 64, 65, 1000].map((length) => {
      const plain = new Uint8Array(length).fill(length)
      const sealed = new Uint8Array(length + STREAM_OVERHEAD_BYTES)
      out.push(sealed, plain)
      return { plain, sealed }
    })

    const stream = provider().streamIn(header, key)
    for (const { plain, sealed } of messages) {
      const opened = new Uint8Array(plain.length)
      assert.ok(stream.pull(opened, sealed))
      assert.deepEqual(opened, plain)
    }

    const [, second] = messages
    assert.ok(second !== undefined)
    const outOfOrder = provider().streamIn(header, key)
    assert.equal(outOfOrder.pull(new Uint8Array(second.plain.length), second.sealed), false)
  })

  test(`${name}: a message can be sealed in place, one byte behind where its seal begins`, () => {
    const key = new Uint8Array(32).fill(9)
    for (const length of [0, 1, 63, 64, 65, 300, 5000]) {
      const header = new Uint8Array(STREAM_HEADER_BYTES)
      const out = provider().streamOut(header, key)
      const frame = new Uint8Array(length + STREAM_OVERHEAD_BYTES)
      const plain = Uint8Array.from({ length }, (_, i) => i)
      frame.set(plain, 1)

      out.push(frame, frame.subarray(1, 1 + length))

      const opened = new Uint8Array(length)
      assert.ok(provider().streamIn(header, key).pull(opened, frame))
      assert.deepEqual(opened, plain)
    }
  })

  test(`${name}: a changed message, a cut one and another key are refused`, () => {
    const key = new Uint8Array(32).fill(9)
    const header = new Uint8Array(STREAM_HEADER_BYTES)
    const sealed = new Uint8Array(5 + STREAM_OVERHEAD_BYTES)
    provider().streamOut(header, key).push(sealed, utf8('hello'))
    const pull = (message: Uint8Array, withKey = key): boolean =>
      provider()
        .streamIn(header, withKey)
        .pull(new Uint8Array(Math.max(message.length - STREAM_OVERHEAD_BYTES, 0)), message)

    assert.equal(pull(sealed), true)
    assert.equal(pull(sealed.subarray(0, -1)), false)
    assert.equal(pull(sealed.subarray(0, 10)), false)
    assert.equal(pull(sealed, new Uint8Array(32)), false)
    for (const at of [0, 3, sealed.length - 1]) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(pull(changed), false)
    }
  })

  test(`${name}: two streams with one key have two headers`, () => {
    const key = new Uint8Array(32).fill(9)
    const one = new Uint8Array(STREAM_HEADER_BYTES)
    const two = new Uint8Array(STREAM_HEADER_BYTES)

    provider().streamOut(one, key)
    provider().streamOut(two, key)

    assert.notDeepEqual(one, two)
  })
}

/** Both providers fulfil the contract, and agree with one another where no vector reaches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import sodium from 'sodium-native'
import { sodiumCrypto } from '../../../sdk/src/platform/node/crypto-sodium.ts'
import { hex } from '../../src/bytes/bytes.ts'
import type { Crypto } from '../../src/crypto/crypto.ts'
import { loadPortableCrypto } from '../../src/crypto/portable.ts'
import { cryptoSuite } from '../suites/crypto.ts'

const portable = await loadPortableCrypto()

cryptoSuite('sodium', () => sodiumCrypto)
cryptoSuite('portable', () => portable)

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const input = fc.uint8Array({ maxLength: 400 })

/** What both make of the same input must be the same bytes. */
function agree(length: number, run: (provider: Crypto, out: Uint8Array) => void): void {
  const [one, two] = [sodiumCrypto, portable].map((provider) => {
    const out = new Uint8Array(length)
    run(provider, out)
    return hex(out)
  })
  assert.equal(one, two)
}

test('the providers agree on hashes of any input and key', () => {
  const key = fc.uint8Array({ minLength: 16, maxLength: 64 })
  fc.assert(
    fc.property(input, key, (data, k) => {
      agree(32, (provider, out) => provider.hash(out, data))
      agree(32, (provider, out) => provider.hashKeyed(out, data, k))
      agree(64, (provider, out) => provider.hash512(out, data))
    }),
  )
  const large = new Uint8Array(200_000).fill(7)
  agree(32, (provider, out) => provider.hash(out, large))
})

test('the providers read each other, for messages of any length and number', () => {
  fc.assert(
    fc.property(
      fc.array(input, { maxLength: 20 }),
      bytes(32),
      fc.boolean(),
      (messages, key, swap) => {
        const [writer, reader] = swap ? [portable, sodiumCrypto] : [sodiumCrypto, portable]
        const header = new Uint8Array(24)
        const out = writer.streamOut(header, key)
        const stream = reader.streamIn(header, key)
        for (const plain of messages) {
          const sealed = new Uint8Array(plain.length + 17)
          out.push(sealed, plain)
          const opened = new Uint8Array(plain.length)
          assert.ok(stream.pull(opened, sealed))
          assert.deepEqual(opened, plain)
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('the providers seal and sign alike', () => {
  fc.assert(
    fc.property(input, input, bytes(12), bytes(32), (plain, ad, nonce, key) => {
      agree(plain.length + 16, (provider, out) => provider.seal(out, plain, ad, nonce, key))
      const pair = sodiumCrypto.keyPair(key)
      agree(64, (provider, out) => provider.sign(out, plain, pair.secretKey))
    }),
    { numRuns: 10 },
  )
})

test('a portable stream follows when the sender asks for new keys, as libsodium does by itself too', () => {
  const key = new Uint8Array(32).fill(5)
  const header = new Uint8Array(24)
  const state = new Uint8Array(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES)
  sodium.crypto_secretstream_xchacha20poly1305_init_push(state, header, key)
  const stream = portable.streamIn(header, key)
  const tags = { message: 0, push: 1, rekey: 2, final: 3 }

  for (const tag of [tags.message, tags.rekey, tags.message, tags.push, tags.final, tags.message]) {
    const plain = new Uint8Array(20).fill(tag)
    const sealed = new Uint8Array(37)
    sodium.crypto_secretstream_xchacha20poly1305_push(state, sealed, plain, null, tag)

    const opened = new Uint8Array(20)
    assert.ok(stream.pull(opened, sealed), `after tag ${tag}`)
    assert.deepEqual(opened, plain)
  }
})

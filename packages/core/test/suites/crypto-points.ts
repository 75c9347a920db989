/**
 * The part of the contract of `Crypto` that concerns points of the curve: which signatures and factors are
 * refused, where libraries disagree. Run by `crypto.ts`, for every provider.
 *
 * The cases are built with points of small order by hand, because no honest signer makes them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Crypto } from '../../src/crypto/crypto.ts'
import { vectors } from '../vectors.ts'

/** Adds the tests for one provider. */
export function pointSuite(name: string, provider: () => Crypto): void {
  strictnessTests(name, provider)
  curveTests(name, provider)
}

// ---- Where libraries disagree --------------------------------------------------------------------

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const FIELD = 2n ** 255n - 19n
const TORSION = ED25519_TORSION_SUBGROUP.map((text) => Point.fromHex(text, true))
const SECRET = 12_345_678_901_234_567_890n
const NONCE = 987_654_321_987_654_321n
const A = Point.BASE.multiply(SECRET)
const R = Point.BASE.multiply(NONCE)
const MESSAGE = utf8('torsion')

const le32 = (value: bigint): Uint8Array => numberToBytesLE(value, 32)
const joined = (r: Uint8Array, s: bigint): Uint8Array => Buffer.concat([r, le32(s)])

/** A signature of the equation s B = R + h A, whatever torsion `r` and `a` carry. */
function forge(provider: Crypto, r: Uint8Array, a: Uint8Array, nonce: bigint): Uint8Array {
  const digest = new Uint8Array(64)
  provider.sha512(digest, Buffer.concat([r, a, MESSAGE]))
  return joined(r, (nonce + bytesToNumberLE(digest) * SECRET) % ORDER)
}

function strictnessTests(name: string, provider: () => Crypto): void {
  const verify = (signature: Uint8Array, key: Uint8Array): boolean =>
    provider().verify(signature, MESSAGE, key)

  test(`${name}: a scalar that is not reduced is refused`, () => {
    const good = forge(provider(), R.toBytes(), A.toBytes(), NONCE)
    const scalar = bytesToNumberLE(good.subarray(32))

    assert.equal(verify(good, A.toBytes()), true)
    assert.equal(verify(joined(R.toBytes(), scalar + ORDER), A.toBytes()), false)
  })

  test(`${name}: the equation holds without the cofactor`, () => {
    for (const torsion of TORSION.slice(1)) {
      const r = R.add(torsion).toBytes()
      assert.equal(verify(forge(provider(), r, A.toBytes(), NONCE), A.toBytes()), false)
    }
  })

  test(`${name}: keys and R of small order are refused`, () => {
    for (const torsion of TORSION) {
      const point = torsion.toBytes()
      assert.equal(verify(forge(provider(), point, A.toBytes(), 0n), A.toBytes()), false)
      assert.equal(verify(joined(R.toBytes(), NONCE), point), false)
    }
  })

  test(`${name}: points that are not encoded canonically are refused`, () => {
    for (let y = 0n; y < 19n; y++) {
      const point = le32(FIELD + y)
      assert.equal(verify(joined(R.toBytes(), NONCE), point), false)
      assert.equal(verify(forge(provider(), point, A.toBytes(), 0n), A.toBytes()), false)
    }
  })
}

// ---- Point multiplication ------------------------------------------------------------------------

interface SharedSecret {
  secretSeed: string
  publicKey: string
  dh: string
}

function curveTests(name: string, provider: () => Crypto): void {
  const multiply = (scalar: bigint, point: Uint8Array): string | undefined => {
    const out = new Uint8Array(32)
    return provider().multiply(out, le32(scalar), point) ? hex(out) : undefined
  }

  test(`${name}: Diffie-Hellman on Ed25519 gives the secrets of today's network`, () => {
    for (const row of vectors<{ dh: SharedSecret[] }>('gen3-core/transport').dh) {
      const scalar = new Uint8Array(64)
      provider().sha512(scalar, fromHex(row.secretSeed))
      scalar[0] = (scalar[0] ?? 0) & 248
      scalar[31] = ((scalar[31] ?? 0) & 127) | 64
      const out = new Uint8Array(32)

      assert.ok(provider().multiply(out, scalar.subarray(0, 32), fromHex(row.publicKey)))

      assert.equal(hex(out), row.dh)
    }
  })

  test(`${name}: multiplication does not clamp, and ignores the top bit`, () => {
    assert.equal(multiply(3n, A.toBytes()), A.multiply(3n).toHex())
    assert.equal(multiply(3n + 2n ** 255n, A.toBytes()), A.multiply(3n).toHex())
    assert.equal(multiply(ORDER + 1n, A.toBytes()), A.toHex())
  })

  test(`${name}: multiplication refuses points outside the main subgroup and the neutral result`, () => {
    for (const torsion of TORSION) assert.equal(multiply(3n, torsion.toBytes()), undefined)
    for (const torsion of TORSION.slice(1)) {
      assert.equal(multiply(8n, A.add(torsion).toBytes()), undefined)
    }
    assert.equal(multiply(0n, A.toBytes()), undefined)
    assert.equal(multiply(ORDER, A.toBytes()), undefined)
    assert.equal(multiply(3n, le32(FIELD + 3n)), undefined)
    assert.equal(multiply(3n, le32(2n)), undefined)
  })
}

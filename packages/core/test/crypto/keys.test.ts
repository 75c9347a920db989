/** Discovery keys, namespaces, key pairs and corestore's derivation, against the reference's bytes. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { crypto } from '../../src/crypto/crypto.ts'
import { childNamespace, deriveKeyPair, ROOT_NAMESPACE } from '../../src/crypto/derive.ts'
import {
  discoveryKey,
  hash,
  hashKeyed,
  isKeyPair,
  keyPair,
  namespace,
  sign,
} from '../../src/crypto/keys.ts'
import { vectors } from '../vectors.ts'

interface KeyVectors {
  namespaces: Record<string, Record<string, string>>
  ids: { key: string; discoveryKey: string }[]
}

interface DerivedKey {
  primaryKey: string
  namespacePath: (string | { hex: string })[]
  namespace: string
  name: string
  seed: string
  publicKey: string
  secretKey: string
}

const isBadArgument = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')

test('namespaces are those that the reference derives', () => {
  const { namespaces } = vectors<KeyVectors>('gen3-core/keys-manifests')
  let checked = 0
  for (const [name, entries] of Object.entries(namespaces)) {
    for (const [label, expected] of Object.entries(entries)) {
      if (typeof entries !== 'object') continue
      assert.equal(hex(namespace(name, Number(label.split('_').pop()))), expected, label)
      checked++
    }
  }
  assert.ok(checked > 10)
})

test('discovery keys are equal in all generations', () => {
  const gen1 = vectors<{ cases: { publicKey: string; discoveryKey: string }[] }>('gen1/keys').cases
  for (const row of gen1) {
    assert.equal(hex(discoveryKey(fromHex(row.publicKey))), row.discoveryKey)
  }
  for (const row of vectors<{ discoveryKeys: KeyVectors['ids'] }>('gen2/crypto').discoveryKeys) {
    assert.equal(hex(discoveryKey(fromHex(row.key))), row.discoveryKey)
  }
  for (const row of vectors<KeyVectors>('gen3-core/keys-manifests').ids) {
    assert.equal(hex(discoveryKey(fromHex(row.key))), row.discoveryKey)
  }
})

test('hashes join their parts without anything between them', () => {
  const key = new Uint8Array(32).fill(1)

  assert.deepEqual(hash(utf8('ab'), utf8('c')), hash(utf8('abc')))
  assert.deepEqual(hashKeyed(key, utf8('ab'), utf8('c')), hashKeyed(key, utf8('abc')))
  assert.notDeepEqual(hash(utf8('abc')), hashKeyed(key, utf8('abc')))
})

test('names in a corestore derive the key pairs that corestore 6 and 7 derive', () => {
  const { cases } = vectors<{ cases: DerivedKey[] }>('gen3-upper/corestore-keys')
  assert.ok(cases.length > 10)
  for (const row of cases) {
    let space = ROOT_NAMESPACE
    for (const part of row.namespacePath) {
      space = childNamespace(space, typeof part === 'string' ? part : fromHex(part.hex))
    }
    assert.equal(hex(space), row.namespace)

    const pair = deriveKeyPair(fromHex(row.primaryKey), space, row.name)

    assert.equal(hex(pair.publicKey), row.publicKey)
    assert.equal(hex(pair.secretKey), row.secretKey)
  }
})

test('a name as bytes and as text is the same name', () => {
  const primaryKey = new Uint8Array(32).fill(7)

  assert.deepEqual(childNamespace(ROOT_NAMESPACE, utf8('ü')), childNamespace(ROOT_NAMESPACE, 'ü'))
  assert.deepEqual(
    deriveKeyPair(primaryKey, ROOT_NAMESPACE, utf8('ü')),
    deriveKeyPair(primaryKey, ROOT_NAMESPACE, 'ü'),
  )
})

test('a new key pair is random and whole; a seed gives the same one again', () => {
  const seed = new Uint8Array(32).fill(3)

  assert.deepEqual(keyPair(seed), keyPair(seed))
  assert.notDeepEqual(keyPair(), keyPair())
  assert.equal(isKeyPair(keyPair()), true)
})

test('halves that do not belong together are no key pair', () => {
  const one = keyPair()
  const two = keyPair()
  const mixed = Uint8Array.from(one.secretKey)
  mixed.set(two.publicKey, 32)

  assert.equal(isKeyPair({ publicKey: two.publicKey, secretKey: one.secretKey }), false)
  assert.equal(isKeyPair({ publicKey: two.publicKey, secretKey: mixed }), false)
  assert.equal(isKeyPair({ publicKey: one.publicKey, secretKey: new Uint8Array(32) }), false)
})

test('a signature made here is verified', () => {
  const pair = keyPair()
  const message = utf8('hello')

  assert.equal(crypto().verify(sign(message, pair.secretKey), message, pair.publicKey), true)
})

test('keys, seeds and secrets of a wrong length are refused', () => {
  assert.throws(() => discoveryKey(new Uint8Array(31)), isBadArgument)
  assert.throws(() => keyPair(new Uint8Array(33)), isBadArgument)
  assert.throws(() => sign(utf8('x'), new Uint8Array(32)), isBadArgument)
})

/** Manifests, the keys that follow from them, and identities of logs. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { discoveryKey, namespace } from '../../src/crypto/keys.ts'
import { logIdentity, plainIdentity } from '../../src/log/identity.ts'
import {
  createManifest,
  DEFAULT_NAMESPACE,
  decodeManifest,
  defaultManifest,
  encodeManifest,
  isCompat,
  type ManifestInput,
  manifestKey,
} from '../../src/log/manifest.ts'
import { vectors } from '../vectors.ts'
import { testKeyPair } from './support.ts'

interface HexManifest {
  version: 0 | 1 | 2 | 3
  allowPatch: boolean
  quorum: number
  signers: { namespace: string; publicKey: string }[]
  prologue: { hash: string; length: number } | null
  linked: string[] | null
  userData: string | null
}

interface Vectors {
  namespaces: { hypercore: { DEFAULT_NAMESPACE_4: string; MANIFEST_3: string } }
  corestore: { derived: { publicKey: string; keyManifestV1: string; keyManifestV0: string }[] }
  manifests: {
    about: string
    manifest: HexManifest
    encoded: string
    key: string
    discoveryKey: string
  }[]
  manifestDecode: {
    about: string
    encoded: string
    decodes: boolean
    reEncoded?: string
    key?: string
  }[]
}

const given = vectors<Vectors>('gen3-core/keys-manifests')

function inputOf(m: HexManifest): ManifestInput {
  return {
    version: m.version,
    allowPatch: m.allowPatch,
    quorum: m.quorum,
    signers: m.signers.map((s) => ({
      namespace: fromHex(s.namespace),
      publicKey: fromHex(s.publicKey),
    })),
    ...(m.prologue && { prologue: { hash: fromHex(m.prologue.hash), length: m.prologue.length } }),
    ...(m.linked && { linked: m.linked.map(fromHex) }),
    ...(m.userData !== null && { userData: fromHex(m.userData) }),
  }
}

test('every manifest of the vectors has the encoding and the key of hypercore 11', () => {
  assert.equal(given.manifests.length, 21)
  for (const { about, manifest, encoded, key, discoveryKey: topic } of given.manifests) {
    const bytes = encodeManifest(createManifest(inputOf(manifest)))

    assert.equal(hex(bytes), encoded, about)
    assert.equal(hex(manifestKey(bytes)), key, about)
    assert.equal(hex(discoveryKey(fromHex(key))), topic, about)
  }
})

test('every manifest of the vectors decodes to what was encoded', () => {
  for (const { about, manifest, encoded } of given.manifests) {
    const made = createManifest(inputOf(manifest))
    // Version 0 does not carry the length of a static log.
    const prologue =
      manifest.version === 0 && made.prologue ? { ...made.prologue, length: 0 } : made.prologue

    assert.deepEqual(decodeManifest(fromHex(encoded)), { ...made, prologue }, about)
  }
})

test('what is not canonical is read, and is written in canonical form', () => {
  for (const { about, encoded, decodes, reEncoded, key } of given.manifestDecode) {
    if (!decodes) {
      assert.throws(() => decodeManifest(fromHex(encoded)), { name: 'DatError' }, about)
      continue
    }
    const again = encodeManifest(decodeManifest(fromHex(encoded)))
    assert.equal(hex(again), reEncoded, about)
    assert.equal(hex(manifestKey(again)), key, about)
  }
})

test('the constants are the namespaces that the rule gives', () => {
  const { DEFAULT_NAMESPACE_4, MANIFEST_3 } = given.namespaces.hypercore

  assert.equal(hex(DEFAULT_NAMESPACE), DEFAULT_NAMESPACE_4)
  assert.deepEqual(DEFAULT_NAMESPACE, namespace('hypercore', 4))
  assert.deepEqual(fromHex(MANIFEST_3), namespace('hypercore', 3))
})

test('a corestore name leads to the key of its default manifest', () => {
  for (const { publicKey, keyManifestV1, keyManifestV0 } of given.corestore.derived) {
    const v1 = encodeManifest(defaultManifest(fromHex(publicKey)))
    const v0 = encodeManifest(
      createManifest({ version: 0, signers: [{ publicKey: fromHex(publicKey) }] }),
    )

    assert.equal(v1.length, 70)
    assert.equal(hex(manifestKey(v1)), keyManifestV1)
    assert.equal(hex(manifestKey(v0)), keyManifestV0)
  }
})

test('a manifest that nobody could use is not made', () => {
  const signers = [{ publicKey: testKeyPair().publicKey }]
  const prologue = { hash: new Uint8Array(31), length: 1 }
  const wrong: [string, ManifestInput][] = [
    ['quorum above the signers', { signers, quorum: 2 }],
    ['quorum below 0', { signers, quorum: -1 }],
    ['quorum that is no whole number', { signers, quorum: 0.5 }],
    ['signer without key', { signers: [{ publicKey: new Uint8Array(0) }] }],
    [
      'namespace of 31 bytes',
      {
        signers: [{ ...signers[0], publicKey: new Uint8Array(32), namespace: new Uint8Array(31) }],
      },
    ],
    ['user data in version 1', { version: 1, signers, userData: utf8('x') }],
    ['linked in version 1', { version: 1, signers, linked: [new Uint8Array(32)] }],
    ['linked key of 31 bytes', { signers, linked: [new Uint8Array(31)] }],
    ['prologue hash of 31 bytes', { signers, prologue }],
  ]

  for (const [about, input] of wrong) {
    assert.throws(
      () => createManifest(input),
      (e) => isCode(e, 'BAD_ARGUMENT'),
      about,
    )
  }
})

test('the version follows from what a manifest says, and the quorum from its signers', () => {
  const signers = [1, 2, 3, 4].map((n) => ({ publicKey: testKeyPair(n).publicKey }))

  assert.equal(createManifest({ signers }).version, 1)
  assert.equal(createManifest({ signers, linked: [] }).version, 1)
  assert.equal(createManifest({ signers, linked: [new Uint8Array(32)] }).version, 2)
  assert.equal(createManifest({ signers, userData: new Uint8Array(0) }).version, 2)
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((n) => createManifest({ signers: signers.slice(0, n) }).quorum),
    [0, 1, 2, 2, 3],
  )
})

test('a manifest that does not hash to the key is refused', () => {
  const manifest = encodeManifest(defaultManifest(testKeyPair(1).publicKey))
  const other = encodeManifest(defaultManifest(testKeyPair(2).publicKey))

  assert.deepEqual(logIdentity({ manifest, key: manifestKey(manifest) }).key, manifestKey(manifest))
  assert.throws(() => logIdentity({ manifest: other, key: manifestKey(manifest) }), {
    code: 'BAD_ARGUMENT',
  })
})

test('a key that is the public key makes a compat log, and any other key must be that of the manifest', () => {
  const keyPair = testKeyPair()
  const { publicKey } = keyPair
  const compat = logIdentity({ key: publicKey, keyPair })
  const named = logIdentity({ keyPair })

  assert.equal(compat.manifest, undefined)
  assert.deepEqual(named.key, manifestKey(encodeManifest(defaultManifest(publicKey))))
  assert.ok(isCompat(defaultManifest(publicKey), publicKey))
  assert.ok(!isCompat(defaultManifest(publicKey), named.key))
  assert.throws(() => logIdentity({ key: testKeyPair(2).publicKey, keyPair }), {
    code: 'BAD_ARGUMENT',
  })
})

test('an identity is not made of halves that do not belong together', () => {
  const mixed = { publicKey: testKeyPair(2).publicKey, secretKey: testKeyPair(1).secretKey }

  assert.throws(() => logIdentity({ keyPair: mixed }), { code: 'BAD_ARGUMENT' })
  assert.throws(() => logIdentity({}), { code: 'BAD_ARGUMENT' })
  assert.throws(() => logIdentity({ key: new Uint8Array(31) }), { code: 'BAD_ARGUMENT' })
  assert.throws(
    () => plainIdentity(2, { key: testKeyPair(2).publicKey, keyPair: testKeyPair(1) }),
    {
      code: 'BAD_ARGUMENT',
    },
  )
})

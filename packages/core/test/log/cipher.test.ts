/** Block encryption, against the bytes of hypercore 10 and 11. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copy, fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { writeU64LE } from '../../src/bytes/integers.ts'
import { crypto } from '../../src/crypto/crypto.ts'
import { hash, keyPair as newKeyPair } from '../../src/crypto/keys.ts'
import { blockCipher, blockKey, type Cipher, type WriteHead } from '../../src/log/cipher.ts'
import { Log } from '../../src/log/log.ts'
import { rotatingCipher } from '../../src/log/rotating.ts'
import { vectors } from '../vectors.ts'
import { openLog, openReader, openReplica, openWriter, proofOf, testKeyPair } from './support.ts'

interface Encryption {
  derive: {
    about: string
    encryptionKey: string
    coreKey: string
    options: { compat?: boolean; block?: boolean }
    blockKey: string
    blindingKey: string
  }[]
  blocks: { keys: string; index: number; fork: number; plaintext: string; stored: string }[]
  real: {
    about: string
    coreKey: string
    encryptionKey: string
    raw: [string, string]
    byteLength: number
    storedByteLength: number
    seek6: [number, number]
    treeHash: string
    afterTruncateTo1AndAppend: { fork: number; raw1: string; decrypted1: string }
  }[]
}

interface Rotating {
  rotating: {
    index: number
    keyId: number
    encryptionKey: string
    plaintext: string
    stored: string
  }[]
}

const given = vectors<Encryption>('gen3-core/encryption')

/** The head that hypercore 11 writes: the fork, blinded. We don't, so it is the tests' own. */
function stockHead(key: Uint8Array): WriteHead {
  const blinding = hash(key)
  return (index, fork, head) => {
    const nonce = new Uint8Array(24)
    writeU64LE(nonce, 0, index)
    writeU64LE(head, 0, fork)
    crypto().xsalsa20(head, nonce, blinding)
  }
}

function stockCipher(about: string): Cipher {
  const derived = given.derive.find((d) => d.about === about)
  assert.ok(derived)
  const owner = { key: fromHex(derived.coreKey), compat: derived.options.compat ?? false }
  const encryptionKey = fromHex(derived.encryptionKey)
  const isBlockKey = derived.options.block ?? false
  const writeHead = stockHead(fromHex(derived.blockKey))
  return blockCipher(owner, { encryptionKey, isBlockKey, writeHead })
}

function seal(cipher: Cipher, index: number, fork: number, text: Uint8Array): Uint8Array {
  const stored = new Uint8Array(cipher.paddingBytes + text.length)
  stored.set(text, cipher.paddingBytes)
  cipher.encrypt(index, fork, stored, 0, stored.length)
  return stored
}

test('block keys derive as in hypercore 10 and 11', () => {
  for (const d of given.derive) {
    if (d.options.block === true) continue
    const owner = { key: fromHex(d.coreKey), compat: d.options.compat ?? false }
    const key = blockKey(owner, fromHex(d.encryptionKey))

    assert.equal(hex(key), d.blockKey, d.about)
    assert.equal(hex(hash(key)), d.blindingKey, d.about)
  }
})

test('every stored block of the vectors is decrypted, and with the same head encrypted to the same bytes', () => {
  assert.equal(given.blocks.length, 15)
  for (const { keys, index, fork, plaintext, stored } of given.blocks) {
    const cipher = stockCipher(keys)

    assert.equal(hex(cipher.decrypt(index, fromHex(stored))), plaintext)
    assert.equal(hex(seal(cipher, index, fork, fromHex(plaintext))), stored)
  }
})

test('logs that hypercore 11 encrypted come out byte for byte, with manifest and compat', async () => {
  for (const real of given.real) {
    const isCompat = real.about.startsWith('compat')
    const keyPair = testKeyPair(1)
    const replica = await openReplica({ key: fromHex(real.coreKey), keyPair })
    assert.equal(replica.compat, isCompat)
    const encryptionKey = fromHex(real.encryptionKey)
    const writeHead = stockHead(blockKey(replica, encryptionKey))
    const log = new Log(replica, { cipher: blockCipher(replica, { encryptionKey, writeHead }) })
    const plain = real.raw.map((raw, i) =>
      blockCipher(replica, { encryptionKey }).decrypt(i, fromHex(raw)),
    )

    await log.append(plain)

    assert.deepEqual(
      [0, 1].map((i) => hex(replica.read(i) ?? utf8('?'))),
      real.raw,
    )
    assert.equal(log.byteLength, real.byteLength)
    assert.equal(replica.byteLength, real.storedByteLength)
    const [index, offset] = real.seek6
    assert.deepEqual(await log.seek(6), { index, offset })
    assert.equal(log.byteOffset(1), 5)

    await log.truncate(1)
    const { raw1, decrypted1 } = real.afterTruncateTo1AndAppend
    await log.append(utf8(decrypted1))
    assert.equal(hex(replica.read(1) ?? utf8('?')), raw1)
    assert.deepEqual(log.peek(1), utf8(decrypted1))
  }
})

test('what one handle encrypts another reads, and a third without the key does not', async () => {
  const replica = await openWriter()
  const encryptionKey = new Uint8Array(32).fill(7)
  const log = new Log(replica, { encryptionKey })
  const blocks = [utf8('one'), new Uint8Array(0), utf8('three')]
  await log.append(blocks)
  await log.flush()

  const reader = await openReader(replica)
  reader.apply(proofOf(replica, { upgradeLength: 3, manifest: true, block: 0 }))
  for (const block of [1, 2]) {
    reader.apply(proofOf(replica, { block, nodes: reader.missingNodes(2 * block) }))
  }

  const other = new Log(reader, { encryptionKey })
  assert.deepEqual(
    [0, 1, 2].map((i) => other.peek(i)),
    blocks,
  )
  assert.notDeepEqual(new Log(reader).peek(0), blocks[0])
  assert.notDeepEqual(reader.read(0)?.subarray(8), blocks[0])
})

test('a compat log that is known by its key alone is decrypted as soon as its first head is here', async () => {
  const keyPair = newKeyPair(new Uint8Array(32).fill(9))
  const server = await openReplica({ key: keyPair.publicKey, keyPair })
  const encryptionKey = new Uint8Array(32).fill(8)
  await new Log(server, { encryptionKey }).append(utf8('late'))
  await server.sealed()
  const reader = await openReader(server)
  const log = new Log(reader, { encryptionKey })
  assert.equal(reader.compat, false)

  reader.apply(proofOf(server, { upgradeLength: 1, block: 0 }))

  assert.equal(reader.compat, true)
  assert.deepEqual(log.peek(0), utf8('late'))
})

test('the same text at the same place never has the same head twice', async () => {
  const heads = new Set<string>()
  for (let round = 0; round < 20; round++) {
    const log = new Log(await openWriter(), { encryptionKey: new Uint8Array(32) })
    await log.append([utf8('same'), utf8('same')])
    for (const i of [0, 1]) heads.add(hex((log.replica.read(i) ?? utf8('?')).subarray(0, 8)))
  }

  assert.equal(heads.size, 40)
})

test('encrypting leaves the caller his bytes, and decrypting gives him others', async () => {
  const log = new Log(await openWriter(), { encryptionKey: new Uint8Array(32) })
  const text = utf8('mine')
  const before = copy(text)
  await log.append(text)

  log.peek(0)?.fill(0)

  assert.deepEqual(text, before)
  assert.deepEqual(log.peek(0), before)
})

test('any text comes back, at any index and fork', () => {
  const owner = { key: new Uint8Array(32).fill(3), compat: false }
  const cipher = blockCipher(owner, { encryptionKey: new Uint8Array(32).fill(4) })

  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      (text, index, fork) => {
        assert.deepEqual(cipher.decrypt(index, seal(cipher, index, fork, text)), text)
      },
    ),
  )
})

test('blocks of the rotating scheme are read with the key that they name', () => {
  const { rotating } = vectors<Rotating>('gen3-core/encryption')

  assert.equal(rotating.length, 3)
  for (const { index, keyId, encryptionKey, plaintext, stored } of rotating) {
    const cipher = rotatingCipher({
      keyOf: (id) => (id === keyId ? fromHex(encryptionKey) : undefined),
    })

    assert.equal(hex(cipher.decrypt(index, fromHex(stored))), plaintext)
    const blind = rotatingCipher({ keyOf: () => undefined })
    if (plaintext !== '')
      assert.throws(() => blind.decrypt(index, fromHex(stored)), { code: 'NOT_FOUND' })
  }
  const cipher = rotatingCipher({ keyOf: () => undefined })
  assert.deepEqual(cipher.decrypt(0, fromHex('000000000000000068690a')), utf8('hi\n'))
  assert.throws(() => cipher.decrypt(0, fromHex('0200000000000000ff')), { code: 'UNSUPPORTED' })
})

test('a log whose key is changed is read whole by those who have all keys, and written with the newest', async () => {
  const keys = [1, 2].map((n) => new Uint8Array(32).fill(n))
  let newest = 0
  const cipher = rotatingCipher({ keyOf: (id) => keys[id], newestId: () => newest })
  const log = await openLog({ cipher })
  await log.append([utf8('before'), utf8('')])
  newest = 1
  await log.append(utf8('after'))

  assert.deepEqual(
    [0, 1, 2].map((i) => log.peek(i)),
    [utf8('before'), utf8(''), utf8('after')],
  )
  assert.equal(log.byteLength, 11)
  const stored = log.session({ cipher: 'none' })
  assert.deepEqual(
    [0, 1, 2].map((i) => stored.peek(i)?.[4]),
    [0, 0, 1],
  )
  const late = log.session({
    cipher: rotatingCipher({ keyOf: (id) => (id === 1 ? keys[1] : undefined) }),
  })
  assert.deepEqual(late.peek(2), utf8('after'))
  assert.throws(() => late.peek(0), { code: 'NOT_FOUND' })
  await assert.rejects(late.append(utf8('x')), { code: 'NOT_WRITABLE' })
  newest = 7
  await assert.rejects(log.append(utf8('x')), { code: 'NOT_FOUND' })
  assert.equal(log.length, 3)
})

test('equal texts at one place are encrypted in different ways', async () => {
  const cipher = rotatingCipher({ keyOf: () => new Uint8Array(32), newestId: () => 0 })
  const seen = new Set(Array.from({ length: 20 }, () => hex(seal(cipher, 5, 0, utf8('same')))))
  assert.ok(seen.size > 18)
})

test('a block that is shorter than a head is an error of its writer', async () => {
  const replica = await openWriter()
  replica.append([utf8('short')])
  const log = new Log(replica, { encryptionKey: new Uint8Array(32) })

  assert.throws(() => log.peek(0), { code: 'BAD_CONTENT' })
  await assert.rejects(log.get(0), { code: 'BAD_CONTENT' })
})

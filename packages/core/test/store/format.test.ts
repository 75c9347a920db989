/**
 * The bytes of a store on the disk: the example of `docs/store-format.md`, byte by byte.
 *
 * The vector was written by format 1. It changes only together with the version in the headers, and a store of every
 * older version must still open.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { crc32 as ourCrc32 } from '../../src/store/crc32.ts'
import { openStore } from '../../src/store/open.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { bytesOf, headOf, nodeOf, putBlock } from './helpers.ts'

const vector: Readonly<Record<string, string>> = JSON.parse(
  fs.readFileSync(new URL('../vectors/store/format-1.json', import.meta.url), 'utf8'),
)

function fill(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

const identity = {
  key: fill(32, 0x11),
  discoveryKey: fill(32, 0x22),
  generation: 3,
  manifest: undefined,
  publicKey: fill(32, 0x33),
  secretKey: fill(64, 0x44),
  alias: undefined,
} as const

test('a store of two blocks is these files', async () => {
  const disk = new FakeDisk()
  const random = (out: Uint8Array): void => {
    out.fill(0xab)
  }
  const store = await openStore({ disk, crc32, random, clock: new ManualClock() })
  const slot = await store.create(identity)

  putBlock(slot, 0, new TextEncoder().encode('rhino'))
  putBlock(slot, 1, new TextEncoder().encode('!'))
  slot.putNode(1, 6, fill(32, 0x55), 0)
  slot.stageHead(headOf(2, { byteLength: 6 }))
  await store.commit()
  await store.close()

  const files = [...disk.files()].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')])
  assert.deepEqual(Object.fromEntries(files), vector)
})

test('these files are a store of two blocks', async () => {
  const files = Object.entries(vector).map(
    ([name, text]) => [name, new Uint8Array(Buffer.from(text, 'hex'))] as const,
  )

  const store = await openStore({ disk: new FakeDisk(new Map(files)), crc32 })

  assert.equal(store.whyReadOnly, undefined)
  assert.deepEqual(store.primaryKey, fill(32, 0xab))
  const slot = store.slot(store.find(identity.discoveryKey) ?? -1)
  assert.deepEqual(slot.identity, identity)
  assert.deepEqual(slot.head, headOf(2, { byteLength: 6 }))
  assert.deepEqual(slot.read(0), new Uint8Array(Buffer.from('rhino')))
  assert.deepEqual(slot.read(1), new Uint8Array(Buffer.from('!')))
  assert.deepEqual(nodeOf(slot, 1), { size: 6, hash: fill(32, 0x55) })
  await store.close()
})

test('our checksum is that of zlib, in one piece and in two', () => {
  for (const size of [0, 1, 9, 255, 5_000]) {
    const bytes = bytesOf(size, size)
    const half = size >> 1
    assert.equal(ourCrc32(bytes), crc32(bytes))
    assert.equal(ourCrc32(bytes.subarray(half), ourCrc32(bytes.subarray(0, half))), crc32(bytes))
  }
  assert.equal(ourCrc32(new TextEncoder().encode('123456789')), 0xcbf43926)
})

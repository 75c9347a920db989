/** The formats of old stores: against vectors of the real packages, and against arbitrary bytes. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { DatError } from '@dat-rhino/core/base/errors'
import { compare, fromHex, hex } from '@dat-rhino/core/bytes/bytes'
import { fullRoots } from '@dat-rhino/core/tree/flat'
import fc from 'fast-check'
import { BlockMap } from '../../src/migrate/block-map.ts'
import { contentRange } from '../../src/migrate/dat-content.ts'
import { readHeaderBlock } from '../../src/migrate/formats.ts'
import { type Oplog, parseOplog } from '../../src/migrate/oplog.ts'
import {
  authKey,
  blockKey,
  headKey,
  keyNumber,
  lastNumber,
  nodeKey,
  readAuth,
  readCoreRecord,
  readHead,
  readNode,
  readStoreHead,
} from '../../src/migrate/rocks-rows.ts'
import { contentSecretKey, corestore5Name, corestore5SecretKey } from '../../src/migrate/secrets.ts'
import {
  blockByteAt,
  isBitSet,
  lengthOfNodes,
  nodeByteAt,
  parseSleepHeader,
  SLEEP_HEADER_BYTES,
  SLEEP_PAGE_BYTES,
} from '../../src/migrate/sleep.ts'
import { fixture, sha256 } from './bed.ts'

const vectors = (name: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/stores/${name}.json`, import.meta.url), 'utf8'))

/** What is thrown by bytes that are wrong is a `DatError`, and no bug of ours. */
function throwsOnlyDatErrors(parse: () => unknown): void {
  try {
    parse()
  } catch (error) {
    assert.ok(error instanceof DatError, String(error))
    assert.notEqual(error.code, 'INVARIANT')
  }
}

// ---- SLEEP ---------------------------------------------------------------------------------------

interface SleepState {
  readonly name: string
  readonly blocks: number
  readonly cleared: [number, number][]
  readonly headers: Record<'bitfield' | 'tree' | 'signatures', string>
  readonly pages: { readonly data: string; readonly tree: string }[]
}

for (const state of vectors('sleep').states as SleepState[]) {
  test(`SLEEP files of ${state.name}: bits and length are those of hypercore 7`, () => {
    const file = new Uint8Array(SLEEP_HEADER_BYTES + SLEEP_PAGE_BYTES * state.pages.length)
    file.set(fromHex(state.headers.bitfield))
    for (const [i, page] of state.pages.entries()) {
      file.set(fromHex(page.data), SLEEP_HEADER_BYTES + SLEEP_PAGE_BYTES * i)
      file.set(fromHex(page.tree), SLEEP_HEADER_BYTES + SLEEP_PAGE_BYTES * i + 1_024)
    }
    const isHeld = (block: number): boolean =>
      isBitSet(file[blockByteAt(block, SLEEP_PAGE_BYTES)] ?? 0, block)
    const isKnown = (index: number): boolean =>
      isBitSet(file[nodeByteAt(index, SLEEP_PAGE_BYTES)] ?? 0, index)

    const isCleared = (block: number): boolean =>
      state.cleared.some(([start, end]) => block >= start && block < end)
    for (let block = 0; block < 8_192 * state.pages.length; block++) {
      assert.equal(isHeld(block), block < state.blocks && !isCleared(block), `block ${block}`)
    }
    assert.equal(lengthOfNodes(isKnown, 16_384 * state.pages.length), state.blocks)
  })
}

test('headers of the three SLEEP files are told apart, and all else is refused', () => {
  const [state] = vectors('sleep').states as SleepState[]
  assert.ok(state !== undefined)
  const parse = (text: string) => parseSleepHeader(fromHex(text.padEnd(64, '0')))

  assert.deepEqual(parse(state.headers.bitfield), {
    type: 'bitfield',
    entryBytes: 3_584,
    algorithm: '',
  })
  assert.deepEqual(parse(state.headers.tree), {
    type: 'tree',
    entryBytes: 40,
    algorithm: 'BLAKE2b',
  })
  assert.deepEqual(parse(state.headers.signatures), {
    type: 'signatures',
    entryBytes: 64,
    algorithm: 'Ed25519',
  })
  for (const wrong of ['06', '050258', '0502570301', '0502570001', '05025700000e0019']) {
    assert.throws(() => parse(wrong), { code: 'CORRUPT_STORE' })
  }
})

test('the length follows from the roots alone, whatever lies below them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), (length) => {
      const roots = new Set(fullRoots(length))
      assert.equal(
        lengthOfNodes((index) => roots.has(index), 2 * length),
        length,
      )
    }),
  )
})

test('a piece of a file is where its index says, and nowhere if it was never written', () => {
  const index = new Uint8Array(6 * 5)
  index.set([0, 0, 0, 0, 4, 0], 0) // pieces of 1,024 bytes
  index.set([0, 0, 0, 0, 8, 0], 6 * 3) // piece 1 is the third that was written

  const map = new BlockMap(index)

  assert.equal(map.place(1_023), 1_023)
  assert.equal(map.place(1_030), 2_048 + 6)
  assert.equal(map.place(2_048), undefined)
  assert.equal(map.place(2 ** 40), undefined)
  assert.throws(() => new BlockMap(new Uint8Array(12)), { code: 'CORRUPT_STORE' })
})

// ---- Oplogs --------------------------------------------------------------------------------------

interface SaidOplog {
  readonly core: string
  readonly file: string
  readonly header: {
    readonly key: string
    readonly tree: {
      readonly fork: number
      readonly length: number
      readonly signature: string | null
    }
    readonly userData: {
      readonly key: string
      readonly value: string | { readonly sha256: string }
    }[]
  }
  readonly entries: {
    readonly treeNodes?: { readonly index: number; readonly size: number; readonly hash: string }[]
    readonly treeUpgrade?: { readonly length: number; readonly signature: string }
    readonly bitfield?: { readonly drop: boolean; readonly start: number; readonly length: number }
  }[]
}

const oplogFile = (file: string): Uint8Array => readFileSync(fixture('gen3/corestore6', file))

function parseFixture({ file }: SaidOplog, bytes = oplogFile(file)): Oplog {
  return parseOplog(bytes, crc32, (at, length) => {
    const header = oplogFile(file.replace(/oplog$/, 'header'))
    return at + length > header.length ? undefined : header.subarray(at, at + length)
  })
}

for (const said of vectors('hypercore10-oplog').oplogs as SaidOplog[]) {
  test(`the oplog of ${said.core.slice(0, 6)} has the header and the entries of hypercore 10`, () => {
    const { header, entries, leftBytes, isSlotDamaged } = parseFixture(said)

    assert.ok(header !== undefined)
    assert.equal(hex(header.key), said.header.key)
    assert.equal(header.length, said.header.tree.length)
    assert.equal(header.fork, said.header.tree.fork)
    assert.equal(header.signature && hex(header.signature), said.header.tree.signature ?? undefined)
    const values = [...header.userData].map(([key, value], i) => {
      const isHashed = typeof said.header.userData[i]?.value === 'object'
      return { key, value: isHashed ? sha256(value) : hex(value) }
    })
    const saidValues = said.header.userData.map(({ key, value }) => {
      return { key, value: typeof value === 'object' ? value.sha256 : value }
    })
    assert.deepEqual(values, saidValues)
    const read = entries.map(({ nodes, upgrade, bits }) => ({
      nodes: nodes.map((node) => ({ ...node, hash: hex(node.hash) })),
      length: upgrade?.length,
      signature: upgrade?.signature && hex(upgrade.signature),
      bits,
    }))
    const wanted = said.entries.map(({ treeNodes = [], treeUpgrade, bitfield }) => ({
      nodes: treeNodes,
      length: treeUpgrade?.length,
      signature: treeUpgrade?.signature,
      bits: bitfield,
    }))
    assert.deepEqual(read, wanted)
    assert.deepEqual([leftBytes, isSlotDamaged], [0, false])
  })
}

test('an oplog that was cut anywhere has the entries before the cut, and says so', () => {
  const said = (vectors('hypercore10-oplog').oplogs as SaidOplog[]).find(
    ({ entries }) => entries.length > 2,
  )
  assert.ok(said !== undefined)
  const bytes = oplogFile(said.file)
  const whole = parseFixture(said, bytes)

  for (let size = 8_192; size < bytes.length; size++) {
    const { header, entries, leftBytes } = parseFixture(said, bytes.subarray(0, size))
    assert.deepEqual(header, whole.header)
    assert.deepEqual(entries, whole.entries.slice(0, entries.length))
    assert.ok(entries.length < whole.entries.length)
    const isAtEnd = leftBytes === 0
    assert.ok(isAtEnd || size > 8_192)
  }
})

test('an altered entry ends the oplog where it stands', () => {
  const said = (vectors('hypercore10-oplog').oplogs as SaidOplog[]).find(
    ({ entries }) => entries.length > 2,
  )
  assert.ok(said !== undefined)
  const bytes = oplogFile(said.file)
  const whole = parseFixture(said, bytes)

  fc.assert(
    fc.property(
      fc.integer({ min: 8_192, max: bytes.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      (at, by) => {
        const altered = Uint8Array.from(bytes)
        altered[at] = (altered[at] ?? 0) ^ by
        const { entries, leftBytes } = parseFixture(said, altered)
        assert.deepEqual(entries, whole.entries.slice(0, entries.length))
        assert.ok(entries.length < whole.entries.length && leftBytes > 0)
      },
    ),
  )
})

test('with one header damaged the other one is read, and the damage is told', () => {
  const said = (vectors('hypercore10-oplog').oplogs as SaidOplog[])[0]
  assert.ok(said !== undefined)
  for (const slot of [0, 4_096]) {
    const bytes = Uint8Array.from(oplogFile(said.file))
    bytes[slot + 20] = (bytes[slot + 20] ?? 0) ^ 1

    const { header, isSlotDamaged } = parseFixture(said, bytes)

    assert.equal(header && hex(header.key), said.header.key)
    assert.ok(isSlotDamaged)
  }
  const both = Uint8Array.from(oplogFile(said.file))
  both[20] = both[4_116] = 0xff
  assert.throws(() => parseFixture(said, both), { code: 'CORRUPT_STORE' })
})

// ---- RocksDB rows --------------------------------------------------------------------------------

const storage = vectors('hypercore-storage-encodings')

test('keys of rows are those of hypercore-storage, in the order of their numbers', () => {
  const byName = new Map<string, string>(
    storage.keys.map((row: Record<string, string>) => [row['key'], row['hex']]),
  )
  const said = (name: string): string | undefined => byName.get(name)

  for (const pointer of [
    0, 1, 250, 251, 252, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296,
  ]) {
    assert.equal(hex(authKey(pointer)), said(`core auth, corePointer ${pointer}`))
  }
  assert.equal(hex(headKey(1)), said('head, dataPointer 1'))
  for (const index of [0, 251, 252, 65_536]) {
    assert.equal(hex(blockKey(1, index)), said(`block, dataPointer 1, index ${index}`))
  }
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      assert.equal(Math.sign(compare(keyNumber(a), keyNumber(b))), Math.sign(a - b))
      assert.equal(lastNumber(nodeKey(a, b)), b)
    }),
  )
})

test('values of rows are read as hypercore-storage wrote them', () => {
  const values = storage.values as { type: string; value: Record<string, never>; hex: string }[]
  const bytes = (value: unknown): string | undefined =>
    (value as { hex: string } | null | undefined)?.hex
  let checked = 0
  for (const { type, value, hex: text } of values) {
    const encoded = fromHex(text)
    const said = value as Record<string, unknown>
    checked++
    if (type === '@corestore/head') {
      const { primaryKey, cores } = readStoreHead(encoded)
      assert.equal(primaryKey && hex(primaryKey), bytes(said['seed']))
      const allocated = said['allocated'] as { cores: number } | null | undefined
      assert.equal(cores, allocated?.cores ?? said['cores'] ?? 0)
    } else if (type === '@corestore/core') {
      const { version, corePointer, dataPointer, alias } = readCoreRecord(encoded)
      const name = (said['alias'] as { name: string } | null)?.name
      assert.deepEqual(
        { version, corePointer, dataPointer, name: alias?.name },
        {
          version: said['version'],
          corePointer: said['corePointer'],
          dataPointer: said['dataPointer'],
          name,
        },
      )
    } else if (type === '@core/auth') {
      const auth = readAuth(encoded)
      assert.equal(hex(auth.key), bytes(said['key']))
      const pair = said['keyPair'] as { secretKey: unknown } | null
      assert.equal(auth.secretKey && hex(auth.secretKey), bytes(pair?.secretKey))
    } else if (type === '@core/head') {
      const { fork, length, signature } = readHead(encoded)
      assert.deepEqual([fork, length], [said['fork'], said['length']])
      assert.equal(signature && hex(signature), bytes(said['signature']))
    } else if (type === '@core/tree-node') {
      const { index, size, hash } = readNode(encoded)
      assert.deepEqual([index, size, hex(hash)], [said['index'], said['size'], bytes(said['hash'])])
    } else checked--
  }
  assert.equal(checked, 11)
})

// ---- Secrets -------------------------------------------------------------------------------------

test('secret keys that are stored nowhere follow from those that are', () => {
  for (const one of vectors('keys').cases) {
    assert.equal(hex(contentSecretKey(fromHex(one.secretKey))), one.hyperdrive9Content.secretKey)
  }
  const { masterKey, cases } = vectors('corestore-derive')
  for (const one of cases) {
    const isHex = one.name.startsWith('hex:')
    const name = isHex ? fromHex(one.name.slice(4)) : new TextEncoder().encode(one.name)
    assert.equal(hex(corestore5SecretKey(fromHex(masterKey), name)), one.secretKey)
  }
})

// ---- Whatever the bytes --------------------------------------------------------------------------

test('whatever the bytes, parsers give a value or a DatError', () => {
  const anything = fc.uint8Array({ maxLength: 300 })
  const parsers: ((bytes: Uint8Array) => unknown)[] = [
    parseSleepHeader,
    (bytes) => new BlockMap(bytes).place(12_345),
    (bytes) => parseOplog(bytes, crc32, () => bytes),
    contentRange,
    readHeaderBlock,
    corestore5Name,
    readAuth,
    readCoreRecord,
    readHead,
    readNode,
    readStoreHead,
    lastNumber,
  ]
  fc.assert(
    fc.property(anything, fc.constantFrom(...parsers), (bytes, parse) => {
      throwsOnlyDatErrors(() => parse(bytes))
    }),
    { numRuns: 2_000 },
  )
})

test('whatever stands in a frame with a right checksum, an oplog gives a value or a DatError', () => {
  const frame = (payload: Uint8Array, bits: number): Uint8Array => {
    const bytes = new Uint8Array(8 + payload.length)
    const view = new DataView(bytes.buffer)
    bytes.set(payload, 8)
    view.setUint32(4, payload.length * 4 + bits, true)
    view.setUint32(0, crc32(bytes.subarray(4)), true)
    return bytes
  }
  const payload = fc.uint8Array({ minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(payload, payload, fc.boolean(), (header, entry, isReal) => {
      const bytes = new Uint8Array(8_192 + 8 + entry.length)
      const real = oplogFile((vectors('hypercore10-oplog').oplogs as SaidOplog[])[0]?.file ?? '')
      bytes.set(isReal ? real.subarray(0, 4_096) : frame(header, 0))
      bytes.set(frame(entry, 0), 8_192)
      throwsOnlyDatErrors(() => parseOplog(bytes, crc32, () => header))
    }),
    { numRuns: 500 },
  )
})

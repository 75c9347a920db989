/** Rows that strangers wrote: read as far as they make sense, and never further. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import {
  BLOCK_BYTES_MAX,
  DRIVE_ENTRY_BYTES_MAX,
  DRIVE_ENTRY_DEPTH_MAX,
  LINKNAME_BYTES_MAX,
} from '../../src/base/limits.ts'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import type { DriveEntry } from '../../src/drive/drive.ts'
import { checkRow, decodeEntry, encodeRow } from '../../src/drive/row.ts'

const BLOB = { blockOffset: 0, byteOffset: 0, blockLength: 1, byteLength: 5 }

const read = (json: string): DriveEntry => decodeEntry(1, utf8('/a'), utf8(json))
const row = (members: object): DriveEntry => read(JSON.stringify(members))
const isValid = (entry: DriveEntry): boolean => entry.invalid === undefined

test('missing members mean false, null or none', () => {
  const entry = row({})

  assert.equal(entry.invalid, undefined)
  assert.equal(entry.executable, false)
  assert.equal(entry.linkname, undefined)
  assert.equal(entry.blob, undefined)
  assert.equal(entry.metadata, null)
})

test('what is no row is told apart from an empty one', () => {
  for (const json of ['', '{', 'null', '[]', '1', '"x"', '\u0000']) {
    assert.equal(isValid(read(json)), false, json)
  }
  assert.equal(isValid(decodeEntry(1, utf8('/a'), undefined)), false)
  assert.equal(isValid(decodeEntry(1, Uint8Array.of(0x2f, 0xff), utf8('{}'))), false)
  assert.equal(isValid(decodeEntry(1, utf8('/a'), Uint8Array.of(0xff))), false)
})

test('the numbers of a blob must be those of some blob', () => {
  const withNumber = (name: string, value: unknown): boolean =>
    isValid(row({ blob: { ...BLOB, [name]: value } }))

  for (const name of Object.keys(BLOB)) {
    for (const value of [-1, 1.5, '1', null, 2 ** 53, undefined]) {
      assert.equal(withNumber(name, value), false, `${name} ${value}`)
    }
  }
  assert.equal(withNumber('blockOffset', Number.MAX_SAFE_INTEGER - 1), true)
  assert.equal(withNumber('blockOffset', Number.MAX_SAFE_INTEGER), false)
  assert.equal(withNumber('byteLength', BLOCK_BYTES_MAX), true)
  assert.equal(withNumber('byteLength', BLOCK_BYTES_MAX + 1), false)
  assert.equal(isValid(row({ blob: [] })), false)
  assert.equal(isValid(row({ blob: 'x' })), false)
})

test('a link may be as long as the limit, and no longer', () => {
  assert.equal(isValid(row({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX) })), true)
  assert.equal(isValid(row({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX + 1) })), false)
  assert.equal(isValid(row({ linkname: 1 })), false)
})

test('a row may be as large and as deep as the limits, and no more', () => {
  const large = (bytes: number): string => {
    const start = '{"metadata":"'
    return `${start}${'x'.repeat(bytes - start.length - 2)}"}`
  }
  const deep = (depth: number): string =>
    `{"metadata":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`

  assert.equal(isValid(read(large(DRIVE_ENTRY_BYTES_MAX))), true)
  assert.equal(isValid(read(large(DRIVE_ENTRY_BYTES_MAX + 1))), false)
  assert.equal(isValid(read(deep(DRIVE_ENTRY_DEPTH_MAX))), true)
  assert.equal(isValid(read(deep(DRIVE_ENTRY_DEPTH_MAX + 1))), false)
  assert.equal(isValid(read(`{"metadata":"${'['.repeat(1_000)}\\"{"}`)), true)
})

test('unknown members survive being copied, and do nothing else', () => {
  const json =
    '{"executable":true,"linkname":null,"blob":null,"metadata":null,"new":[1],"__proto__":{"x":1}}'

  const entry = read(json)

  assert.equal(fromUtf8(encodeRow(entry)), json)
  assert.equal(Object.getPrototypeOf(entry.extra), null)
  assert.equal('x' in entry.extra, false)
  assert.equal('x' in {}, false)
})

test('any row that can be written is read back as it was', () => {
  const count = fc.nat(1_000_000)
  const blobs = fc.record({
    blockOffset: count,
    byteOffset: count,
    blockLength: fc.integer({ min: 1, max: 999 }),
    byteLength: count,
  })
  const rows = fc.record({
    executable: fc.boolean(),
    linkname: fc.option(fc.string(), { nil: undefined }),
    blob: fc.option(blobs, { nil: undefined }),
    metadata: fc.jsonValue(),
  })
  fc.assert(
    fc.property(rows, (given) => {
      const { executable, linkname, blob, metadata, invalid } = decodeEntry(
        1,
        utf8('/a'),
        encodeRow(given),
      )

      assert.equal(invalid, undefined)
      const expected = JSON.parse(
        JSON.stringify({ ...given, linkname: linkname && given.linkname }),
      )
      assert.deepEqual(
        JSON.parse(JSON.stringify({ executable, linkname, blob, metadata })),
        expected,
      )
    }),
  )
})

test('what we would not read is not written', () => {
  let deep: unknown = null
  for (let i = 0; i < DRIVE_ENTRY_DEPTH_MAX; i++) deep = [deep]
  const isBadArgument = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')

  assert.throws(() => encodeRow({ metadata: deep }), isBadArgument)
  assert.throws(() => encodeRow({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX + 1) }), isBadArgument)
  assert.throws(() => encodeRow({ metadata: 'x'.repeat(DRIVE_ENTRY_BYTES_MAX) }), isBadArgument)
})

test('any bytes are a row or an invalid one', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), (bytes) => {
      const entry = decodeEntry(1, utf8('/a'), bytes)

      if (isValid(entry)) encodeRow(entry)
    }),
  )
})

test('a row is written as JSON has it, whatever its flags and numbers are', () => {
  const number = fc.oneof(fc.maxSafeNat(), fc.constantFrom(-0, -1, 0.5, 1e21, Number.NaN))
  const blob = fc.record({
    blockOffset: number,
    byteOffset: number,
    blockLength: number,
    byteLength: number,
  })
  fc.assert(
    fc.property(fc.option(fc.boolean(), { nil: undefined }), blob, (executable, blob) => {
      const members = { executable: executable ?? false, linkname: null, blob, metadata: null }

      assert.equal(fromUtf8(encodeRow({ executable, blob })), JSON.stringify(members))
    }),
  )
})

test('a row that can not be written is refused before it is encoded, and a good one is not', () => {
  const refuses = (members: object, code: 'BAD_ARGUMENT' | 'UNSUPPORTED'): void =>
    assert.throws(
      () => checkRow(members),
      (error) => isCode(error, code),
    )

  refuses({ mode: 0o644 }, 'UNSUPPORTED')
  refuses({ linkname: '/b', mtimeMs: 1 }, 'UNSUPPORTED')
  refuses({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX + 1) }, 'BAD_ARGUMENT')
  checkRow({ executable: true })
  checkRow({ linkname: '/b', metadata: { a: 1 } })
})

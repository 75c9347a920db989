/** Rows and headers of old drives, byte for byte as hyperdrive 9 and hyperdrive-schemas 2 wrote them. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { driveFormat, readHeader } from '../../src/drive/header.ts'
import { decodeStat, encodeStat, type StatRecord } from '../../src/drive/stat-record.ts'
import { vectors } from '../vectors.ts'

const NUMBERS = ['uid', 'gid', 'size', 'blocks', 'offset', 'byteOffset', 'mtime', 'ctime'] as const

interface Nine {
  readonly stat: { readonly stat: Partial<StatRecord>; readonly bytes: string }[]
  readonly index: { readonly type: string; readonly content: string; readonly bytes: string }
}

interface Ten {
  readonly cases: {
    readonly name: string
    readonly hex: string
    readonly decoded: Record<(typeof NUMBERS)[number], number> & {
      /** Octal. */
      readonly mode: string
      readonly linkname: string | null
      readonly mount: { key: string; version: number; hypercore: boolean } | null
      readonly metadata: Record<string, string>
    }
  }[]
}

test('rows of hyperdrive 9 are read; what it leaves out is 0', () => {
  const rows = vectors<Nine>('gen1/stat').stat
  assert.equal(rows.length, 4)
  for (const { stat, bytes } of rows) {
    const { mode, ...read } = decodeStat(fromHex(bytes))
    assert.equal(mode, stat.mode)
    for (const name of NUMBERS) assert.equal(read[name], stat[name] ?? 0, name)
  }
})

test('the header of a drive of hyperdrive 9 names its content', () => {
  const { type, content, bytes } = vectors<Nine>('gen1/stat').index
  const header = readHeader(fromHex(bytes))
  assert.equal(header.name, type)
  assert.equal(hex(header.content ?? new Uint8Array(0)), content)
  assert.equal(driveFormat(fromHex(bytes)), 'hyperdrive 9')
})

for (const one of vectors<Ten>('gen2/hyperdrive-stat').cases) {
  test(`a row of hyperdrive 10 is read, and written the same: ${one.name}`, () => {
    const row = decodeStat(fromHex(one.hex))
    const { decoded } = one

    assert.equal(hex(encodeStat(row)), one.hex)
    assert.equal(row.mode, Number.parseInt(decoded.mode, 8))
    for (const name of NUMBERS) assert.equal(row[name], decoded[name], name)
    assert.equal(row.linkname ?? null, decoded.linkname)
    const mount = row.mount && { ...row.mount, key: hex(row.mount.key) }
    assert.deepEqual(
      mount && [mount.key, mount.version, mount.hypercore],
      (decoded.mount && [decoded.mount.key, decoded.mount.version, decoded.mount.hypercore]) ||
        undefined,
    )
    const metadata = Object.fromEntries(
      [...(row.metadata ?? [])].map(([name, value]) => [name, hex(value)]),
    )
    assert.deepEqual(metadata, decoded.metadata)
  })
}

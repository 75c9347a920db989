/** Rows of old drives that no honest writer makes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import {
  BLOCK_BYTES_MAX,
  DRIVE_ENTRY_BYTES_MAX,
  LINKNAME_BYTES_MAX,
} from '../../src/base/limits.ts'
import { equal, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { writeBytesField, writeStringField } from '../../src/bytes/protobuf.ts'
import { driveFormat } from '../../src/drive/header.ts'
import { encodeMount, mountKey } from '../../src/drive/mount-record.ts'
import { oldEntry } from '../../src/drive/old-entry.ts'
import { decodeStat, encodeStat, type StatRecord } from '../../src/drive/stat-record.ts'
import type { TrieDrive } from '../../src/drive/trie-drive.ts'
import { Trie } from '../../src/index/trie/trie.ts'
import { newTrieDrive } from './old-support.ts'
import { collect, text } from './support.ts'

const NOTHING: StatRecord = {
  mode: 0o100644,
  uid: 0,
  gid: 0,
  size: 0,
  blocks: 0,
  offset: 0,
  byteOffset: 0,
  mtime: 0,
  ctime: 0,
}
const PLACE = { path: '/a', seq: 1, version: 2 }

/** Writes past the drive, as a stranger may. */
async function raw(drive: TrieDrive, write: (trie: Trie) => Promise<unknown>): Promise<void> {
  const trie = Trie.open(drive.log.session())
  await write(trie)
  await trie.close()
}

test('names that lead elsewhere or nowhere are listed as invalid, and are not read', async () => {
  const drive = await newTrieDrive()
  await drive.put('/honest', utf8('honest'))
  const names = ['../up', 'a/../b', 'a/./b', 'a//b', '..', 'nul\0']
  for (const name of names) await raw(drive, (trie) => trie.put(name, encodeStat(NOTHING)))

  const entries = await collect(drive.list('/'))

  assert.equal(entries.length, names.length + 1)
  for (const entry of entries) {
    assert.equal(entry.invalid === undefined, entry.path === '/honest', entry.path)
    if (entry.invalid !== undefined) {
      await assert.rejects(drive.get(entry), (e) => isCode(e, 'BAD_CONTENT'))
    }
  }
  for await (const { name } of drive.readdir('/')) assert.notEqual(name, '')
})

test('rows with numbers that no file has are listed as invalid', () => {
  const file = (changes: Partial<StatRecord>) =>
    oldEntry(PLACE, encodeStat({ ...NOTHING, ...changes }))
  const key = new Uint8Array(32)

  assert.equal(file({ blocks: 2, size: 2 * BLOCK_BYTES_MAX }).invalid, undefined)
  assert.notEqual(file({ blocks: 2, size: 2 * BLOCK_BYTES_MAX + 1 }).invalid, undefined)
  assert.notEqual(file({ offset: Number.MAX_SAFE_INTEGER, blocks: 1 }).invalid, undefined)
  assert.equal(file({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX) }).invalid, undefined)
  assert.notEqual(file({ linkname: 'x'.repeat(LINKNAME_BYTES_MAX + 1) }).invalid, undefined)
  assert.equal(file({ mount: { key, hypercore: false } }).invalid, undefined)
  assert.notEqual(file({ mount: { key: key.subarray(1), hypercore: false } }).invalid, undefined)
  assert.notEqual(oldEntry(PLACE, undefined).invalid, undefined)
  const padded = (bytes: number): Uint8Array => {
    const head = encodeStat(NOTHING)
    const writer = new Writer(bytes)
    writer.fixed(head)
    writeBytesField(writer, 99, new Uint8Array(bytes - head.length - 6))
    return writer.take()
  }
  const fits = padded(DRIVE_ENTRY_BYTES_MAX)
  assert.ok(fits.length <= DRIVE_ENTRY_BYTES_MAX && fits.length > DRIVE_ENTRY_BYTES_MAX - 8)
  assert.equal(oldEntry(PLACE, fits).invalid, undefined)
  assert.notEqual(oldEntry(PLACE, padded(DRIVE_ENTRY_BYTES_MAX + 8)).invalid, undefined)
})

test('any bytes make an entry or say why not, and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const entry = oldEntry(PLACE, bytes)
      assert.equal(entry.path, '/a')
      if (entry.invalid !== undefined) return
      const { blob, linkname, stat } = entry
      assert.ok(['file', 'folder', 'link', 'other'].includes(stat.kind))
      assert.equal(linkname !== undefined, stat.kind === 'link')
      assert.equal(blob !== undefined, stat.kind === 'file')
    }),
  )
})

test('every row is read as it was written', () => {
  const count = fc.nat(2 ** 40)
  const stat = fc.record(
    {
      mode: fc.nat(0o177777),
      uid: count,
      gid: count,
      size: count,
      blocks: count,
      offset: count,
      byteOffset: count,
      mtime: count,
      ctime: count,
      linkname: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
      mount: fc.option(
        fc.record(
          {
            key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
            version: fc.option(count, { nil: undefined }),
            hypercore: fc.boolean(),
          },
          { noNullPrototype: true },
        ),
        { nil: undefined },
      ),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(stat, fc.dictionary(fc.string({ minLength: 1 }), fc.uint8Array()), (row, data) => {
      const metadata = Object.keys(data).length === 0 ? undefined : new Map(Object.entries(data))
      const bytes = encodeStat({ ...row, metadata })
      assert.deepEqual(decodeStat(bytes), { ...row, metadata })
      assert.ok(equal(encodeStat(decodeStat(bytes)), bytes))
    }),
  )
})

test('a mount that can not be entered is told, and does not spoil the listing', async () => {
  const drive = await newTrieDrive()
  await drive.put('/file', utf8('file'))
  const folder = encodeStat({ ...NOTHING, mode: 0o40755 })
  const key = new Uint8Array(32).fill(9)
  const mount = (path: string, record: Uint8Array) =>
    raw(drive, (trie) =>
      trie.batch([
        { type: 'put', key: mountKey(path), value: record, hidden: true, flags: 1 },
        { type: 'put', key: path, value: folder, flags: 1 },
      ]),
    )
  await mount(
    'short',
    encodeMount({ key: key.subarray(1), localPath: 'short', version: undefined }),
  )
  await mount('broken', utf8('\x0a\xff\xff'))
  const part = new Writer(80)
  writeBytesField(part, 1, key)
  writeStringField(part, 2, 'part')
  writeStringField(part, 4, 'some/folder')
  await mount('part', part.take())

  const entries = await collect(drive.list('/'))

  const told = entries.map(({ path, invalid }) => `${path} ${invalid === undefined}`)
  assert.deepEqual(told, ['/broken false', '/file true', '/part false', '/short false'])
  assert.equal(text(await drive.get('/file')), 'file')
  await assert.rejects(drive.get('/short/file'), (e) => isCode(e, 'BAD_CONTENT'))
  await assert.rejects(drive.get('/part/file'), (e) => isCode(e, 'UNSUPPORTED'))
})

test('links in circles end, and links out of the drive are no files', async () => {
  const drive = await newTrieDrive()
  await drive.symlink('/a', '/b')
  await drive.symlink('/b', 'a')
  await drive.symlink('/out', '../../etc/passwd')

  await assert.rejects(drive.get('/a'), (e) => isCode(e, 'BAD_CONTENT'))
  await assert.rejects(drive.stat('/a'), (e) => isCode(e, 'BAD_CONTENT'))
  assert.equal(await drive.get('/out'), undefined)
})

test('a log that is no drive says what it is', () => {
  const key = new Uint8Array(32)
  const header = (name: string, metadata?: Uint8Array): Uint8Array => {
    const writer = new Writer(64)
    writeStringField(writer, 1, name)
    if (metadata !== undefined) writeBytesField(writer, 2, metadata)
    return writer.take()
  }

  assert.equal(driveFormat(header('hyperdrive', key)), 'hyperdrive 9')
  assert.equal(driveFormat(header('hypertrie', key)), 'hyperdrive 10')
  assert.equal(driveFormat(header('hyperbee')), 'hyperdrive 13')
  const plain = [
    header('hyperdrive'),
    header('hypertrie'),
    header('hypertrie', key.subarray(1)),
    header('other'),
    utf8('text'),
  ]
  for (const block of [...plain, new Uint8Array(0), header('hypertrie', key).subarray(0, 20)]) {
    assert.throws(
      () => driveFormat(block),
      (e) => isCode(e, 'UNSUPPORTED'),
    )
  }
})

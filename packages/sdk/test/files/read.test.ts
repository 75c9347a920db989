/**
 * Reading the user's files: one state of a file, or nothing.
 */

import assert from 'node:assert/strict'
import { appendFileSync, lstatSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { hasContent, readLarge, readSmall, SMALL_BYTES } from '../../src/files/read.ts'
import {
  type FileStat,
  fileStat,
  isSame,
  isUntouched,
  RACY_MS,
  trusted,
} from '../../src/files/stat.ts'
import { tempFolder, writeTree } from '../temp.ts'

const LARGE = new Uint8Array(2_500_000).map((_, i) => i >> 3)
const look = (file: string): FileStat => fileStat(lstatSync(file))
const never = new AbortController().signal

const room = new Uint8Array(SMALL_BYTES)

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(Uint8Array.from(piece))
  return Buffer.concat(pieces)
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

test('a small file is read whole; one that grew, shrank or was replaced is not', (t) => {
  const file = join(tempFolder(t), 'a')
  writeFileSync(file, 'content')
  const seen = look(file)
  assert.equal(Buffer.from(readSmall(file, seen, room) ?? []).toString(), 'content')

  appendFileSync(file, '!')
  assert.equal(readSmall(file, seen, room), undefined)
  writeFileSync(file, 'short')
  assert.equal(readSmall(file, seen, room), undefined)
  writeFileSync(`${file}2`, 'content')
  renameSync(`${file}2`, file)
  assert.equal(readSmall(file, seen, room), undefined)
})

test('a large file comes in pieces, and ends with an error if it did not hold still', async (t) => {
  const file = join(tempFolder(t), 'a')
  writeFileSync(file, LARGE)
  const seen = look(file)
  let read = 0

  const bytes = await collect(readLarge(file, seen, (n) => (read += n), never))
  assert.equal(bytes.equals(LARGE), true)
  assert.equal(read, LARGE.length)

  const disturbed = readLarge(file, seen, () => appendFileSync(file, '!'), never)
  await assert.rejects(collect(disturbed), (e) => isCode(e, 'CONFLICT'))
})

test('reading stops when the signal fires', async (t) => {
  const file = join(tempFolder(t), 'a')
  writeFileSync(file, LARGE)
  const abort = new AbortController()
  const reason = new Error('enough')

  const reading = collect(readLarge(file, look(file), () => abort.abort(reason), abort.signal))

  await assert.rejects(reading, reason)
})

test('no file is read through a link', (t) => {
  const root = tempFolder(t)
  writeTree(root, { real: 'x' })
  const seen = look(join(root, 'real'))
  symlinkSync('real', join(root, 'link'))

  assert.throws(() => readSmall(join(root, 'link'), seen, room), { code: 'ELOOP' })
})

test('contents are compared whatever pieces they come in', async (t) => {
  const file = join(tempFolder(t), 'a')
  const bytes = LARGE.subarray(0, 200_000)
  writeFileSync(file, bytes)
  const seen = look(file)
  const other = Uint8Array.from(bytes)
  other[199_999] = 1

  for (const size of [1_000, 65_536, 200_000]) {
    assert.equal(await hasContent(file, seen, pieces(bytes, size)), true)
    assert.equal(await hasContent(file, seen, pieces(other, size)), false)
    assert.equal(await hasContent(file, seen, pieces(bytes.subarray(1), size)), false)
    assert.equal(await hasContent(file, seen, pieces(LARGE.subarray(0, 200_001), size)), false)
  }
})

test('what was written to is not untouched; another mode or name leaves it untouched, but not the same', () => {
  const stat: FileStat = {
    size: 3,
    mtimeMs: 1_000.25,
    ctimeMs: 2_000.5,
    inode: 7,
    executable: false,
  }

  assert.equal(isSame(stat, { ...stat }), true)
  assert.equal(isUntouched(stat, { ...stat, ctimeMs: 3_000, executable: true }), true)
  assert.equal(isSame(stat, { ...stat, ctimeMs: 3_000 }), false)
  for (const change of [{ size: 4 }, { mtimeMs: 1_000.5 }, { inode: 8 }]) {
    assert.equal(isUntouched(stat, { ...stat, ...change }), false)
  }
})

test('times of a moment ago, or before 1970, are not trusted', () => {
  const stat: FileStat = { size: 3, mtimeMs: 50_000, ctimeMs: 60_000, inode: 7, executable: false }

  assert.deepEqual(trusted(stat, 60_000 + RACY_MS), stat)
  for (const doubtful of [
    trusted(stat, 59_999 + RACY_MS),
    trusted({ ...stat, mtimeMs: -5 }, 1e9),
  ]) {
    assert.equal(doubtful.mtimeMs, 0)
    assert.equal(isUntouched(doubtful, doubtful), false)
  }
})

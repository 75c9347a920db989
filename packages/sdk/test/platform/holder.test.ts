/**
 * Who has a store open.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { storeHolder } from '../../src/platform/node/holder.ts'
import { openStorage } from '../../src/platform/node/storage.ts'
import { tempFolder } from '../temp.ts'

test('a store tells who holds it, and when nobody does any more', async (t) => {
  const folder = join(tempFolder(t), 'store')

  const before = storeHolder(folder)
  const store = await openStorage(folder)
  const during = storeHolder(folder)
  await store.close()
  const after = storeHolder(folder)

  assert.equal(before, undefined)
  assert.equal(during?.pid, process.pid)
  assert.match(during?.description ?? '', /^process \d+ on /)
  assert.equal(after, undefined)
})

test('asking who holds a store takes it from nobody, and reading one is no holding', async (t) => {
  const folder = join(tempFolder(t), 'store')
  await (await openStorage(folder)).close()
  const reader = await openStorage(folder, { readOnly: true })

  const holder = storeHolder(folder)
  const writer = await openStorage(folder)
  await writer.close()
  await reader.close()

  assert.equal(holder, undefined)
})

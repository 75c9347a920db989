/** A store that was copied does not write its logs a second time: not at the same time, and not afterwards. */

import assert from 'node:assert/strict'
import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openStorage } from '../../src/platform/node/storage.ts'
import { tempFolder } from '../temp.ts'

async function openAt(folder: string, recover = false): Promise<Corestore> {
  return Corestore.open({ store: await openStorage(folder, { recover }) })
}

const one = (): Uint8Array => new Uint8Array([1])

async function write(corestore: Corestore): Promise<void> {
  const log = await corestore.get({ name: 'mine' })
  await log.append(one())
}

/** Opens a copy, sees it refuse to write, and closes it. */
async function assertRefuses(folder: string): Promise<void> {
  const corestore = await openAt(folder)
  try {
    assert.equal(corestore.store.writable, false)
    assert.match(corestore.store.whyReadOnly ?? '', /copied/)
    const log = await corestore.get({ name: 'mine' })
    assert.equal(log.length > 0, true)
    assert.equal(log.writable, false)
    await assert.rejects(log.append(one()), (error) => {
      return isCode(error, 'NOT_WRITABLE') && /copied/.test((error as Error).message)
    })
    await assert.rejects(log.clear(0), { code: 'NOT_WRITABLE' })
    await assert.rejects(corestore.delete({ name: 'mine' }), { code: 'NOT_WRITABLE' })
    await assert.rejects(corestore.gc(), { code: 'NOT_WRITABLE' })
    await assert.rejects(corestore.get({ name: 'other' }), { code: 'NOT_WRITABLE' })
  } finally {
    await corestore.close()
  }
}

test('a copy that is opened while the original is open refuses to write, and the original goes on', async (t) => {
  const [original, copy] = ['original', 'copy'].map((name) => join(tempFolder(t), name))
  assert.ok(original !== undefined && copy !== undefined)
  const first = await openAt(original)
  await write(first)
  await first.flush()
  cpSync(original, copy, { recursive: true })

  await assertRefuses(copy)

  await write(first)
  assert.equal((await first.get({ name: 'mine' })).length, 2)
  await first.close()
})

test('a copy that is opened after the original refuses to write, however often, and wherever it is moved', async (t) => {
  const folder = tempFolder(t)
  const [original, copy, moved] = ['original', 'copy', 'moved'].map((name) => join(folder, name))
  assert.ok(original !== undefined && copy !== undefined && moved !== undefined)
  const first = await openAt(original)
  await write(first)
  await first.close()
  cpSync(original, copy, { recursive: true, preserveTimestamps: true })

  await assertRefuses(copy)
  await assertRefuses(copy)
  renameSync(original, moved)
  renameSync(copy, original)
  await assertRefuses(original)

  const again = await openAt(moved)
  assert.equal(again.store.writable, true)
  await write(again)
  await again.close()
})

test('a copy is written when the user says that the original is gone, and remembers that', async (t) => {
  const folder = tempFolder(t)
  const [original, copy] = [join(folder, 'original'), join(folder, 'copy')]
  const first = await openAt(original)
  await write(first)
  await first.close()
  cpSync(original, copy, { recursive: true })
  rmSync(original, { recursive: true })

  const second = await openAt(copy, true)
  await write(second)
  await second.close()

  const third = await openAt(copy)
  assert.equal(third.store.writable, true)
  assert.equal((await third.get({ name: 'mine' })).length, 2)
  await third.close()
})

/** Which folders in a shared folder are stores, and what is shared as it is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInStore, refusedStore } from '../../src/files/nested-store.ts'
import { tempFolder, writeTree } from '../temp.ts'

test('whatever lies in a store is known as such, at any depth', (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'backup/log/key': 'k'.repeat(32), 'backup/log/tree': '' })
  writeTree(root, { 'backup/log/bitfield': '', 'backup/log/deep/er/file': 'x' })

  for (const folder of ['/backup/log', '/backup/log/deep', '/backup/log/deep/er']) {
    assert.equal(isInStore(root, folder), true, folder)
  }
  for (const folder of ['/', '/backup']) assert.equal(isInStore(root, folder), false, folder)
  const refusal = refusedStore(root, '/backup/log', [{ name: 'key' }])
  assert.equal(refusal?.code, 'CONFLICT')
})

test('a database that some stores lie in is shared like any folder, and so is the root', (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'app/CURRENT': 'x', 'app/IDENTITY': 'x', master_key: 'k'.repeat(32) })

  assert.equal(isInStore(root, '/app'), false)
  assert.equal(refusedStore(root, '/app', [{ name: 'CURRENT' }]), undefined)
  assert.equal(refusedStore(root, '/', [{ name: 'master_key' }]), undefined)
})

/**
 * Stores of other programs are known by their files, and folders of files are not taken for them.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { foreignStore } from '../../src/files/foreign-store.ts'
import { type Tree, tempFolder, writeTree } from '../temp.ts'

const KEY = new Uint8Array(32)

const STORES: Readonly<Record<string, { tree: Tree; says: RegExp }>> = {
  'dat 13': {
    tree: { 'metadata.key': KEY, 'metadata.tree': '', 'content.tree': '' },
    says: /generation 1/,
  },
  'hypercore 7': {
    tree: { key: KEY, tree: '', bitfield: '', data: '' },
    says: /generation 1 or 2/,
  },
  'corestore 5': { tree: { master_key: KEY, 'd8/62/d862/key': KEY }, says: /generation 2/ },
  'corestore 6': { tree: { 'primary-key': KEY, 'cores/75/f5/a/oplog': '' }, says: /hypercore 10/ },
  'corestore 7': { tree: { CORESTORE: 'id=1\n', 'db/CURRENT': 'MANIFEST' }, says: /hypercore 11/ },
  'corestore 7, copied': { tree: { 'db/CURRENT': '', 'db/IDENTITY': '' }, says: /hypercore 11/ },
  'corestore 7.0': { tree: { CURRENT: '', IDENTITY: '', '000004.log': '' }, says: /corestores 7/ },
}

for (const [name, { tree, says }] of Object.entries(STORES)) {
  test(`the store of ${name} is recognised`, (t) => {
    const dir = tempFolder(t)
    writeTree(dir, tree)

    assert.match(foreignStore(dir) ?? '', says)
  })
}

test('a folder of files is no store, whatever a few of them are called', (t) => {
  const dir = tempFolder(t)
  writeTree(dir, { key: 'a key', tree: 'an oak', master_key: 'of the house', 'db/CURRENT': 'x' })

  assert.equal(foreignStore(dir), undefined)
  assert.equal(foreignStore(join(dir, 'not there')), undefined)
})

/** Tries go between hypertrie 5 and us over TCP, block by block, and each side is told by the other which it needs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromUtf8, utf8 } from '@dat-rhino/core/bytes/bytes'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { Trie, type TrieOperation } from '@dat-rhino/core/index/trie/trie'
import { asked } from './asked.ts'
import { openOldNode } from './old-feeds.ts'

const KEYS = 2_000
const FOLDERS = 50
const name = (i: number): string => `folder ${i % FOLDERS}/file ${i}`
const filling: TrieOperation[] = Array.from({ length: KEYS }, (_, i) => {
  return { type: 'put', key: name(i), value: utf8(`value ${i}`) }
})

test('we read single keys and one folder of a trie that hypertrie 5 holds, and it is asked for the way', async (t) => {
  const ask = asked(t, 'gen2/tries.mjs')
  const batch = { type: 'batch', operations: filling }
  const { key, port } = await ask<{ key: Uint8Array; port: number }>({
    serve: { operations: [batch] },
  })
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  const trie = Trie.open(log)
  await node.connect(port, 2)
  await trie.update({ timeoutMs: 5_000 })

  assert.equal(trie.version, KEYS + 1)
  assert.equal(fromUtf8((await trie.get(name(1_234)))?.value ?? utf8('')), 'value 1234')
  assert.equal(await trie.get('folder 3/none'), undefined)
  const found: string[] = []
  for await (const entry of trie.entries('folder 7')) found.push(entry.key)

  assert.equal(found.length, KEYS / FOLDERS)
  assert.ok(log.info().heldBlocks < 4 * found.length, `${log.info().heldBlocks}`)
  const { heard } = await ask<{ heard: [string, string][] }>({ heard: true })
  assert.ok(heard.some(([type, key]) => type === 'get' && key === name(1_234)))
})

test('hypertrie 5 reads single keys and one folder of a trie of ours, and is told the way', async (t) => {
  const node = await openOldNode(t)
  const log = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  const trie = Trie.open(log)
  await trie.batch(filling)
  const port = await node.listen()
  const queries = [
    { type: 'get', key: name(1_234), options: {} },
    { type: 'get', key: 'folder 3/none', options: {} },
    { type: 'entries', prefix: 'folder 7', options: {} },
  ]

  const { answers, downloaded, named } = await asked(
    t,
    'gen2/tries.mjs',
  )<{
    answers: [[string, number], null, [string, number][]]
    downloaded: number
    named: number[]
  }>({ read: { key: log.key, port, length: log.length, queries } })

  const [entry, none, folder] = answers
  assert.deepEqual([entry[0], entry[1]], [name(1_234), 1_235])
  assert.equal(none, null)
  assert.equal(folder.length, KEYS / FOLDERS)
  assert.ok(downloaded < 4 * folder.length, `${downloaded}`)
  const told = new Set(named)
  assert.ok(told.has(1_235))
  assert.ok(folder.every(([, seq]) => told.has(seq)))
})

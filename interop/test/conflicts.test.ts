/** Two histories under one key, met by stock hypercore 11 and ours: both notice, and ours can prove it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { verifyConflict } from '@dat-rhino/core/log/conflict'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

setCrypto(sodiumCrypto)
const shared = randomBlocks(8, 1, 50)

for (const compat of [false, true]) {
  const what = compat ? 'compat log' : 'log'

  test(`a ${what} that was written here and by hypercore 11 with the same key freezes at both, proved`, async (t) => {
    const pair = keyPair()
    const stock = await Stock.start(t)
    const node = await openNode(t)
    const log = await node.corestore.get(
      compat ? { key: pair.publicKey, keyPair: pair } : { keyPair: pair },
    )
    await log.append([...shared, ...randomBlocks(5, 1, 50, 2)])
    const { key } = await stock.do('core', { name: 'log', keyPair: pair, compat })
    await stock.do('append', { name: 'log', blocks: [...shared, ...randomBlocks(9, 1, 50, 3)] })
    assert.deepEqual(new Uint8Array(key), log.key)
    const ours = new Promise((resolve) => log.on('conflict', resolve))

    await stock.do('connect', { port: await node.listen() })
    // It takes a wrong proof for somebody to look: each side asks the other for what it thinks is its own.
    const theirs = stock.do('conflict', { name: 'log' })
    await Promise.all([ours, theirs])

    const evidence = log.conflict
    assert.ok(evidence)
    const facts = verifyConflict(evidence, log.key)
    assert.deepEqual([facts.fork, [...facts.lengths].sort()], [0, [13, 17]])
    assert.ok(facts.end > shared.length)
    await assert.rejects(log.append(shared), (error) => isCode(error, 'FORKED'))
  })
}

test('a reader of ours that hears both histories of hypercore 11s freezes, and its evidence convinces others', async (t) => {
  const pair = keyPair()
  const [one, two] = [await Stock.start(t), await Stock.start(t)]
  const node = await openNode(t)
  const { key } = await one.do('core', { name: 'log', keyPair: pair })
  await two.do('core', { name: 'log', keyPair: pair })
  await one.do('append', { name: 'log', blocks: [...shared, ...randomBlocks(5, 1, 50, 2)] })
  await two.do('append', { name: 'log', blocks: [...shared, ...randomBlocks(9, 1, 50, 3)] })
  const log = await node.corestore.get({ key: new Uint8Array(key) })
  await node.connect(await one.do('listen', {}))
  await log.download({ start: 0, end: 13 }).done()
  const conflict = new Promise((resolve) => log.on('conflict', resolve))

  await node.connect(await two.do('listen', {}))
  await conflict

  const evidence = log.conflict
  assert.ok(evidence)
  const other = await openNode(t)
  const copy = await other.corestore.get({ key: log.key })
  assert.equal(await copy.acceptConflict(evidence), true)
  assert.deepEqual(copy.info().conflict?.lengths, log.info().conflict?.lengths)
})

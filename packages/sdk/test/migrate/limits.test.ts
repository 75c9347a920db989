/** What old files can make us hold or do: one below each limit, and one above. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  STORED_PROBLEMS_MAX,
  STORED_RECORD_BYTES_MAX,
  STORED_SIGNATURES_TRIED_MAX,
} from '@dat-rhino/core/base/limits'
import { Writer } from '@dat-rhino/core/bytes/cursor'
import { writeU64BE } from '@dat-rhino/core/bytes/integers'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { readHeader } from '../../src/migrate/oplog-header.ts'
import { ProblemList } from '../../src/migrate/problems.ts'
import { SleepLog } from '../../src/migrate/sleep-log.ts'
import { FilePool } from '../../src/migrate/stored-file.ts'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { tempFolder } from '../temp.ts'

setCrypto(sodiumCrypto)

test('so many problems are named, and all are counted', () => {
  const problems = new ProblemList()

  for (let i = 0; i < STORED_PROBLEMS_MAX; i++) problems.add('damaged', 'file', 'is bad', i)
  const below = [problems.all.length, problems.count]
  problems.add('damaged', 'file', 'is bad', STORED_PROBLEMS_MAX)

  assert.deepEqual(below, [STORED_PROBLEMS_MAX, STORED_PROBLEMS_MAX])
  assert.deepEqual(
    [problems.all.length, problems.count],
    [STORED_PROBLEMS_MAX, STORED_PROBLEMS_MAX + 1],
  )
})

test('a header that lies elsewhere is fetched up to its largest size, and not beyond', () => {
  const asked: number[] = []
  for (const length of [STORED_RECORD_BYTES_MAX, STORED_RECORD_BYTES_MAX + 1]) {
    const payload = new Writer()
    for (const field of [1, 1, 0, length]) payload.uint(field)
    const external = (_at: number, bytes: number): undefined => void asked.push(bytes)

    assert.throws(() => readHeader(payload.take(), external), { code: 'BAD_FRAME' })
  }

  assert.deepEqual(asked, [STORED_RECORD_BYTES_MAX])
})

test('a small file is read up to its largest size, and a larger one is named', (t) => {
  const dir = tempFolder(t)
  const pool = new FilePool()
  t.after(() => pool.close())
  for (const bytes of [STORED_RECORD_BYTES_MAX, STORED_RECORD_BYTES_MAX + 1]) {
    const path = join(dir, `${bytes}`)
    writeFileSync(path, new Uint8Array(bytes))
    const problems = new ProblemList()

    const content = pool.content(path, STORED_RECORD_BYTES_MAX, problems)

    const isRead = bytes <= STORED_RECORD_BYTES_MAX
    assert.deepEqual([content?.length, problems.count], isRead ? [bytes, 0] : [undefined, 1])
  }
})

/** A log in files, of one block an append, of whose signatures the last `wrong` are not right. */
async function cutShort(t: TestContext, length: number, wrong: number): Promise<SleepLog> {
  const store = await Corestore.open({ store: openMemoryStore() })
  t.after(() => store.close())
  const log = await store.get({ keyPair: keyPair(), generation: 2 })
  for (let i = 0; i < length; i++) {
    await log.append(Uint8Array.of(i))
    await log.flush()
  }
  const { slot } = log.replica
  const tree = new Uint8Array(32 + 40 * (2 * length))
  tree.set([5, 2, 0x57, 2, 0, 0, 40, 0])
  for (let node = 0; node < 2 * length; node++) {
    if (!slot.findNode(node)) continue
    tree.set(slot.nodeBytes.subarray(slot.nodeAt, slot.nodeAt + 32), 32 + 40 * node)
    writeU64BE(tree, 32 + 40 * node + 32, slot.nodeSize)
  }
  const signatures = new Uint8Array(32 + 64 * length)
  signatures.set([5, 2, 0x57, 1, 0, 0, 64, 0])
  for (let i = 1; i <= length; i++) {
    const signature = i > length - wrong ? new Uint8Array(64).fill(1) : slot.signature(i)
    signatures.set(signature ?? assert.fail(`no signature of ${i}`), 32 + 64 * (i - 1))
  }
  const dir = tempFolder(t)
  writeFileSync(join(dir, 'tree'), tree)
  writeFileSync(join(dir, 'signatures'), signatures)
  const pool = new FilePool()
  t.after(() => pool.close())
  const problems = new ProblemList()
  const file = (name: string) => pool.file(join(dir, name), problems)
  const files = { path: dir, bitfield: undefined, data: undefined }
  const identity = { key: log.key, secretKey: undefined, generation: 2, isLive: false } as const
  return new SleepLog(
    { ...files, tree: file('tree'), signatures: file('signatures') },
    identity,
    problems,
  )
}

test('so many signatures are tried to find how long a log is, and then what its tree says counts', async (t) => {
  const length = STORED_SIGNATURES_TRIED_MAX + 10
  const found: number[] = []
  for (const wrong of [0, 1, STORED_SIGNATURES_TRIED_MAX, STORED_SIGNATURES_TRIED_MAX + 1]) {
    found.push((await cutShort(t, length, wrong)).length)
  }

  assert.deepEqual(found, [length, length - 1, length - STORED_SIGNATURES_TRIED_MAX, length])
})

/** Seeing what takes space in a store and deleting it, by the real command. */

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { writeTree } from '../../sdk/test/temp.ts'
import { Bench } from './dat.ts'

const MIB = 1_048_576

function diskUse(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).blocks * 512,
    0,
  )
}

async function makeStore(folder: string): Promise<void> {
  const corestore = await Corestore.open({ store: await openStorage(folder) })
  const big = await corestore.get({ name: 'videos' })
  for (let i = 0; i < 8; i++) await big.append(new Uint8Array(MIB).map((_, at) => (at * at) >> 7))
  const small = await corestore.get({ name: 'notes' })
  await small.append(new Uint8Array(100))
  await corestore.get({ key: new Uint8Array(32).fill(9) })
  await corestore.close()
}

test('a store tells what takes space in it, and what is deleted is gone at once', async (t) => {
  const bench = new Bench(t)
  const folder = join(bench.folder(), 'store')
  await makeStore(folder)

  const before = await bench.run(['store', 'ls', folder, '--json'])
  const refused = await bench.run(['store', 'rm', 'videos', folder, '--json'])
  const deleted = await bench.run(['store', 'rm', 'videos', folder, '--force', '--json'])
  const after = await bench.run(['store', 'ls', folder])
  const collected = await bench.run(['store', 'gc', folder, '--json'])

  assert.deepEqual(
    before.events.map(({ event, name, heldBytes, heldBlocks, own }) => [
      event,
      name,
      heldBytes,
      heldBlocks,
      own,
    ]),
    [
      ['log', 'videos', 8 * MIB, 8, true],
      ['log', 'notes', 100, 1, true],
      ['log', null, 0, 0, false],
      ['store', undefined, 8 * MIB + 100, undefined, undefined],
    ],
  )
  assert.match(String(before.events[0]?.['usedAt']), /^20\d\d-.*:00:00\.000Z$/)
  assert.equal(refused.events[0]?.['code'], 'CONFLICT')
  assert.match(String(refused.events[0]?.['message']), /--force/)
  assert.equal(deleted.exit, 0)
  assert.ok(Number(deleted.events[0]?.['bytes']) > 7 * MIB)
  assert.ok(diskUse(folder) < MIB, `${diskUse(folder)}`)
  assert.match(after.stdout, /^ +100 B +1\/1 {2}20\d\d-\d\d-\d\d {2}\w{52} {2}notes {2}\(own\)$/m)
  assert.doesNotMatch(after.stdout, /videos/)
  assert.equal(collected.events[0]?.event, 'collected')
})

test('a log is named by its key or the beginning of it; what is not there, or not one, is said', async (t) => {
  const bench = new Bench(t)
  const folder = join(bench.folder(), 'store')
  await makeStore(folder)
  const listed = await bench.run(['store', 'ls', folder, '--json'])
  const foreign = String(listed.events[2]?.['key'])

  const nobody = await bench.run(['store', 'rm', 'nobody', folder])
  const several = await bench.run(['store', 'rm', '', folder])
  const one = await bench.run(['store', 'rm', foreign.slice(0, 8), folder])
  const nowhere = await bench.run(['store', 'ls', join(folder, 'no')])

  assert.equal(nobody.exit, 66)
  assert.match(nobody.stderr, /dat store ls/)
  assert.equal(several.exit, 64)
  assert.match(one.stdout, new RegExp(`^deleted ${foreign}`))
  assert.equal(nowhere.exit, 66)
})

test('what a shared folder is made of is listed while it is shared, and not deleted by mistake', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const dir = bench.folder()
  writeTree(dir, { 'a.txt': 'text of a' })
  const share = bench.start(['share', dir, '--json', ...entry])
  await share.event('sharing')

  const during = await bench.run(['store', 'ls', dir, '--json'])
  const locked = await bench.run(['store', 'gc', dir])
  await share.interrupt()
  const drive = during.events.find((event) => event['drive'] === true)
  const refused = await bench.run(['store', 'rm', String(drive?.['key']), dir, '--json'])

  assert.ok(during.events.filter(({ event }) => event === 'log').length >= 2)
  assert.equal(locked.exit, 71)
  assert.match(String(refused.events[0]?.['message']), /made of/)
})

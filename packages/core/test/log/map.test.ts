/** The page that leads from hypercore's API to ours names only what there is. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { CODES } from '../../src/base/errors.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { createManifest, encodeManifest } from '../../src/log/manifest.ts'
import { propose } from '../../src/log/proposal.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { testKeyPair } from './support.ts'

const page = await readFile(new URL('../../../../docs/hypercore-map.md', import.meta.url), 'utf8')

test('every member that the map of hypercore names is there', async () => {
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const log = await corestore.get({ name: 'log' })
  await log.append(utf8('x'))
  const manifest = encodeManifest(createManifest({ signers: [testKeyPair(2)] }))
  const shared = await corestore.get({ manifest })
  const things: Record<string, object> = {
    corestore,
    log,
    view: log.snapshot(),
    draft: await log.draft('draft'),
    proposal: propose(shared, [utf8('x')]),
  }
  const seen = new Set<string>()

  for (const [, name = '', path = ''] of page.matchAll(
    /\b(corestore|log|view|draft|proposal)\.([a-zA-Z.]*[a-zA-Z])/g,
  )) {
    let thing: unknown = things[name]
    for (const part of path.split('.')) {
      assert.ok(typeof thing === 'object' && thing !== null && part in thing, `${name}.${path}`)
      thing = Reflect.get(thing, part)
    }
    seen.add(`${name}.${path}`)
  }
  assert.ok(seen.size > 60, `${seen.size}`)
  await corestore.close()
})

test('every function that the map names is exported by the module that it names', async () => {
  let count = 0
  for (const [, name = '', module = ''] of page.matchAll(/`(\w+)[^`]*` of\s+`(\w+\/[a-z-]+)`/g)) {
    assert.ok(name in (await import(`../../src/${module}.ts`)), `${name} of ${module}`)
    count++
  }
  assert.ok(count > 12, `${count}`)
})

test('every code of ours that the map names is in the table', () => {
  const errors = page.slice(page.indexOf('## Errors'))
  for (const [, code = ''] of errors.matchAll(/`([A-Z_]+)`/g)) assert.ok(code in CODES, code)
})

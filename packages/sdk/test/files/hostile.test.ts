/**
 * Drives whose names and links were chosen by somebody who wants to write elsewhere: nothing outside the folder is
 * touched, each is told, and the honest files arrive.
 */

import assert from 'node:assert/strict'
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import { Bee } from '@dat-rhino/core/index/bee'
import type { Report } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { readTree } from '../temp.ts'

type Row = string | { readonly link: string } | { readonly raw: string }

/** Serves a drive with these rows, written below everything that would refuse them; gives its link. */
async function hostileDrive(bed: Bed, rows: Readonly<Record<string, Row>>): Promise<string> {
  const node = await bed.online()
  const store = await node.corestore()
  const drive = await BeeDrive.open({ store })
  await drive.put('/honest', utf8('honest'))
  const bee = Bee.open(await store.get({ name: 'db' }))
  for (const [path, row] of Object.entries(rows)) {
    const blob = typeof row === 'string' ? await drive.blobs?.put(utf8(row)) : null
    const linkname = typeof row !== 'string' && 'link' in row ? row.link : null
    const value = { executable: false, linkname, blob, metadata: null }
    const text = typeof row !== 'string' && 'raw' in row ? row.raw : JSON.stringify(value)
    await bee.put(utf8(`files\0${path}`), utf8(text))
  }
  const link = formatLink({ key: drive.key })
  await node.drive(link, { update: false })
  return link
}

async function cloneHostile(
  t: TestContext,
  rows: Readonly<Record<string, Row>>,
): Promise<{ outer: string; target: string; report: Report }> {
  const bed = new Bed(t)
  const outer = bed.folder()
  const target = join(outer, 'inside', 'target')
  writeFileSync(join(outer, 'precious'), 'precious')
  const link = await hostileDrive(bed, rows)
  const node = await bed.online()
  const report = await (await node.clone(link, target)).done()
  await node.close()
  assert.deepEqual(readdirSync(outer).sort(), ['inside', 'precious'])
  assert.deepEqual(readdirSync(join(outer, 'inside')), ['target'])
  assert.equal(readFileSync(join(outer, 'precious'), 'utf8'), 'precious')
  return { outer, target, report }
}

test('no name leads out of the folder, or to a name that no disk holds', async (t) => {
  const names = [
    '/../evil',
    '/../../precious',
    '/a/../../../precious',
    '//double',
    '/a//b',
    '/./dot',
    '/nul\0byte',
    `/${'x'.repeat(300)}`,
    `/${'long/'.repeat(1_000)}x`,
  ]

  const { target, report } = await cloneHostile(
    t,
    Object.fromEntries(names.map((n) => [n, 'evil'])),
  )

  assert.deepEqual(readTree(target), { honest: 'honest' })
  assert.equal(report.skipped, names.length)
  assert.equal(report.error?.code, 'BAD_CONTENT')
})

test('no file gets into our own state, whatever the disk takes for its name', async (t) => {
  const names = [
    '/.dat-rhino/folder.json',
    '/.dat-rhino/store/evil',
    '/.DAT-RHINO/evil',
    '/.dat-\u200Crhino/evil',
    '/sub/.dat-rhino/evil',
    '/.dat-rhino-part',
    '/.dat/metadata.key',
  ]

  const { target, report } = await cloneHostile(
    t,
    Object.fromEntries(names.map((n) => [n, 'evil'])),
  )

  assert.deepEqual(readTree(target), { honest: 'honest' })
  assert.equal(report.skipped, names.length)
})

test('nothing is written through a link that the drive brought', async (t) => {
  const { target, report } = await cloneHostile(t, {
    '/in': { link: 'folder' },
    '/in/evil': 'evil',
    '/out': { link: '../..' },
    '/out/evil': 'evil',
    '/abs': { link: '/etc' },
    '/abs/evil': 'evil',
  })

  const skipped = report.problems.map(({ path }) => path).sort()
  assert.deepEqual(skipped, ['/abs/evil', '/in/evil', '/out'])
  assert.deepEqual(readTree(target), {
    abs: { link: 'etc' },
    honest: 'honest',
    in: { link: 'folder' },
    'out/evil': 'evil',
  })
})

test('no link leads out, directly or by stepping back out of another one', async (t) => {
  const { target } = await cloneHostile(t, {
    '/d/deep/x': 'x',
    '/door': { link: 'd/deep' },
    '/through': { link: 'door/../../../precious' },
    '/around': { link: 'door/../../honest' },
    '/up': { link: '../precious' },
  })

  assert.equal(lstatSync(join(target, 'door')).isSymbolicLink(), true)
  assert.deepEqual(Object.keys(readTree(target)).sort(), ['d/deep/x', 'door', 'honest'])
})

test('rows that are no rows, and sizes that are no sizes, are left out', async (t) => {
  const { target, report } = await cloneHostile(t, {
    '/not-json': { raw: 'evil' },
    '/list': { raw: '[]' },
    '/negative': {
      raw: '{"executable":false,"linkname":null,"blob":{"blockOffset":0,"byteOffset":0,"blockLength":1,"byteLength":-5},"metadata":null}',
    },
    '/too-long': {
      raw: '{"executable":false,"linkname":null,"blob":{"blockOffset":0,"byteOffset":0,"blockLength":1,"byteLength":4000},"metadata":null}',
    },
  })

  assert.deepEqual(readTree(target), { honest: 'honest' })
  assert.equal(report.skipped, 4)
})

test('a link to something that is no drive says what it is', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  const store = await node.corestore()
  // Headers as their writers make them: the name of the format in the first field. Drives name their content log too.
  for (const format of ['hypertrie', 'hyperdrive', 'multifeed']) {
    const log = await store.get({ name: format })
    await log.append(Uint8Array.of(10, format.length, ...utf8(format)))
    await node.log(formatLink({ key: log.key }), { update: false })
    const reader = await bed.online()

    const clone = await reader.clone(formatLink({ key: log.key }), join(bed.folder(), 'x'))

    await assert.rejects(
      clone.done(),
      (e) => isCode(e, 'UNSUPPORTED') && e.message.includes(format),
    )
  }
})

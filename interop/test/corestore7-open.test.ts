/** Drives in corestores 7, opened by a node from where they lie, through `rocksdb-native` as the stock packages bring it. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fromHex } from '@dat-rhino/core/bytes/bytes'
import { open } from '@dat-rhino/sdk'

const FIXTURES = fileURLToPath(new URL('../../packages/sdk/test/fixtures/gen3/', import.meta.url))
const rocksdb = createRequire(new URL('../gen3/peer.mjs', import.meta.url)).resolve(
  'rocksdb-native',
)

interface ToldFile {
  readonly path: string
  readonly linkname?: string | null
  readonly sha256?: string | null
  readonly text?: string
}

interface ToldDrive {
  readonly key: string
  readonly encryptionKey?: string | null
  readonly files: readonly ToldFile[]
}

const told: Record<string, { readonly drives: readonly ToldDrive[] }> = JSON.parse(
  readFileSync(join(FIXTURES, 'expected.json'), 'utf8'),
)

const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex')

for (const name of ['corestore7', 'corestore7-early']) {
  for (const { key, encryptionKey, files } of told[name]?.drives ?? []) {
    test(`${name}: the drive ${key.slice(0, 8)} lists and gives every file`, async () => {
      await using node = await open({ network: false })
      const crypt = encryptionKey ? { encryptionKey: fromHex(encryptionKey) } : {}

      await using opened = await node.open(join(FIXTURES, name), {
        archive: key,
        rocksdb,
        ...crypt,
      })

      assert.ok(opened.kind === 'drive', opened.kind)
      const listed: string[] = []
      for await (const { path } of opened.drive.list('/')) listed.push(path)
      assert.deepEqual(listed.sort(), files.map(({ path }) => path).sort())
      for (const { path, linkname, sha256: sum, text } of files) {
        assert.equal((await opened.drive.entry(path))?.linkname ?? undefined, linkname ?? undefined)
        const wanted = text === undefined ? sum : sha256(text)
        if (wanted) assert.equal(sha256((await opened.drive.get(path)) ?? ''), wanted, path)
      }
    })
  }
}

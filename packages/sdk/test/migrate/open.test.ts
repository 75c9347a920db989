/** Every fixture of the three generations, opened and compared with what its writer said of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import { isKeyPair } from '@dat-rhino/core/crypto/keys'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { openStored } from '../../src/migrate/open.ts'
import type { StoredPart } from '../../src/migrate/types.ts'
import { tempFolder } from '../temp.ts'
import {
  copyOf,
  expected,
  fixture,
  opened,
  partsOf,
  problemsOf,
  readAll,
  readOnly,
  STORES,
  sha256,
  stateOf,
} from './bed.ts'

/** What `expected.json` says of one log, whatever the fixture. */
interface Said {
  readonly key: string
  readonly discoveryKey?: string
  readonly length: number
  readonly secretKey?: string | null
  readonly writable?: boolean
  readonly blocks?: (string | null)[] | Record<string, { hex?: string; sha256?: string }>
  readonly blocksPresent?: number[]
  readonly signatures?: { index: number; hex: string }[] | Record<string, string>
}

function compare(log: StoredLog, said: Said): void {
  assert.equal(hex(log.key), said.key)
  assert.equal(log.length, said.length)
  assert.equal(log.fork, 0)
  if (said.blocks !== undefined) {
    const { blocks } = said
    const short = (i: number): string | null => {
      const block = (blocks as Record<number, string | null | { hex?: string; sha256?: string }>)[i]
      if (block === undefined || block === null || typeof block === 'string') return block ?? null
      return block.hex ?? block.sha256 ?? null
    }
    const found = readAll(log).map((block, i) => {
      const isHashed = block !== null && short(i) !== block
      return isHashed ? sha256(Buffer.from(block, 'hex')) : block
    })
    assert.deepEqual(
      found,
      Array.from({ length: log.length }, (_, i) => short(i)),
    )
  }
  if (said.secretKey !== undefined) {
    assert.equal(log.secretKey && hex(log.secretKey), said.secretKey ?? undefined)
  }
  if (said.writable !== undefined) assert.equal(log.secretKey !== undefined, said.writable)
  if (said.signatures !== undefined) assert.deepEqual(signaturesOf(log), listed(said.signatures))
  if (log.secretKey !== undefined) {
    assert.ok(isKeyPair({ publicKey: log.key, secretKey: log.secretKey }))
  }
}

function signaturesOf(log: StoredLog): Record<string, string> {
  const found: Record<string, string> = {}
  for (let length = 1; length <= log.length; length++) {
    const signature = log.signature(length)
    if (signature !== undefined) found[length - 1] = hex(signature)
  }
  return found
}

function listed(signatures: NonNullable<Said['signatures']>): Record<string, string> {
  if (!Array.isArray(signatures)) return signatures
  return Object.fromEntries(signatures.map(({ index, hex: text }) => [index, text]))
}

const FEEDS = [
  'gen1/feed-live',
  'gen1/feed-v6',
  'gen1/feed-mixed-sig',
  'gen1/feed-sparse',
  'gen1/feed-static',
  'gen2/hypercore8-then-9',
  'gen2/hypercore8-writer',
  'gen2/hypercore9-cleared',
  'gen2/hypercore9-sparse-reader',
  'gen2/hypercore9-static',
  'gen2/hypercore9-writer',
]

for (const name of FEEDS) {
  test(`${name}: keys, blocks and signatures are those that its writer named`, async (t) => {
    const store = await opened(t, fixture(name))

    const [archive] = store.archives
    const [part] = partsOf(store)
    assert.ok(archive !== undefined && part !== undefined)
    assert.equal(store.archives.length, 1)
    assert.equal(part.role, 'log')
    compare(part.log, expected(name) as unknown as Said)
    assert.equal(hex(part.discoveryKey), expected(name)['discoveryKey'])
    assert.deepEqual(problemsOf(store), [])
  })
}

test('the form of its newest signature tells a log of hypercore 9 from an older one', async (t) => {
  const generationOf = async (name: string): Promise<number | undefined> =>
    partsOf(await opened(t, fixture(name)))[0]?.log.generation

  assert.equal(await generationOf('gen1/feed-live'), 1)
  assert.equal(await generationOf('gen1/feed-mixed-sig'), 2)
  assert.equal(await generationOf('gen2/hypercore9-writer'), 2)
  assert.equal(await generationOf('gen2/hypertrie5'), 2)
  // Nothing in its files says that hypercore 8 wrote it, and not 7.
  assert.equal(await generationOf('gen2/hypercore8-writer'), 1)
})

test('gen2/hypertrie5: the trie is known as one, with the blocks that its writer named', async (t) => {
  const store = await opened(t, fixture('gen2/hypertrie5'))
  const said = expected('gen2/hypertrie5')

  assert.equal(store.archives[0]?.format, 'hypertrie')
  const [part] = partsOf(store)
  assert.ok(part !== undefined)
  assert.equal(hex(part.log.key), said['key'])
  assert.equal(part.log.length, said['version'])
})

// ---- Archives of generation 1 --------------------------------------------------------------------

const ARCHIVES = [
  ['gen1/dat-folder/share', 'gen1/dat-folder'],
  ['gen1/dat-clone/share', 'gen1/dat-clone'],
  ['gen1/sleep-multi/sleep', 'gen1/sleep-multi'],
  ['gen1/beaker', 'gen1/beaker'],
  ['gen1/beaker-indexed', 'gen1/beaker-indexed'],
] as const

interface SaidFile {
  readonly blocks: number
  readonly offset: number
  readonly sha256: string | null
}

for (const [name, at] of ARCHIVES) {
  test(`${name}: metadata and content are told apart, and every held file has its sha256`, async (t) => {
    const secretKeys = fixture('gen1/dat-folder/home/.dat/secret_keys')
    const store = await opened(t, fixture(name), { secretKeys })
    const said = expected(at) as unknown as Record<string, unknown>

    const [archive] = store.archives
    assert.equal(archive?.format, 'hyperdrive')
    assert.deepEqual(
      archive.parts.map(({ role }) => role),
      ['metadata', 'content'],
    )
    const [metadata, content] = archive.parts
    assert.ok(metadata !== undefined && content !== undefined)
    assert.equal(hex(archive.key), said['key'])
    assert.equal(hex(content.log.key), said['contentKey'])
    assert.equal(metadata.log.length, said['metadataLength'])
    assert.equal(content.log.length, said['contentLength'])
    const held = Array.from({ length: content.log.length }, (_, i) => i).filter((i) =>
      content.log.has(i),
    )
    assert.deepEqual(held, said['contentBlocksPresent'])
    checkFiles(content, said)
    assert.deepEqual(problemsOf(store), [])
  })
}

/** Files of every listed version, put together from their blocks, have the sha256s that were noted. */
function checkFiles({ log }: StoredPart, said: Record<string, unknown>): void {
  const versions = said['filesAt'] as Record<string, Record<string, SaidFile>>
  const wrong: string[] = []
  let checked = 0
  for (const files of Object.values(versions)) {
    for (const [path, file] of Object.entries(files)) {
      if (file.sha256 === null) continue
      const blocks = Array.from({ length: file.blocks }, (_, i) =>
        Buffer.from(log.block(file.offset + i) ?? []),
      )
      if (sha256(Buffer.concat(blocks)) !== file.sha256) wrong.push(path)
      checked++
    }
  }
  assert.deepEqual(wrong, [])
  assert.notEqual(checked, 0)
}

test('the owner is known by the mark, and has the secret key where it lies in the home folder', async (t) => {
  const secretKeys = fixture('gen1/dat-folder/home/.dat/secret_keys')
  const own = await opened(t, fixture('gen1/dat-folder/share'), { secretKeys })
  const without = await opened(t, fixture('gen1/dat-folder/share'))
  const clone = await opened(t, fixture('gen1/dat-clone/share'), { secretKeys: fixture('gen1') })

  assert.ok(own.archives[0]?.isOwners)
  assert.ok(partsOf(own).every(({ log }) => log.secretKey !== undefined))
  assert.ok(without.archives[0]?.isOwners)
  assert.ok(partsOf(without).every(({ log }) => log.secretKey === undefined))
  assert.equal(clone.archives[0]?.isOwners, false)
})

test('secret keys that lie in a folder beside the archives are used for them', async (t) => {
  const store = await openStored(fixture('gen1/dat-folder'))
  t.after(() => store.close())

  assert.ok(partsOf(store).every(({ log }) => log.secretKey !== undefined))
})

// ---- Stores of generation 2 ----------------------------------------------------------------------

test('gen2/corestore5: every log has the name, and the secret key that follows from it', async (t) => {
  const store = await opened(t, fixture('gen2/corestore5'))
  const said = expected('gen2/corestore5')
  const cores = said['cores'] as unknown as (Said & { how: string })[]

  assert.equal(store.primaryKey && hex(store.primaryKey), said['masterKey'])
  const byKey = new Map(partsOf(store).map((part) => [hex(part.log.key), part]))
  assert.equal(byKey.size, cores.length)
  for (const core of cores) {
    const part = byKey.get(core.key)
    assert.ok(part !== undefined, core.how)
    compare(part.log, core)
    assert.equal(hex(part.discoveryKey), core.discoveryKey)
  }
  const names = new Set(partsOf(store).map(({ name }) => name))
  for (const name of ['default', 'named', 'app', 'app:inner', 'abababab'])
    assert.ok(names.has(name))
  assert.deepEqual(problemsOf(store), [])
})

test('gen2/hyperdrive10: drives are joined from their logs, and a log alone stays alone', async (t) => {
  const store = await opened(t, fixture('gen2/hyperdrive10'))
  const said = expected('gen2/hyperdrive10') as unknown as Record<string, Record<string, unknown>>

  const drives = store.archives.filter(({ format }) => format === 'hypertrie')
  const logs = store.archives.filter(({ format }) => format === 'log')
  for (const drive of [said['A'], said['B']]) {
    const found = drives.find(({ key }) => hex(key) === drive?.['metadataKey'])
    const [metadata, content] = found?.parts ?? []
    assert.equal(content && hex(content.log.key), drive?.['contentKey'])
    assert.equal(metadata?.log.length, drive?.['metadataLength'])
    assert.equal(content?.log.length, drive?.['contentLength'])
  }
  assert.deepEqual(
    logs.map(({ key }) => hex(key)),
    [said['core']?.['key']],
  )
  assert.deepEqual(problemsOf(store), [])
})

test('gen2/multifeed6: feeds have their local names, and the secret keys that are there', async (t) => {
  const store = await opened(t, fixture('gen2/multifeed6'))
  const said = expected('gen2/multifeed6')['feedsByName'] as unknown as Record<string, Said>

  const byKey = new Map(partsOf(store).map((part) => [hex(part.log.key), part]))
  assert.equal(byKey.size, 4)
  for (const feed of Object.values(said)) {
    const part = byKey.get(feed.key)
    assert.ok(part !== undefined)
    compare(part.log, feed)
  }
  assert.deepEqual(
    partsOf(store).map(({ name }) => name),
    ['local', 'second', undefined, undefined],
  )
})

// ---- Hypercore 10 --------------------------------------------------------------------------------

interface SaidCore {
  readonly key: string
  readonly discoveryKey: string
  readonly length: number
  readonly fork: number
  readonly signature?: string | null
  readonly writable: boolean
  readonly alias: { readonly name: string; readonly namespace: string } | null
  readonly localBlocks: readonly (readonly [number, number, string])[]
  readonly userData: Record<string, string>
}

function compareCore({ log, name, namespace }: StoredPart, said: SaidCore): void {
  assert.equal(hex(log.key), said.key)
  assert.equal(log.length, said.length)
  assert.equal(log.fork, said.fork)
  assert.equal(log.generation, 3)
  const signature = log.signature(log.length)
  assert.equal(signature && hex(signature), said.signature ?? undefined)
  const blocks = Array.from({ length: log.length }, (_, i) => {
    const bytes = log.has(i) ? log.block(i) : undefined
    return bytes && [i, bytes.length, sha256(bytes)]
  })
  assert.deepEqual(
    blocks.filter((block) => block !== undefined),
    said.localBlocks,
  )
  assert.deepEqual(
    { name, namespace: namespace && hex(namespace) },
    {
      name: said.alias?.name,
      namespace: said.alias?.namespace,
    },
  )
}

test('gen3/corestore6: logs, their names, blocks and newest trees are those of hypercore 10', async (t) => {
  const store = await opened(t, fixture('gen3/corestore6'))
  const said = JSON.parse(JSON.stringify(expected('gen3')['corestore6'])) as {
    primaryKey: string
    cores: SaidCore[]
    drives: { key: string; contentKey: string }[]
  }

  assert.equal(store.primaryKey && hex(store.primaryKey), said.primaryKey)
  const byKey = new Map(partsOf(store).map((part) => [hex(part.log.key), part]))
  assert.deepEqual([...byKey.keys()].sort(), said.cores.map(({ key }) => key).sort())
  for (const core of said.cores) {
    const part = byKey.get(core.key)
    assert.ok(part !== undefined)
    compareCore(part, core)
    assert.equal(part.log.secretKey !== undefined, core.writable)
  }
  for (const drive of said.drives) {
    const found = store.archives.find(({ key }) => hex(key) === drive.key)
    assert.equal(found?.format, 'hyperbee')
    assert.deepEqual(
      found.parts.map(({ log }) => hex(log.key)),
      [drive.key, drive.contentKey],
    )
  }
  assert.deepEqual(problemsOf(store), [])
})

test('gen3/hypercore10-header0: a log with the first form of header is read', async (t) => {
  const store = await opened(t, fixture('gen3/hypercore10-header0'))
  const said = expected('gen3')['hypercore10-header0'] as unknown as SaidCore

  const [part] = partsOf(store)
  assert.ok(part !== undefined)
  compareCore(part, { ...said, alias: null })
  assert.deepEqual(problemsOf(store), [])
})

// ---- All -----------------------------------------------------------------------------------------

for (const name of STORES) {
  test(`${name}: nothing of the source is changed by reading all of it`, async (t) => {
    const dir = copyOf(t, name)

    await readOnly(dir, async () => {
      const before = stateOf(dir)
      const store = await openStored(dir, { secretKeys: dir })
      problemsOf(store)
      await store.close()

      assert.deepEqual(stateOf(dir), before)
    })
  })
}

test('what is no old store is refused with what it is', async (t) => {
  const dir = tempFolder(t)

  await assert.rejects(openStored(dir), (error) => isCode(error, 'UNSUPPORTED'))
  await assert.rejects(openStored(`${dir}/none`), (error) => isCode(error, 'NOT_FOUND'))
  const secrets = fixture('gen1/dat-folder/home/.dat/secret_keys')
  await assert.rejects(openStored(secrets), /secret keys alone/)
})

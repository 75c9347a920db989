/** Hyperbee 2 and ours read each other's maps, at every version. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { Bee, type BeeRange } from '@dat-rhino/core/index/bee'
import { decodeHint, HINTS_EXTENSION } from '@dat-rhino/core/index/hints'
import { randomNumbers } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

type Operation = [key: string, value: string | null]

const words = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

/** Puts, overwrites and deletions over a small set of keys. */
function operations(count: number, seed: number): Operation[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, (_, i) => {
    const key = `key/${next() % 400}`
    return [key, next() % 5 === 0 ? null : `value ${i} of ${key}`]
  })
}

function result(all: readonly Operation[]): [string, string][] {
  const map = new Map<string, string>()
  for (const [key, value] of all) {
    if (value === null) map.delete(key)
    else map.set(key, value)
  }
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

async function list(bee: Bee, range: BeeRange = {}): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const { key, value } of bee.entries(range)) found.push([words(key), words(value)])
  return found
}

async function apply(bee: Bee, all: readonly Operation[]): Promise<void> {
  const batch = bee.batch()
  for (const [key, value] of all) {
    if (value === null) await batch.del(utf8(key))
    else await batch.put(utf8(key), utf8(value))
  }
  await batch.flush()
}

test('ours reads a hyperbee 2 that goes on being written', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const first = operations(1_000, 1)
  const { key } = await stock.do('bee', { name: 'bee' })
  await stock.do('beePut', { name: 'bee', entries: first })
  const bee = Bee.open(await node.corestore.get({ key }))

  await node.connect(await stock.do('listen', {}))

  assert.deepEqual(await list(bee), result(first))
  assert.deepEqual(
    await list(bee, { gte: utf8('key/2'), lt: utf8('key/3') }),
    await stock.do('beeList', { name: 'bee', gte: 'key/2', lt: 'key/3' }),
  )

  const second = operations(200, 2)
  const { length } = await stock.do('info', { name: 'bee' })
  await stock.do('beePut', { name: 'bee', entries: second })
  await bee.update()

  assert.deepEqual(await list(bee), result([...first, ...second]))
  const old: string[] = []
  for await (const { key } of bee.checkout(length).entries()) old.push(words(key))
  assert.deepEqual(
    old,
    result(first).map(([key]) => key),
  )
})

test('hyperbee 2 reads ours while it goes on being written', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const first = operations(1_000, 3)
  const log = await node.corestore.get({ name: 'bee' })
  const bee = Bee.open(log)
  await apply(bee, first)
  await stock.do('bee', { name: 'bee', key: log.key })

  await stock.do('connect', { port: await node.listen() })
  await stock.do('reach', { name: 'bee', length: log.length })

  assert.deepEqual(await stock.do('beeList', { name: 'bee' }), result(first))

  const second = operations(200, 4)
  for (const [key, value] of second) {
    if (value === null) await bee.del(utf8(key))
    else await bee.put(utf8(key), utf8(value))
  }
  await stock.do('reach', { name: 'bee', length: log.length })

  assert.deepEqual(await stock.do('beeList', { name: 'bee' }), result([...first, ...second]))
  assert.equal(await stock.do('beeGet', { name: 'bee', key: 'never' }), null)
})

test('a hyperbee 2 that is asked for a key names the blocks of it', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const entries: Operation[] = Array.from({ length: 3_000 }, (_, i) => [`key/${i}`, `value ${i}`])
  const { key, length } = await stock
    .do('bee', { name: 'theirs' })
    .then(() => stock.do('beePut', { name: 'theirs', entries }))
    .then(() => stock.do('info', { name: 'theirs' }))
  const log = await node.corestore.get({ key })
  const told = new Set<number>()
  const ear = log.extension(HINTS_EXTENSION, {
    onMessage(message) {
      const hint = decodeHint(message)
      if (hint?.type === 'cache') for (const block of hint.blocks) told.add(block)
      assert.notEqual(hint?.type, 'iterator')
    },
  })
  const bee = Bee.open(log)

  await node.connect(await stock.do('listen', {}))
  await log.update()
  const entry = await bee.get(utf8('key/1234'))
  ear.close()

  assert.equal(words(entry?.value), 'value 1234')
  // The root and the block of the key at least.
  assert.ok(told.has(length - 1) && told.has(1_235), `${[...told].join()}`)
})

test('a hyperbee 2 that asks is answered', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'ours' })
  const entries: Operation[] = Array.from({ length: 3_000 }, (_, i) => [`key/${i}`, `value ${i}`])
  const bee = Bee.open(log)
  await apply(bee, entries)
  const asked: string[] = []
  log.extension(HINTS_EXTENSION, {
    onMessage(message) {
      const hint = decodeHint(message)
      if (hint?.type === 'get') asked.push(words(hint.key))
    },
  })

  await stock.do('bee', { name: 'reader', key: log.key })
  await stock.do('connect', { port: await node.listen() })
  await stock.do('reach', { name: 'reader', length: log.length })
  const entry = await stock.do('beeGet', { name: 'reader', key: 'key/1234' })

  assert.equal(entry?.value, 'value 1234')
  assert.deepEqual(asked, ['key/1234'])
})

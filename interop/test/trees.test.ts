/** What hyperdrive 9 shows of its metadata feed is what we show of it, at every version. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { AppendTree, type AppendTreeReader } from '@dat-rhino/core/index/append-tree/append-tree'
import { plainIdentity } from '@dat-rhino/core/log/identity'
import { Log } from '@dat-rhino/core/log/log'
import { Replica } from '@dat-rhino/core/log/replica'
import { IN_MEMORY, openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { asked } from './asked.ts'
import { randomNumbers } from './blocks.ts'

/** `TREE_RUNS=200` plays the long version; a failing run says its seed, and `TREE_SEED` plays it again. */
const RUNS = Number(process.env['TREE_RUNS'] ?? 6)
const FIRST_SEED = Number(process.env['TREE_SEED'] ?? 1 + (Date.now() % 1_000_000))
const OPERATIONS = 40

interface Operation {
  readonly type: 'put' | 'mkdir' | 'del' | 'rmdir'
  readonly name: string
  readonly text: string
}

interface Answer {
  readonly blocks: Uint8Array[]
  readonly views: readonly {
    readonly lists: readonly [string, string[] | null][]
    readonly entries: readonly [string, number | null][]
  }[]
}

/** What a program does to a folder: parents are there first, only empty folders go. */
function operations(seed: number): Operation[] {
  const next = randomNumbers(seed)
  const files = new Set<string>()
  const folders = new Set<string>([''])
  const one = <T>(set: Set<T>): T | undefined => [...set][next() % set.size]
  const isEmpty = (folder: string): boolean =>
    ![...files, ...folders].some((name) => name.startsWith(`${folder}/`))
  const step = (i: number): Operation => {
    const text = `text ${i}`
    const kind = next() % 10
    const folder = one(folders) ?? ''
    if (kind < 2 && folder !== '' && isEmpty(folder)) {
      folders.delete(folder)
      return { type: 'rmdir', name: folder, text }
    }
    if (kind < 4 && files.size > 0) {
      const name = one(files) ?? ''
      files.delete(name)
      return { type: 'del', name, text }
    }
    const base = `${folder}/${'abcdé'[next() % 5]}`
    if (kind === 4 && !folders.has(base) && !files.has(base) && base.split('/').length < 5) {
      folders.add(base)
      return { type: 'mkdir', name: base, text }
    }
    const name = folders.has(base) ? `${base}.txt` : base
    files.add(name)
    return { type: 'put', name, text }
  }
  return Array.from({ length: OPERATIONS }, (_, i) => step(i))
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function openTree(blocks: Uint8Array[]): Promise<AppendTree> {
  const store = await openStorage(IN_MEMORY)
  const identity = plainIdentity(1, { keyPair: keyPair() })
  const log = new Log(await Replica.open(store, await store.create(identity), {}))
  await log.append(blocks)
  return AppendTree.open(log)
}

async function namesIn(view: AppendTreeReader, folder: string): Promise<string[] | null> {
  const children = await view.list(folder)
  return children?.map(({ name }) => name) ?? null
}

test('every list and entry of a metadata feed is that of hyperdrive 9, every difference that of a replay', async (t) => {
  const ask = asked(t, 'gen1/trees.mjs')
  t.diagnostic(`TREE_SEED=${FIRST_SEED}`)
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const next = randomNumbers(seed)
    const todo = operations(seed)
    const names = [...new Set(['/', '/none', ...todo.map(({ name }) => name)])]
    const version = (): number => 1 + (next() % OPERATIONS)
    const pairs = Array.from({ length: 20 }, (): [number, number] => [version(), version()])

    const { blocks, views } = await ask<Answer>({ operations: todo, names })

    const tree = await openTree(blocks)
    assert.equal(tree.version, todo.length)
    for (const [i, { lists, entries }] of views.entries()) {
      const view = tree.checkout(i + 1)
      for (const [name, list] of lists) {
        assert.deepEqual(await namesIn(view, name), list, `seed ${seed} ${i + 1} ${name}`)
      }
      for (const [name, seq] of entries) {
        assert.equal((await view.get(name))?.seq ?? null, seq, `seed ${seed} ${i + 1} ${name}`)
      }
      const live = entries.filter(([, seq]) => seq !== null)
      const found = (await all(view.entries())).map(({ name, seq }) => [name, seq])
      assert.deepEqual(found.sort(), [...live].sort(), `seed ${seed} ${i + 1}`)
    }
    for (const [from, to] of pairs) {
      const [then, now] = [replayed(todo, from), replayed(todo, to)]
      const changed = [...new Set([...then.keys(), ...now.keys()])]
        .filter((name) => then.get(name) !== now.get(name))
        .map((name) => [name, now.get(name), then.get(name)])
      const found = await all(tree.checkout(to).diff(from))
      const seqs = found.map(({ name, left, right }) => [name, left?.seq, right?.seq])
      assert.deepEqual(seqs.sort(), changed.sort(), `seed ${seed} ${from} ${to}`)
    }
  }
})

/** What the operations up to a version leave: each name with the block that put it. */
function replayed(all: readonly Operation[], version: number): Map<string, number> {
  const names = new Map<string, number>()
  for (const [i, { type, name }] of all.slice(0, version).entries()) {
    if (type === 'put' || type === 'mkdir') names.set(name, i + 1)
    else names.delete(name)
  }
  return names
}

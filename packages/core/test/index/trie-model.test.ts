/** A trie against a map: entries, versions, differences and batches, for any operations, also where hashes are equal. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { Trie, type TrieEntry, type TrieReader } from '../../src/index/trie/trie.ts'
import { FakeLog } from './fake-log.ts'

interface Write {
  readonly key: string
  readonly hidden: boolean
  /** `undefined` deletes. */
  readonly value: string | undefined
}

/** What stands where: `0 key` or, hidden, `1 key`. */
type State = ReadonlyMap<string, string>
type Hash = (components: readonly string[]) => Uint8Array

const component = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const key = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const write: fc.Arbitrary<Write> = fc.record({
  key,
  hidden: fc.boolean(),
  value: fc.oneof({ weight: 2, arbitrary: fc.string({ maxLength: 5 }) }, fc.constant(undefined)),
})
/** A step with one write is a plain one, with more a batch. */
const steps = fc.array(
  fc.oneof(fc.array(write, { minLength: 1, maxLength: 1 }), fc.array(write, { maxLength: 8 })),
  { maxLength: 40 },
)

/** All components have one hash. */
const same: Hash = (components) => new Uint8Array(8 * components.length)
/** Some have the same. */
const weak: Hash = (components) => {
  const hash = new Uint8Array(8 * components.length)
  for (const [i, name] of components.entries()) {
    hash.fill(name.charCodeAt(0) % 2 === 0 ? 27 : 228, 8 * i, 8 * i + 8)
  }
  return hash
}
const hashes: fc.Arbitrary<Hash | undefined> = fc.constantFrom(undefined, weak, same)

const place = (key: string, hidden: boolean): string => `${hidden ? 1 : 0} ${key}`

interface Played {
  readonly trie: Trie
  /** By version. */
  readonly states: ReadonlyMap<number, State>
}

async function play(all: readonly (readonly Write[])[], hash: Hash | undefined): Promise<Played> {
  const trie = Trie.open(new FakeLog(), hash === undefined ? {} : { hash })
  const model = new Map<string, string>()
  const states = new Map<number, State>([[1, new Map()]])
  for (const step of all) {
    const [only] = step
    if (step.length === 1 && only !== undefined) await writeOne(trie, only)
    else {
      await trie.batch(
        step.map(({ key, hidden, value }) =>
          value === undefined
            ? { type: 'del', key, hidden }
            : { type: 'put', key, hidden, value: utf8(value) },
        ),
      )
    }
    for (const { key, hidden, value } of step) {
      if (value === undefined) model.delete(place(key, hidden))
      else model.set(place(key, hidden), value)
    }
    states.set(trie.version, new Map(model))
  }
  return { trie, states }
}

function writeOne(trie: Trie, { key, hidden, value }: Write): Promise<number | undefined> {
  if (value === undefined) return trie.del(key, { hidden })
  return trie.put(key, utf8(value), { hidden })
}

async function contents(trie: TrieReader, prefix = ''): Promise<TrieEntry[]> {
  const found: TrieEntry[] = []
  for (const hidden of [false, true]) {
    for await (const entry of trie.entries(prefix, { hidden })) found.push(entry)
  }
  return found
}

const shown = (entries: readonly TrieEntry[]): string[] =>
  entries
    .map(({ key, hidden, value }) => `${place(key, hidden)} ${fromUtf8(value ?? utf8(''))}`)
    .sort()

const expected = (state: State, prefix = ''): string[] =>
  [...state]
    .filter(([where]) => prefix === '' || `${where.slice(2)}/`.startsWith(`${prefix}/`))
    .map(([where, value]) => `${where} ${value}`)
    .sort()

test('every version holds what the operations up to it left', async () => {
  await fc.assert(
    fc.asyncProperty(steps, hashes, async (all, hash) => {
      const { trie, states } = await play(all, hash)
      for (const [version, state] of states) {
        const view = trie.checkout(version)
        assert.deepEqual(shown(await contents(view)), expected(state))
        for (const prefix of ['a', 'b/c']) {
          assert.deepEqual(shown(await contents(view, prefix)), expected(state, prefix))
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('every key of a version is found, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(steps, hashes, fc.array(key), async (all, hash, others) => {
      const { trie, states } = await play(all, hash)
      for (const [version, state] of states) {
        const view = trie.checkout(version)
        for (const hidden of [false, true]) {
          for (const key of new Set([
            ...others,
            ...[...state.keys()].map((where) => where.slice(2)),
          ])) {
            const entry = await view.get(key, { hidden })
            assert.equal(entry && fromUtf8(entry.value ?? utf8('')), state.get(place(key, hidden)))
          }
        }
      }
    }),
    { numRuns: 40 },
  )
})

test('a difference names exactly the keys that are not the same block on both sides', async () => {
  await fc.assert(
    fc.asyncProperty(steps, hashes, fc.nat(), fc.nat(), async (all, hash, a, b) => {
      const { trie, states } = await play(all, hash)
      const versions = [...states.keys()]
      const left = trie.checkout(versions[a % versions.length] ?? 1)
      const right = trie.checkout(versions[b % versions.length] ?? 1)
      for (const hidden of [false, true]) {
        const seqs = async (view: TrieReader): Promise<Map<string, number>> => {
          const map = new Map<string, number>()
          for await (const { key, seq } of view.entries('', { hidden })) map.set(key, seq)
          return map
        }
        const [lefts, rights] = [await seqs(left), await seqs(right)]
        const names = new Set([...lefts.keys(), ...rights.keys()])
        const differing = [...names].filter((name) => lefts.get(name) !== rights.get(name))
        const found: string[] = []
        for await (const difference of left.diff(right, '', { hidden })) {
          found.push(difference.key)
          assert.equal(difference.left?.seq, lefts.get(difference.key))
          assert.equal(difference.right?.seq, rights.get(difference.key))
        }
        assert.deepEqual(found.sort(), differing.sort())
      }
    }),
    { numRuns: 80 },
  )
})

test('any order that is drawn gives each entry once', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      hashes,
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (all, hash, draws) => {
        const { trie, states } = await play(all, hash)
        let at = 0
        const random = (): number => draws[at++ % Math.max(1, draws.length)] ?? 0.5
        const found: TrieEntry[] = []
        for (const hidden of [false, true]) {
          for await (const entry of trie.entries('', { hidden, random })) found.push(entry)
        }
        assert.deepEqual(shown(found), expected(states.get(trie.version) ?? new Map()))
      },
    ),
    { numRuns: 40 },
  )
})

test('names with one hash come in the order of their keys', async () => {
  const trie = Trie.open(new FakeLog(), { hash: same })
  for (const name of ['c', 'a', 'e', 'b', 'd']) await trie.put(name, utf8(name))

  const keys: string[] = []
  for await (const { key } of trie.entries()) keys.push(key)

  assert.deepEqual(keys, ['a', 'b', 'c', 'd', 'e'])
})

test('more names with one hash than a bucket holds are refused, and nothing is written', async () => {
  const trie = Trie.open(new FakeLog(), { hash: same })
  const name = (i: number): string => `name ${i}`
  let count = 0
  try {
    for (; count < 40; count++) await trie.put(name(count), utf8('x'))
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'BAD_ARGUMENT')
  }

  assert.ok(count > 5 && count < 40)
  assert.equal(trie.version, count + 1)
  for (let i = 0; i < count; i++) assert.ok(await trie.get(name(i)))
})

/** A bee against a sorted map: entries, versions, differences and batches, for any operations. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { Bee, type BeeReader } from '../../src/index/bee.ts'
import { FakeLog } from './fake-log.ts'

type Write = { readonly key: string; readonly value: string | undefined }
type Step = readonly Write[]

const KEYS = 60
const key = fc.nat(KEYS - 1).map((n) => `k${String(n).padStart(2, '0')}`)
const write: fc.Arbitrary<Write> = fc.record({
  key,
  value: fc.oneof({ weight: 2, arbitrary: fc.string({ maxLength: 5 }) }, fc.constant(undefined)),
})
/** A step with one write is a plain one, with more a batch. */
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(fc.array(write, { minLength: 1, maxLength: 1 }), fc.array(write, { maxLength: 25 })),
  { maxLength: 60 },
)

/** What the bee holds after each step, by version. */
interface Played {
  readonly bee: Bee
  readonly log: FakeLog
  readonly states: ReadonlyMap<number, ReadonlyMap<string, string>>
}

async function play(all: readonly Step[]): Promise<Played> {
  const log = new FakeLog()
  const bee = Bee.open(log)
  const model = new Map<string, string>()
  const states = new Map([[1, new Map<string, string>()]])
  for (const step of all) {
    const target = step.length === 1 ? bee : bee.batch()
    for (const { key, value } of step) {
      if (value === undefined) {
        await target.del(utf8(key))
        model.delete(key)
      } else {
        await target.put(utf8(key), utf8(value))
        model.set(key, value)
      }
    }
    if (!(target instanceof Bee)) await target.flush()
    states.set(bee.version, new Map([...model].sort(([a], [b]) => (a < b ? -1 : 1))))
  }
  return { bee, log, states }
}

async function list(view: BeeReader, range = {}): Promise<[string, string][]> {
  const entries: [string, string][] = []
  for await (const { key, value } of view.entries(range)) {
    entries.push([fromUtf8(key), fromUtf8(value ?? utf8('?'))])
  }
  return entries
}

test('any operations leave what a map would hold', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { bee, states } = await play(all)
      const state = states.get(bee.version) ?? new Map()

      assert.deepEqual(await list(bee), [...state])
      assert.deepEqual(await list(bee, { reverse: true }), [...state].reverse())
      for (let n = 0; n < KEYS; n++) {
        const name = `k${String(n).padStart(2, '0')}`
        const entry = await bee.get(utf8(name))
        assert.equal(entry?.value && fromUtf8(entry.value), state.get(name))
      }
    }),
    { numRuns: 60 },
  )
})

test('every version at the end of a step can be read again, from a log without memory of it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { log, states } = await play(all)
      // Of an empty log a reader can't know that it is empty.
      fc.pre(log.length > 0)
      const bee = Bee.open(FakeLog.reader(log))

      for (const [version, state] of states) {
        assert.deepEqual(await list(bee.checkout(version)), [...state], `version ${version}`)
      }
    }),
    { numRuns: 40 },
  )
})

test('the difference of any two versions is that of their maps', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), fc.nat(), key, key, async (all, l, r, low, high) => {
      const { bee, states } = await play(all)
      const versions = [...states.keys()]
      const left = versions[l % versions.length] ?? 1
      const right = versions[r % versions.length] ?? 1
      const range = { gte: utf8(low), lt: utf8(high) }

      const told = new Map<string, [string | undefined, string | undefined]>()
      for await (const d of bee.checkout(left).diff(right, range)) {
        const name = fromUtf8(d.left?.key ?? d.right?.key ?? utf8('?'))
        assert.notEqual(d.left?.seq, d.right?.seq)
        const value = (side: typeof d.left): string | undefined =>
          side?.value && fromUtf8(side.value)
        told.set(name, [value(d.left), value(d.right)])
      }

      const leftState = states.get(left) ?? new Map<string, string>()
      const rightState = states.get(right) ?? new Map<string, string>()
      for (let n = 0; n < KEYS; n++) {
        const name = `k${String(n).padStart(2, '0')}`
        const pair = [leftState.get(name), rightState.get(name)]
        const inRange = name >= low && name < high
        // A rewrite with the same value differs too; what differs by value must be told.
        if (inRange && pair[0] !== pair[1]) assert.deepEqual(told.get(name), pair, name)
        else if (told.has(name)) assert.deepEqual(told.get(name), pair, name)
        assert.ok(inRange || !told.has(name))
      }
    }),
    { numRuns: 100 },
  )
})

test('ranges are those of the sorted keys, for any bounds', async () => {
  const bound = fc.option(fc.oneof(key, fc.constant('k'), fc.constant('z')), { nil: undefined })
  const ranges = fc.record({ gt: bound, gte: bound, lt: bound, lte: bound })
  await fc.assert(
    fc.asyncProperty(
      steps,
      ranges,
      fc.boolean(),
      fc.integer({ min: -1, max: 9 }),
      async (all, range, reverse, limit) => {
        const { bee, states } = await play(all)
        const { gt, gte, lt, lte } = range
        const encode = (text: string | undefined): Uint8Array | undefined =>
          text === undefined ? undefined : utf8(text)
        const bounds = { gt: encode(gt), gte: encode(gte), lt: encode(lt), lte: encode(lte) }

        const told = await list(bee, { ...bounds, reverse, limit })

        const keys = [...(states.get(bee.version) ?? [])].filter(([name]) => {
          const above = gt !== undefined ? name > gt : gte === undefined || name >= gte
          const below = lt !== undefined ? name < lt : lte === undefined || name <= lte
          return above && below
        })
        if (reverse) keys.reverse()
        assert.deepEqual(told, limit === -1 ? keys : keys.slice(0, limit))
      },
    ),
    { numRuns: 200 },
  )
})

test('a version in the middle of a batch is refused, never read as a wrong tree', async () => {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { bee, states } = await play(all)

      for (let version = 1; version <= bee.version; version++) {
        try {
          const told = await list(bee.checkout(version))
          assert.deepEqual(told, [...(states.get(version) ?? [['no', 'state']])], `${version}`)
        } catch (error) {
          assert.ok(isCode(error, 'SNAPSHOT_GONE'), `${error}`)
          assert.ok(!states.has(version), `version ${version} has a tree`)
          const next = [...states.keys()].filter((later) => later > version)
          assert.equal(error.facts['next'], Math.min(...next))
          refused++
        }
      }
    }),
    { numRuns: 60 },
  )
  assert.ok(refused > 0)
})

test('from any version the next one that can be read is the end of its batch, in whatever order they are asked', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.array(fc.nat(300)), async (all, asked) => {
      const { bee, states } = await play(all)
      const versions = Array.from({ length: bee.version }, (_, i) => i + 1)
      const anyOrder = asked.map((n) => 1 + (n % bee.version))
      const view = bee.snapshot()

      for (const version of [...versions, ...versions.toReversed(), ...anyOrder]) {
        const next = Math.min(...[...states.keys()].filter((later) => later >= version))
        assert.equal(await view.nextReadable(version), next, `${version}`)
      }
    }),
    { numRuns: 60 },
  )
})

test('the end of a batch is found also in a bee of which nothing is here', async () => {
  const step = Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, value: 'x' }))
  const { log } = await play([step, step])
  const bee = Bee.open(FakeLog.reader(log))

  assert.deepEqual([await bee.nextReadable(5), await bee.nextReadable(30)], [21, 41])
})

test('a batch reads its own writes, and leaves nothing when it is closed', async () => {
  const { bee, log } = await play([[{ key: 'k01', value: 'old' }]])
  const batch = bee.batch()

  await batch.put(utf8('k01'), utf8('new'))
  await batch.del(utf8('k02'))
  const inside = await batch.get(utf8('k01'))
  batch.close()
  await bee.put(utf8('k03'), utf8('after'))

  assert.equal(fromUtf8(inside?.value ?? utf8('')), 'new')
  assert.deepEqual(await list(bee), [
    ['k01', 'old'],
    ['k03', 'after'],
  ])
  assert.equal(log.length, 3)
  await assert.rejects(batch.flush(), (error) => isCode(error, 'CLOSED'))
})

test('writes from many callers at once are all there, one after the other', async () => {
  const log = new FakeLog()
  const bee = Bee.open(log)
  const names = Array.from({ length: 200 }, (_, i) => `n${i}`)

  const seqs = await Promise.all(names.map((name) => bee.put(utf8(name), utf8(name))))

  assert.equal(new Set(seqs).size, names.length)
  const told = await list(bee)
  assert.deepEqual(
    told.map(([name]) => name),
    [...names].sort(),
  )
})

test('cas sees the entry that is there, and decides', async () => {
  const { bee } = await play([[{ key: 'k01', value: 'a' }]])
  const asked: string[] = []
  const only =
    (expected: string) =>
    (previous: { value: Uint8Array | undefined }): boolean => {
      asked.push(fromUtf8(previous.value ?? utf8('?')))
      return fromUtf8(previous.value ?? utf8('?')) === expected
    }

  const refused = await bee.put(utf8('k01'), utf8('b'), { cas: only('x') })
  const made = await bee.put(utf8('k01'), utf8('c'), { cas: only('a') })
  const fresh = await bee.put(utf8('k02'), utf8('d'), { cas: () => false })
  const kept = await bee.del(utf8('k01'), { cas: only('a') })

  assert.deepEqual([refused, made, fresh, kept], [undefined, 2, 3, undefined])
  assert.deepEqual(asked, ['a', 'a', 'c'])
  assert.deepEqual(await list(bee), [
    ['k01', 'c'],
    ['k02', 'd'],
  ])
})

/** The tree that one write leaves for the next gives up what was written long ago, and nothing that is needed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Draft } from '../../src/index/draft.ts'
import { Keyspace } from '../../src/index/keyspace.ts'
import { Shared } from '../../src/index/shared.ts'
import { Tree } from '../../src/index/tree.ts'
import { NOT_HERE } from '../../src/index/walk.ts'
import { FakeLog } from './fake-log.ts'

/** A bee that is written batch after batch on one tree. */
class Writing {
  readonly log: FakeLog = FakeLog.of([utf8('header')])
  readonly shared: Shared = new Shared(this.log, { cacheBytes: 0 })
  tree: Tree = new Tree(this.shared.blocks, { seqs: [], keys: [], children: [], dirty: false })

  async write(keys: readonly string[], deleted: readonly string[] = []): Promise<void> {
    const { shared, log, tree } = this
    const draft = new Draft(shared, Keyspace.ALL, tree, log.length)
    for (const key of keys) assert.notEqual(draft.put(utf8(key), utf8('value'), {}), NOT_HERE)
    for (const key of deleted) assert.notEqual(draft.del(utf8(key), {}), NOT_HERE)
    const encoded: Uint8Array[] = []
    shared.writer.reset()
    draft.encode(shared.writer, encoded, () => false)
    if (encoded.length > 0) await log.append(encoded)
  }
}

/** Nodes in memory, by a walk through them. */
function loaded(tree: Tree): number {
  const count = (node: Tree['root']): number =>
    node.children.reduce((sum, { node: child }) => sum + (child ? count(child) : 0), 1)
  return count(tree.root)
}

const key = fc.nat(400).map((n) => `k${n}`)
const batch = fc.record({
  puts: fc.array(key, { maxLength: 60 }),
  dels: fc.array(key, { maxLength: 20 }),
})

test('a tree that gave up nodes writes the same blocks as one that has all of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(1, 2, 7, 40),
      async (batches, nodesMax) => {
        const whole = new Writing()
        const trimmed = new Writing()
        for (const { puts, dels } of batches) {
          await whole.write(puts, dels)
          await trimmed.write(puts, dels)
          trimmed.tree.trim(trimmed.log.length, nodesMax)

          // Nodes that a deletion joined are still counted.
          assert.ok(loaded(trimmed.tree) <= trimmed.tree.size)
          assert.ok(trimmed.tree.size <= nodesMax)
        }

        assert.equal(trimmed.log.length, whole.log.length)
        for (let seq = 1; seq < whole.log.length; seq++) {
          assert.deepEqual(trimmed.log.block(seq), whole.log.block(seq))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('nodes that were written last are still there without a look at the log', async () => {
  const writing = new Writing()
  const { log, tree } = writing
  const name = (n: number): string => `k${String(n).padStart(4, '0')}`
  await writing.write(Array.from({ length: 2_000 }, (_, n) => name((n * 7) % 2_000)))
  await writing.write([name(500), name(1_500)])
  const before = tree.size

  tree.trim(log.length, 100)
  assert.ok(before > 100 && tree.size > 1 && tree.size <= 75)
  const peeked: number[] = []
  const peek = log.peek.bind(log)
  log.peek = (index) => {
    peeked.push(index)
    return peek(index)
  }

  assert.ok(tree.locate(utf8(name(500))) && tree.found)
  assert.ok(tree.locate(utf8(name(1_500))) && tree.found)
  assert.deepEqual(peeked, [])
  assert.ok(tree.locate(utf8(name(1_000))) && tree.found)
  assert.notDeepEqual(peeked, [])
})

test('a tree with room for all of its nodes keeps them', async () => {
  const writing = new Writing()
  await writing.write(Array.from({ length: 300 }, (_, n) => `k${n}`))
  const { size } = writing.tree

  writing.tree.trim(writing.log.length, size)
  assert.equal(loaded(writing.tree), size)
})

/** Answers of one frame that go together, and those that do not. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RUN_BLOCKS_MAX, RUN_NODES_MAX } from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import type { BlockRun } from '../../src/tree/block-run.ts'
import { Proof } from '../../src/tree/proof.ts'
import { openLog } from '../../src/wire/gen3.ts'
import { blockProof, conversation, OTHER_KEY, Side } from './conversations.ts'

/** Writes a run down as one line. */
class RunSide extends Side {
  onBlocks(run: BlockRun): void {
    const parts = Array.from({ length: run.length }, (_, i) => {
      const proof = new Proof()
      run.copyTo(proof, i)
      const nodes = [...proof.nodes.indices.subarray(0, proof.nodes.length)].join('+')
      return `${run.ids[i]}:${proof.index}:${hex(proof.value ?? new Uint8Array(0))}:${nodes}`
    })
    this.lines.push(`blocks ${parts.join(' ')}`)
  }
}

function talk(key?: Uint8Array): ReturnType<typeof conversation> & { runs: RunSide } {
  const made = conversation()
  const runs = key === undefined ? new RunSide(OTHER_KEY) : new RunSide(key, discoveryKey(key))
  const other = new Side(runs.key, runs.discoveryKey)
  openLog(made.muxes[0], other)
  openLog(made.muxes[1], runs)
  made.clock.run()
  runs.lines.length = 0
  return { ...made, near: other, runs }
}

function withNodes(index: number, count: number): Proof {
  const proof = blockProof(index)
  for (let i = 0; i < count; i++) proof.nodes.push(i, 1, new Uint8Array(32), 0)
  return proof
}

const fill = (into: Uint8Array, at: number): void => void into.fill(7, at, at + 2)

test('blocks of one frame go together, with their ids, values and nodes', () => {
  const { clock, near, runs } = talk()

  near.sender?.data(3, withNodes(5, 2), 2, fill)
  near.sender?.data(4, withNodes(6, 0), 2, fill)
  clock.run()

  assert.deepEqual(runs.lines, ['blocks 3:5:0707:0+1 4:6:0707:', 'end'])
})

test('what comes between blocks is handed over between them', () => {
  const { clock, near, runs } = talk()
  const upgraded = blockProof(6)
  upgraded.upgradeLength = 9

  near.sender?.data(1, blockProof(5), 2, fill)
  near.sender?.have(2, 3)
  near.sender?.data(2, upgraded, 2, fill)
  near.sender?.data(3, blockProof(7), 2, fill)
  near.sender?.close()
  clock.run()

  assert.deepEqual(runs.lines, [
    'blocks 1:5:0707:',
    'have 2 3',
    'data 2 6 0707',
    'blocks 3:7:0707:',
    'close',
  ])
})

test('blocks of two logs in one frame do not mix', () => {
  const made = conversation()
  const sides = [OTHER_KEY, new Uint8Array(32).fill(9)].map((key) => {
    const [near, far] = [new Side(key), new RunSide(key)]
    openLog(made.muxes[0], near)
    openLog(made.muxes[1], far)
    return { near, far }
  })
  made.clock.run()
  for (const { far } of sides) far.lines.length = 0

  for (const id of [1, 2]) {
    for (const [i, { near }] of sides.entries()) {
      near.sender?.data(id, blockProof(10 * id + i), 2, fill)
    }
  }
  made.clock.run()

  const lines = sides.map(({ far }) => far.lines)
  assert.deepEqual(lines, [
    ['blocks 1:10:0707:', 'blocks 2:20:0707:', 'end'],
    ['blocks 1:11:0707:', 'blocks 2:21:0707:', 'end'],
  ])
})

test('a run has as many blocks and nodes as the limits say, and more make another', () => {
  const { clock, near, runs } = talk()
  const lengths = (): number[] => {
    const found = runs.lines.filter((line) => line.startsWith('blocks'))
    runs.lines.length = 0
    return found.map((line) => line.split(' ').length - 1)
  }

  for (let i = 0; i < RUN_BLOCKS_MAX; i++) near.sender?.data(i + 1, blockProof(i), 2, fill)
  clock.run()
  const full = lengths()
  for (let i = 0; i <= RUN_BLOCKS_MAX; i++) near.sender?.data(i + 1, blockProof(i), 2, fill)
  clock.run()
  const over = lengths()
  const each = 32
  const many = RUN_NODES_MAX / each
  for (let i = 0; i <= many; i++) near.sender?.data(i + 1, withNodes(i, each), 2, fill)
  clock.run()

  assert.deepEqual(full, [RUN_BLOCKS_MAX])
  assert.deepEqual(over, [RUN_BLOCKS_MAX, 1])
  assert.deepEqual(lengths(), [many, 1])
})

test('a block with more nodes than any way up has goes alone', () => {
  const { clock, near, runs } = talk()

  near.sender?.data(1, withNodes(3, 52), 2, fill)
  near.sender?.data(2, withNodes(4, 53), 2, fill)
  clock.run()

  assert.match(runs.lines[0] ?? '', /^blocks 1:3:0707:/)
  assert.equal(runs.lines[1], 'data 2 4 0707')
})

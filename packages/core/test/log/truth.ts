/** The one statement about replicas: whatever happens, they hold nothing but the truth. */

import assert from 'node:assert/strict'
import { writeU64LE } from '../../src/bytes/integers.ts'
import type { Replica } from '../../src/log/replica.ts'
import { endBlock } from '../../src/tree/flat.ts'
import { TreeModel } from '../tree/model.ts'

/** Each stored node is the node of the tree by definition, each block the one of `blocks`, and the sizes add up. */
export function checkTruth(replica: Replica, blocks: readonly Uint8Array[]): void {
  const { slot, length } = replica
  assert.ok(length <= blocks.length)
  const model = new TreeModel(blocks, writeU64LE)
  for (let node = 0; node < 2 * blocks.length + 2; node++) {
    if (!slot.findNode(node)) continue
    const truth = model.nodes.get(node)
    assert.ok(truth && endBlock(node) <= length, `node ${node} does not exist`)
    assert.equal(slot.nodeSize, truth.size)
    assert.deepEqual(slot.nodeBytes.subarray(slot.nodeAt, slot.nodeAt + 32), truth.hash)
  }
  for (let i = slot.nextHeld(0, 100); i < 100; i = slot.nextHeld(i + 1, 100)) {
    assert.deepEqual(slot.read(i), blocks[i])
  }
  const byteLength = blocks.slice(0, length).reduce((sum, b) => sum + b.length, 0)
  assert.equal(replica.byteLength, byteLength)
}

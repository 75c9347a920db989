/** When the memory of a page that left is used again. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PageMemory } from '../../src/store/engine/page-memory.ts'

test('what a page leaves behind is used again once the next trim begins, and not before', () => {
  const memory = new PageMemory()
  const bytes = memory.take(100)
  memory.trimming()

  memory.leave(bytes)

  assert.notEqual(memory.take(100), bytes, 'somebody may look at a hash in it still')
  memory.trimming()
  assert.notEqual(memory.take(200), bytes, 'it has another length')
  assert.equal(memory.take(100), bytes)
  assert.notEqual(memory.take(100), bytes, 'once')
})

test('memory that nobody has used from one trim to the next is given up', () => {
  const memory = new PageMemory()
  const bytes = memory.take(100)
  memory.leave(bytes)

  memory.trimming()
  memory.trimming()

  assert.notEqual(memory.take(100), bytes)
})

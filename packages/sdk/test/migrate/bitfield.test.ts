/** Pages of the bitfield files of hypercore 9: blocks and nodes are where it sets them. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fromHex } from '@dat-rhino/core/bytes/bytes'
import {
  blockByteAt,
  isBitSet,
  lengthOfNodes,
  nodeByteAt,
  PAGE_BLOCKS,
  SLEEP_HEADER_BYTES,
  SLEEP_PAGE_BYTES,
} from '../../src/migrate/sleep.ts'

/** Where a part of a page is not 0: offset in the part, and hex or `ff*count`. */
type Runs = readonly (readonly [number, string])[]

interface Case {
  readonly blocks: readonly number[] | string
  /** How long the log is by the nodes that are there. */
  readonly blocksFromTree: number
  readonly pages: readonly {
    readonly page: number
    readonly fileOffset: number
    readonly data: Runs
    readonly tree: Runs
  }[]
}

const { cases }: { readonly cases: Record<string, Case> } = JSON.parse(
  readFileSync(new URL('../vectors/stores/bitfield.json', import.meta.url), 'utf8'),
)

/** Blocks that a case names in words. */
const NAMED: Record<string, (block: number) => boolean> = {
  '0..255': (block) => block < 256,
  'full page': (block) => block < PAGE_BLOCKS,
  'full page + 1': (block) => block <= PAGE_BLOCKS,
}

for (const [name, { blocks, blocksFromTree, pages }] of Object.entries(cases)) {
  test(`bits of hypercore 9 are read where it sets them: ${name}`, () => {
    const end = 2 * PAGE_BLOCKS
    const file = new Uint8Array(SLEEP_HEADER_BYTES + 2 * SLEEP_PAGE_BYTES)
    for (const { page, fileOffset, data, tree } of pages) {
      assert.equal(fileOffset, SLEEP_HEADER_BYTES + page * SLEEP_PAGE_BYTES)
      for (const [at, text] of data) file.set(bytesOf(text), fileOffset + at)
      for (const [at, text] of tree) file.set(bytesOf(text), fileOffset + 1_024 + at)
    }

    const held: number[] = []
    const leaves: number[] = []
    for (let block = 0; block < end; block++) {
      const data = file[blockByteAt(block, SLEEP_PAGE_BYTES)] ?? 0
      const node = file[nodeByteAt(2 * block, SLEEP_PAGE_BYTES)] ?? 0
      if (isBitSet(data, block)) held.push(block)
      if (isBitSet(node, 2 * block)) leaves.push(block)
    }

    const isKnown = (index: number): boolean =>
      isBitSet(file[nodeByteAt(index, SLEEP_PAGE_BYTES)] ?? 0, index)
    assert.equal(lengthOfNodes(isKnown, 2 * end), blocksFromTree)
    assert.deepEqual(leaves, held)
    const isNamed = typeof blocks === 'string' ? NAMED[blocks] : undefined
    if (typeof blocks !== 'string') assert.deepEqual(held, blocks)
    else if (isNamed !== undefined) {
      assert.deepEqual(held, Array.from({ length: end }, (_, i) => i).filter(isNamed))
    } else {
      const missing = Array.from({ length: (held.at(-1) ?? 0) + 1 }, (_, i) => i).filter(
        (block) => !held.includes(block),
      )
      assert.equal(missing.length, 1, blocks)
    }
  })
}

function bytesOf(text: string): Uint8Array {
  const [byte = '', count] = text.split('*')
  if (count === undefined) return fromHex(text)
  return new Uint8Array(Number(count)).fill(fromHex(byte)[0] ?? 0)
}

/**
 * Counting anew what lives in which segment, after a damaged store was recovered.
 *
 * Owns: the walk through all pages of all logs. The counters in a damaged index may belong to another moment than the
 * logs; a segment that they call empty could be deleted with blocks that are needed. Where a page can't be read
 * nobody knows what it refers to: then every segment keeps one item that is never taken away.
 */

import { isCode } from '../../base/errors.ts'
import type { LogTable } from './log-table.ts'
import type { Page } from './page.ts'
import { FANOUT, refAddress } from './page-layout.ts'
import type { PageTree } from './page-tree.ts'
import type { SegmentLog } from './segments.ts'

/** Sets the counters of all segments to what the logs refer to. */
export function recount(logs: LogTable, data: SegmentLog, pages: SegmentLog): void {
  for (const { segments } of [data, pages]) {
    for (const segment of segments) {
      Object.assign(segment, { liveBytes: 0, liveItems: 0, changed: true })
    }
  }
  let isWhole = true
  for (const log of logs.numbers()) {
    const { tree } = logs.slot(log).state
    if (!countPage(tree, tree.root, tree.height, 0, tree.rootRef, data, pages)) isWhole = false
  }
  if (isWhole) return
  for (const { segments } of [data, pages]) for (const segment of segments) segment.liveItems++
}

/** Counts a page and all below it. False if something could not be read. */
function countPage(
  tree: PageTree,
  loaded: Page | undefined,
  level: number,
  number: number,
  ref: number,
  data: SegmentLog,
  pages: SegmentLog,
): boolean {
  const page = loaded ?? peek(tree, level, number, ref)
  if (page === undefined) return ref === 0
  if (page.ref !== 0) pages.addLive(refAddress(page.ref), page.storedBytes, 1)
  let isWhole = true
  for (let i = 0; i < page.room; i++) {
    const entry = page.entry(i)
    if (level === 0) {
      if (entry !== 0) data.addLive(entry - 1, page.nodeSize(page.nodeAt(2 * i)), 1)
      continue
    }
    const child = number * FANOUT + i
    const isRight = countPage(tree, page.children[i], level - 1, child, entry, data, pages)
    isWhole = isWhole && isRight
  }
  return isWhole
}

function peek(tree: PageTree, level: number, number: number, ref: number): Page | undefined {
  if (ref === 0) return undefined
  try {
    return tree.cache.read(tree, level, number, ref, undefined)
  } catch (error) {
    if (isCode(error, 'CORRUPT_STORE')) return undefined
    throw error
  }
}

/**
 * Index pages that stand side by side in the page log.
 *
 * Owns: which neighbours of a page of level 0 are read with it. A checkpoint writes pages in order, so those of a log
 * that grew without pause are one run; where each read is a wait for the disk, one of 64 KB brings the positions and
 * hashes of 700 blocks in the time of one of 6 KB. Only where a neighbour is in memory, though: who reads here and there in
 * a log much larger than the memory has no use for the others, and would read ten times as much.
 */

import type { Page } from './page.ts'
import { pageBytes, refAddress, refClass } from './page-layout.ts'

/** Read at once, at most. */
const RUN_BYTES = 65_536

/** Children of one page, one behind the other. */
export interface PageRun {
  /** Number of the first among the children. */
  readonly first: number
  readonly count: number
  /** Address of the first, and bytes of all. */
  readonly from: number
  readonly bytes: number
}

/** The run around child `i` of a page of level 1, that child among them; it alone where no page beside it is in memory. */
export function runAround(above: Page, i: number): PageRun {
  let first = i
  let last = i
  let from = refAddress(above.entry(i))
  let end = from + storedBytes(above, i)
  const isNear = above.children[i - 1] !== undefined || above.children[i + 1] !== undefined
  for (let next = i + 1; isNear && next < above.room; next++) {
    const bytes = storedBytes(above, next)
    if (bytes === 0 || refAddress(above.entry(next)) !== end || end + bytes - from > RUN_BYTES)
      break
    last = next
    end += bytes
  }
  for (let before = i - 1; isNear && before >= 0; before--) {
    const bytes = storedBytes(above, before)
    const address = refAddress(above.entry(before))
    if (bytes === 0 || address + bytes !== from || end - address > RUN_BYTES) break
    first = before
    from = address
  }
  return { first, count: last - first + 1, from, bytes: end - from }
}

/** Size of child `i` where it is stored; 0 if it is not. */
export function storedBytes(above: Page, i: number): number {
  const ref = above.entry(i)
  return ref === 0 ? 0 : pageBytes(0, refClass(ref), above.tree.signed)
}

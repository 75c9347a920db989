/**
 * Asking for the blocks of files that are about to be read.
 *
 * Owns: from entries to as few ranges as possible. Files that lie one behind the other are one range; what is
 * here is not asked for.
 */

import type { LogReader } from '../index/source.ts'
import type { Download } from '../log/remote.ts'
import type { DriveEntry } from './types.ts'

/** @param log that holds the bytes of all these entries */
export function fetchRuns(log: LogReader, entries: readonly DriveEntry[]): Download[] {
  const blobs = entries.flatMap(({ blob }) => blob ?? [])
  blobs.sort((a, b) => a.blockOffset - b.blockOffset)
  const downloads: Download[] = []
  let start = -1
  let end = -1
  const ask = (): void => {
    if (end > start && !log.has(start, end)) {
      downloads.push(log.download({ start, end, linear: true }))
    }
  }
  for (const { blockOffset, blockLength } of blobs) {
    if (blockOffset > end || start === -1) {
      ask()
      start = blockOffset
      end = blockOffset
    }
    end = Math.max(end, blockOffset + blockLength)
  }
  ask()
  return downloads
}

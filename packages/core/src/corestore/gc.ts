/**
 * Giving back what nothing refers to.
 *
 * Owns: what counts as that: drafts whose log is gone, logs whose deletion was cut short, and the dead parts of the
 * store's files. Whatever a log, a name or a draft of a log refers to stays as it is.
 */

import { orphanDraftLogs } from '../log/draft.ts'
import { dropContent } from './deletion.ts'
import type { Root } from './root.ts'

/** What was given back. */
export interface GcReport {
  /** Bytes by which the store's files have shrunk. */
  readonly bytes: number
  /** Drafts that belonged to no log any more. */
  readonly drafts: number
  /** Deletions that had been cut short. */
  readonly deletions: number
}

/** Collects, in slices that leave the event loop free. */
export async function collectGarbage(root: Root): Promise<GcReport> {
  const { store, deletions } = root
  const before = store.stats().fileBytes
  const cutShort = deletions.resume()
  await deletions.settled()
  const orphans = orphanDraftLogs(store)
  for (const log of orphans) {
    await dropContent(root, store.slot(log))
    store.remove(log)
    await store.commit()
  }
  await store.reclaim({ thorough: true })
  const bytes = Math.max(0, before - store.stats().fileBytes)
  return { bytes, drafts: orphans.length, deletions: cutShort }
}

/** Old files that a node takes over and serves. */

import { adopt } from '@dat-rhino/core/log/adopt'
import type { Rhino, Serving } from '../../../src/index.ts'
import { openStored } from '../../../src/migrate/open.ts'
import { NO_SECRETS, partsOf } from '../../migrate/bed.ts'

/** Resolves when it is announced as far as the node's options let it. */
export async function serveOld(node: Rhino, folder: string, link: string): Promise<Serving> {
  const store = await node.corestore()
  const stored = await openStored(folder, { secretKeys: NO_SECRETS })
  for (const { log } of partsOf(stored)) {
    const { key, generation } = log
    const copy = await store.get({ key, generation })
    await adopt(copy.replica, log)
    await copy.close()
  }
  await stored.close()
  const serving = await node.serve(link)
  await serving.announced
  return serving
}

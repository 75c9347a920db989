/**
 * A folder that is shared, and one that it is cloned into: what tests of clones begin with.
 */

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Clone, CloneOptions, Report, Rhino, Share } from '../src/index.ts'
import { Bed, firstEvent } from './bed.ts'
import { type Tree, writeTree } from './temp.ts'

/** Both folders; the share is open. */
export interface Pair {
  readonly bed: Bed
  readonly source: string
  readonly target: string
  readonly share: Share
}

/** A folder that is shared, and one to clone into. */
export async function pair(t: TestContext, tree: Tree): Promise<Pair> {
  const bed = new Bed(t)
  const [source, target] = [bed.folder(), join(bed.folder(), 'target')]
  writeTree(source, tree)
  const share = await (await bed.online()).share(source)
  await share.done()
  return { bed, source, target, share }
}

/** Clones once, in a node of its own. */
export async function cloneOnce(
  { bed, share, target }: Pair,
  options: CloneOptions = {},
): Promise<Report> {
  const node = await bed.online()
  const clone = await node.clone(share.link, target, options)
  try {
    return await clone.done()
  } finally {
    await node.close()
  }
}

/** Changes the source, and waits until the share has it. */
export async function change(share: Share, work: () => void): Promise<void> {
  const version = firstEvent(share.events(), 'version')
  work()
  await version
}

export async function live({ bed, share, target }: Pair): Promise<{ node: Rhino; clone: Clone }> {
  const node = await bed.online()
  const clone = await node.clone(share.link, target, { live: true })
  await clone.done()
  return { node, clone }
}

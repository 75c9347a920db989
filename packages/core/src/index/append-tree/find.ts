/**
 * One name, or one folder, in one version of the tree.
 *
 * Owns: the descent. Each hop fixes at least one component more, so there are at most as many as the name has.
 * `false` is "known not to be there", `undefined` a block that is missing.
 * Source: the generation 1 drive specification, section 2.
 */

import { common, type Named } from './block.ts'
import type { TreeBlocks } from './blocks.ts'

/** The entry of a name; a deletion is none. */
export function find(
  blocks: TreeBlocks,
  version: number,
  name: readonly string[],
): Named | false | undefined {
  for (let head = version < 1 ? false : blocks.named(version); ; ) {
    if (head === false || head === undefined) return head
    const depth = common(head.components, name)
    if (depth === name.length && depth === head.components.length) {
      return head.value !== undefined && head.isProper && head
    }
    head = blocks.child(head, depth, name[depth])
  }
}

/** The newest block at or below a folder. */
export function findFolder(
  blocks: TreeBlocks,
  version: number,
  name: readonly string[],
): Named | false | undefined {
  for (let head = version < 1 ? false : blocks.named(version); ; ) {
    if (head === false || head === undefined) return head
    const depth = common(head.components, name)
    if (depth === name.length) return head
    head = blocks.child(head, depth, name[depth])
  }
}

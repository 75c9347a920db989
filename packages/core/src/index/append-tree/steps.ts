/**
 * The iterations of an append-tree: all entries below a folder, and the differences of two versions.
 *
 * Owns: the stacks. A folder that is the same block in both versions is the same all the way down and is not looked
 * into. None of them waits: `walk.ts` does.
 */

import { NOT_HERE, type Steps } from '../walk.ts'
import { entryOf, type Named } from './block.ts'
import type { Folder, TreeBlocks } from './blocks.ts'
import { findFolder } from './find.ts'
import type { AppendTreeDifference, AppendTreeEntry } from './types.ts'

/** What an iteration stays with. */
export interface Pin {
  readonly blocks: TreeBlocks
  /** Newest block. */
  readonly version: number
  readonly epoch: number
}

/** A folder that is to be visited: that of the first `depth` components of a block. */
interface Visit {
  readonly block: Named
  readonly depth: number
}

/** What is put at and below a folder, the folder's own entry first. */
export class EntrySteps implements Steps<AppendTreeEntry> {
  readonly #pin: Pin
  readonly #name: readonly string[]
  readonly #stack: Visit[] = []
  #begun = false

  constructor(pin: Pin, name: readonly string[]) {
    this.#pin = pin
    this.#name = name
  }

  step(): AppendTreeEntry | undefined | typeof NOT_HERE {
    const { blocks, version, epoch } = this.#pin
    blocks.checkWhole(version + 1, epoch)
    if (!this.#begun && !this.#begin()) return NOT_HERE
    for (;;) {
      const visit = this.#stack.at(-1)
      if (visit === undefined) return undefined
      const folder = blocks.folder(visit.block, visit.depth)
      if (folder === undefined) return NOT_HERE
      this.#stack.pop()
      for (let i = folder.children.length - 1; i >= 0; i--) {
        const block = folder.children[i]
        if (block !== undefined) this.#stack.push({ block, depth: visit.depth + 1 })
      }
      if (folder.self?.value !== undefined) return entryOf(folder.self)
    }
  }

  ahead(into: number[], countMax: number): void {
    this.#pin.blocks.ahead(into, countMax)
  }

  #begin(): boolean {
    const block = findFolder(this.#pin.blocks, this.#pin.version, this.#name)
    if (block === undefined) return false
    this.#begun = true
    if (block !== false) this.#stack.push({ block, depth: this.#name.length })
    return true
  }
}

/** A folder in two versions. */
interface VisitOfBoth {
  readonly left: Named | undefined
  readonly right: Named | undefined
  readonly depth: number
}

const NOTHING: Folder = { self: undefined, children: [] }

/** Names whose entries are not the same block. */
export class DifferenceSteps implements Steps<AppendTreeDifference> {
  readonly #pin: Pin
  readonly #rightVersion: number
  readonly #name: readonly string[]
  readonly #stack: VisitOfBoth[] = []
  #begun = false

  constructor(pin: Pin, rightVersion: number, name: readonly string[]) {
    this.#pin = pin
    this.#rightVersion = rightVersion
    this.#name = name
  }

  step(): AppendTreeDifference | undefined | typeof NOT_HERE {
    const { blocks, version, epoch } = this.#pin
    blocks.checkWhole(Math.max(version, this.#rightVersion) + 1, epoch)
    if (!this.#begun && !this.#begin()) return NOT_HERE
    for (;;) {
      const visit = this.#stack.at(-1)
      if (visit === undefined) return undefined
      const left = this.#folder(visit.left, visit.depth)
      const right = this.#folder(visit.right, visit.depth)
      if (left === undefined || right === undefined) return NOT_HERE
      this.#stack.pop()
      this.#lay(left.children, right.children, visit.depth)
      const difference = differenceOf(left.self, right.self)
      if (difference !== undefined) return difference
    }
  }

  ahead(into: number[], countMax: number): void {
    this.#pin.blocks.ahead(into, countMax)
  }

  #begin(): boolean {
    const { blocks, version } = this.#pin
    const left = findFolder(blocks, version, this.#name)
    if (left === undefined) return false
    const right = findFolder(blocks, this.#rightVersion, this.#name)
    if (right === undefined) return false
    this.#begun = true
    this.#push(left || undefined, right || undefined, this.#name.length)
    return true
  }

  #folder(block: Named | undefined, depth: number): Folder | undefined {
    return block === undefined ? NOTHING : this.#pin.blocks.folder(block, depth)
  }

  #push(left: Named | undefined, right: Named | undefined, depth: number): void {
    if (left?.seq !== right?.seq) this.#stack.push({ left, right, depth })
  }

  /** What is in the left folder in its order, then what is in the right one alone; the first on top. */
  #lay(lefts: readonly Named[], rights: readonly Named[], depth: number): void {
    const both = new Map<string | undefined, { left?: Named; right?: Named }>()
    for (const left of lefts) both.set(left.components[depth], { left })
    for (const right of rights) {
      const name = right.components[depth]
      both.set(name, { ...both.get(name), right })
    }
    for (const { left, right } of [...both.values()].reverse()) this.#push(left, right, depth + 1)
  }
}

function differenceOf(
  left: Named | undefined,
  right: Named | undefined,
): AppendTreeDifference | undefined {
  const leftEntry = left?.value === undefined ? undefined : entryOf(left)
  const rightEntry = right?.value === undefined ? undefined : entryOf(right)
  const name = leftEntry?.name ?? rightEntry?.name
  if (name === undefined || leftEntry?.seq === rightEntry?.seq) return undefined
  return { name, left: leftEntry, right: rightEntry }
}

/**
 * Deleting a key from the tree, and what keeps its nodes filled afterwards.
 *
 * Owns: the plan and its execution. `planDelete` loads every node that the deletion can touch and changes nothing;
 * `applyDelete` changes them and can't fail. The way to the leaf that loses a key is in `nodes`; in node
 * number `d` it takes child `places[d]`. Source: the hyperbee specification, section 4.2.
 */

import { BEE_DEPTH_MAX } from '../base/limits.ts'
import { corrupt } from './block.ts'
import { KEYS_MIN, type Node, type Tree } from './tree.ts'

/** What a deletion will touch, all of it in memory. */
export interface DeletePlan {
  readonly nodes: readonly Node[]
  readonly places: readonly number[]
  /** The node that holds the key, and the key's place there. */
  readonly holder: Node
  readonly held: number
  /** Place in the leaf of the key that is taken from it. */
  readonly taken: number
}

/** After `tree.locate` has found the key. `undefined` if a block is missing. */
export function planDelete(tree: Tree): DeletePlan | undefined {
  const nodes = tree.path.slice(0, tree.depth)
  const places = tree.places.slice(0, tree.depth)
  const holder = nodes.at(-1)
  const held = places.pop()
  if (holder === undefined || held === undefined) return undefined
  let taken = held
  if (holder.children.length > 0) {
    const left = edge(tree, holder, held, 'last')
    const right = edge(tree, holder, held + 1, 'first')
    if (left === undefined || right === undefined) return undefined
    const nearer = left.leaf.seqs.length < right.leaf.seqs.length ? right : left
    taken = nearer === right ? 0 : left.leaf.seqs.length - 1
    if (nearer.leaf.seqs.length === 0) {
      throw corrupt(holder.children[held]?.block ?? 0, 'a leaf below has no keys')
    }
    places.push(nearer === right ? held + 1 : held, ...nearer.places)
    nodes.push(...nearer.nodes)
  }
  const plan = { nodes, places, holder, held, taken }
  return loadSiblings(tree, plan) ? plan : undefined
}

interface Edge {
  readonly nodes: Node[]
  readonly places: number[]
  readonly leaf: Node
}

/** The way from child `i` of `node` to its first or last leaf. */
function edge(tree: Tree, node: Node, i: number, side: 'first' | 'last'): Edge | undefined {
  const nodes: Node[] = []
  const places: number[] = []
  let at = tree.child(node, i)
  while (at !== undefined) {
    nodes.push(at)
    if (at.children.length === 0) return { nodes, places, leaf: at }
    const place: number = side === 'first' ? 0 : at.children.length - 1
    if (nodes.length > BEE_DEPTH_MAX) {
      throw corrupt(at.children[place]?.block ?? 0, 'the tree is too deep')
    }
    places.push(place)
    at = tree.child(at, place)
  }
  return undefined
}

/** Loads the neighbours of the nodes that will have too few keys, from the leaf up. */
function loadSiblings(tree: Tree, { nodes, places }: DeletePlan): boolean {
  for (let depth = nodes.length - 1; depth > 0; depth--) {
    const node = nodes[depth]
    const parent = nodes[depth - 1]
    const place = places[depth - 1] ?? 0
    if (node === undefined || parent === undefined || node.seqs.length > KEYS_MIN) return true
    if (place > 0 && tree.child(parent, place - 1) === undefined) return false
    const last = parent.children.length - 1
    if (place < last && tree.child(parent, place + 1) === undefined) return false
  }
  return true
}

/** Deletes the key of a plan. Nothing may have changed the tree since it was made. */
export function applyDelete(tree: Tree, plan: DeletePlan): void {
  const { nodes, holder, held, taken } = plan
  for (const node of nodes) node.dirty = true
  const leaf = nodes.at(-1)
  if (leaf === undefined) return
  const [seq = 0] = leaf.seqs.splice(taken, 1)
  const [key = 0] = leaf.keys.splice(taken, 1)
  if (holder !== leaf) {
    holder.seqs[held] = seq
    holder.keys[held] = key
  }
  rebalance(plan)
  const [only] = tree.root.children
  if (tree.root.seqs.length === 0 && only?.node !== undefined) tree.root = only.node
}

function rebalance({ nodes, places }: DeletePlan): void {
  for (let depth = nodes.length - 1; depth > 0; depth--) {
    const node = nodes[depth]
    const parent = nodes[depth - 1]
    const place = places[depth - 1] ?? 0
    if (node === undefined || parent === undefined || node.seqs.length >= KEYS_MIN) return
    const left = parent.children[place - 1]?.node
    const right = parent.children[place + 1]?.node
    if (left !== undefined && left.seqs.length > KEYS_MIN) {
      rotateRight(parent, place - 1, left, node)
      return
    }
    if (right !== undefined && right.seqs.length > KEYS_MIN) {
      rotateLeft(parent, place, node, right)
      return
    }
    if (left !== undefined) merge(parent, place - 1, left, node)
    else if (right !== undefined) merge(parent, place, node, right)
  }
}

/** The left one's last key goes up to `parent` place `i`, the key from there down to the right one. */
function rotateRight(parent: Node, i: number, left: Node, right: Node): void {
  right.seqs.unshift(parent.seqs[i] ?? 0)
  right.keys.unshift(parent.keys[i] ?? 0)
  parent.seqs[i] = left.seqs.pop() ?? 0
  parent.keys[i] = left.keys.pop() ?? 0
  const child = left.children.pop()
  if (child !== undefined) right.children.unshift(child)
  left.dirty = true
}

/** The right one's first key goes up to `parent` place `i`, the key from there down to the left one. */
function rotateLeft(parent: Node, i: number, left: Node, right: Node): void {
  left.seqs.push(parent.seqs[i] ?? 0)
  left.keys.push(parent.keys[i] ?? 0)
  parent.seqs[i] = right.seqs.shift() ?? 0
  parent.keys[i] = right.keys.shift() ?? 0
  const child = right.children.shift()
  if (child !== undefined) left.children.push(child)
  right.dirty = true
}

/** The left one takes the key between them and all of the right one, which is gone. */
function merge(parent: Node, i: number, left: Node, right: Node): void {
  left.seqs.push(...parent.seqs.splice(i, 1), ...right.seqs)
  left.keys.push(...parent.keys.splice(i, 1), ...right.keys)
  left.children.push(...right.children)
  left.dirty = true
  const [gone] = parent.children.splice(i + 1, 1)
  // A pending block that lists the right one must not write it.
  if (gone !== undefined) gone.block = 0
}

/**
 * The store as plain data: what `store/store.ts` says, with nothing clever, to compare engines with.
 *
 * Owns: a model of logs whose whole state is copied at every commit, and the operations that move model and store in
 * step. An operation is data, so that a failing history is printed as a list.
 */

import assert from 'node:assert/strict'
import type { Slot, Store } from '../../src/store/store.ts'
import { bytesOf, headOf, identityOf, nodeOf, putBlock } from './helpers.ts'

/** What happens to one log, or to the store. Numbers are taken modulo what is there. */
export type Step =
  | { readonly do: 'append'; readonly log: number; readonly sizes: readonly number[] }
  | { readonly do: 'fetch'; readonly log: number; readonly index: number; readonly size: number }
  | { readonly do: 'node'; readonly log: number; readonly index: number }
  | { readonly do: 'truncate'; readonly log: number; readonly length: number }
  | { readonly do: 'clear'; readonly log: number; readonly start: number; readonly length: number }
  | { readonly do: 'userData'; readonly log: number; readonly name: number; readonly size: number }
  | { readonly do: 'remove'; readonly log: number }
  | { readonly do: 'create' }
  | { readonly do: 'commit' }
  | { readonly do: 'rewind' }
  | { readonly do: 'checkpoint' }
  | { readonly do: 'reopen' }

export interface ModelLog {
  length: number
  fork: number
  /** Content by index: the seed and size from which its bytes are made. */
  readonly blocks: Map<number, { readonly seed: number; readonly size: number }>
  readonly nodes: Map<number, { readonly seed: number; readonly size: number }>
  readonly userData: Map<string, number>
}

export type ModelState = Map<number, ModelLog>

export function copyState(state: ModelState): ModelState {
  return structuredClone(state)
}

/** Drives a store and the model together. */
export class Driver {
  store: Store
  /** What is staged and what is committed, by the seed of the log's identity. */
  staged: ModelState = new Map()
  committed: ModelState = new Map()
  readonly #reopen: (store: Store) => Promise<Store>
  #seed = 1
  #mark: number

  constructor(store: Store, reopen: (store: Store) => Promise<Store>) {
    this.store = store
    this.#reopen = reopen
    this.#mark = store.mark()
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'create':
        await this.#create()
        break
      case 'commit':
        await this.commit()
        break
      case 'rewind':
        this.store.rewind(this.#mark)
        this.staged = copyState(this.committed)
        break
      case 'checkpoint':
        await this.store.checkpoint()
        this.#committed()
        break
      case 'reopen':
        this.store = await this.#reopen(this.store)
        this.#committed()
        dropBeyond(this.committed)
        dropBeyond(this.staged)
        break
      default:
        this.#stage(step)
    }
  }

  async commit(): Promise<void> {
    await this.store.commit()
    this.#committed()
  }

  #committed(): void {
    this.committed = copyState(this.staged)
    this.#mark = this.store.mark()
  }

  async #create(): Promise<void> {
    const seed = this.#seed++
    await this.store.create(identityOf(seed, { publicKey: bytesOf(32, seed) }))
    this.staged.set(seed, {
      length: 0,
      fork: 0,
      blocks: new Map(),
      nodes: new Map(),
      userData: new Map(),
    })
    this.#committed()
  }

  #stage(step: Step & { readonly log: number }): void {
    const seeds = [...this.staged.keys()]
    const seed = seeds[step.log % seeds.length]
    const log = this.staged.get(seed ?? 0)
    if (seed === undefined || log === undefined) return
    const slot = slotOf(this.store, seed)
    switch (step.do) {
      case 'append':
        for (const size of step.sizes) this.#putBlock(slot, log, log.length++, size)
        slot.stageHead(headOf(log.length, { fork: log.fork }))
        break
      case 'fetch':
        this.#putBlock(slot, log, step.index, step.size)
        break
      case 'node':
        // Not leaves: those are made from blocks.
        this.#putNode(slot, log, 2 * step.index + 1)
        break
      case 'truncate':
        this.#truncate(slot, log, step.length % (log.length + 1))
        break
      case 'clear':
        slot.stageClear(step.start, step.start + step.length)
        for (let i = step.start; i < step.start + step.length; i++) log.blocks.delete(i)
        break
      case 'userData':
        slot.stageUserData(`n${step.name}`, step.size === 0 ? undefined : bytesOf(step.size, 1))
        if (step.size === 0) log.userData.delete(`n${step.name}`)
        else log.userData.set(`n${step.name}`, step.size)
        break
      case 'remove':
        this.store.remove(slot.log)
        this.staged.delete(seed)
        break
    }
  }

  #putBlock(slot: Slot, log: ModelLog, index: number, size: number): void {
    const seed = this.#seed++
    putBlock(slot, index, bytesOf(size, seed))
    log.blocks.set(index, { seed, size })
    log.nodes.set(2 * index, { seed, size })
  }

  #putNode(slot: Slot, log: ModelLog, index: number): void {
    const seed = this.#seed++
    slot.putNode(index, seed, bytesOf(32, seed), 0)
    log.nodes.set(index, { seed, size: seed })
  }

  #truncate(slot: Slot, log: ModelLog, length: number): void {
    log.fork++
    slot.stageTruncate(headOf(length, { fork: log.fork }))
    log.length = length
    dropFrom(log, length)
  }
}

export function slotOf(store: Store, seed: number): Slot {
  const number = store.find(identityOf(seed).discoveryKey)
  assert.notEqual(number, undefined, `log ${seed} is not there`)
  return store.slot(number ?? -1)
}

function dropFrom(log: ModelLog, length: number): void {
  for (const index of log.blocks.keys()) if (index >= length) log.blocks.delete(index)
  for (const index of log.nodes.keys()) if (lastBlock(index) >= length) log.nodes.delete(index)
}

/** Blocks and nodes beyond the head, as opening drops them. */
export function dropBeyond(state: ModelState): void {
  for (const log of state.values()) dropFrom(log, log.length)
}

/** By definition: the last leaf of the subtree, walking down to the right. */
function lastBlock(node: number): number {
  let trailingOnes = 0
  for (let rest = node; rest % 2 === 1; rest = (rest - 1) / 2) trailingOnes++
  return (node + 2 ** trailingOnes - 1) / 2
}

/** Throws unless the store shows exactly this state. */
export function check(store: Store, state: ModelState): void {
  assert.equal([...store.logs()].length, state.size)
  for (const [seed, log] of state) checkLog(slotOf(store, seed), log)
}

export function checkLog(slot: Slot, log: ModelLog): void {
  assert.equal(slot.head.length, log.length)
  assert.equal(slot.head.fork, log.fork)
  assert.equal(slot.heldBlocks, log.blocks.size)
  let contiguous = 0
  while (log.blocks.has(contiguous)) contiguous++
  assert.equal(slot.contiguousLength, contiguous)
  const indices = [...log.blocks.keys()].sort((a, b) => a - b)
  const end = Math.max(log.length, (indices.at(-1) ?? 0) + 1) + 70
  const held: number[] = []
  for (let i = slot.nextHeld(0, end); i < end; i = slot.nextHeld(i + 1, end)) held.push(i)
  assert.deepEqual(held, indices)
  for (const [index, { seed, size }] of log.blocks) {
    const block = slot.read(index)
    assert.equal(block !== undefined && Buffer.compare(block, bytesOf(size, seed)), 0, `${index}`)
    assert.equal(slot.has(index), true)
  }
  for (let node = 0; node < 2 * end; node++) {
    const expected = log.nodes.get(node)
    const found = nodeOf(slot, node)
    assert.equal(found?.size, expected?.size, `node ${node}`)
    if (expected !== undefined && node % 2 === 1) {
      assert.deepEqual(found?.hash, bytesOf(32, expected.seed), `node ${node}`)
    }
  }
  for (let i = 0; i < 3; i++) {
    const size = log.userData.get(`n${i}`)
    assert.deepEqual(slot.userData(`n${i}`), size === undefined ? undefined : bytesOf(size, 1))
  }
}

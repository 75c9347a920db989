/**
 * Is what is stored of a log what its author signed?
 *
 *   head ──signature──▶ full roots ──children hash to their parent──▶ … ──▶ leaves ──hash of the block──▶ blocks
 *
 * Owns: that walk, from the signature down to every node and block that is here, in slices between which the log
 * goes on. Each step compares what is stored at that moment, so that a log may grow, be cut and be cleared
 * meanwhile. Repair changes two things only, and both can be proved right:
 *
 * - A node is put in the place of a wrong or missing one if it follows from what lies below it and leads to the
 *   parent that was proved before.
 * - A block that is not the one of its proved leaf is dropped, so that it can be fetched again.
 *
 * All else is told and left as it is.
 */

import type { Clock } from '../base/clock.ts'
import { DatError, isCode } from '../base/errors.ts'
import { AUDIT_FINDINGS_MAX, AUDIT_SLICE_BYTES } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { copy, equalAt } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { fullRoots, leftChild, rightChild } from '../tree/flat.ts'
import { byteLengthOf } from '../tree/grow.ts'
import { NodeSet } from '../tree/nodes.ts'
import { readOnlyStore } from './refusal.ts'
import type { LogState } from './state.ts'

/** Only looking is the default: a repair is a change, and somebody has to want it. */
export interface AuditOptions {
  /** Put right what can be. Default false: only look. */
  readonly repair?: boolean
  /** Called now and then, and at the end. */
  readonly onProgress?: (progress: AuditProgress) => void
  readonly signal?: AbortSignal
}

/** How far an audit is. */
export interface AuditProgress {
  readonly nodes: number
  readonly blocks: number
  /** Blocks that are held in all. */
  readonly heldBlocks: number
}

/** One thing that is not as it must be. */
export type Finding =
  /** `signature`: nobody stands behind the head. `size`: it tells other bytes than its roots. */
  | { readonly kind: 'head'; readonly problem: 'signature' | 'size'; readonly repaired: false }
  /** `wrong`: the children of node `index` do not hash to it. `missing`: what lies below can't be proved. */
  | {
      readonly kind: 'node'
      readonly index: number
      readonly problem: 'wrong' | 'missing' | 'unreadable'
      readonly repaired: boolean
    }
  /** `repaired`: it was dropped, and can be fetched again. */
  | {
      readonly kind: 'block'
      readonly index: number
      readonly problem: 'wrong' | 'unreadable'
      readonly repaired: boolean
    }

/** What an audit has found. */
export interface AuditReport extends AuditProgress {
  readonly length: number
  readonly fork: number
  /** `unsigned`: a head of our own, or none at all; what nobody has seen needs no signature yet. */
  readonly head: 'signed' | 'unsigned' | 'wrong'
  /** In the order of the walk; the first `AUDIT_FINDINGS_MAX` of them. */
  readonly findings: readonly Finding[]
  readonly findingCount: number
}

/** What repairs need of the replica. */
export interface AuditHost {
  readonly state: LogState
  readonly clock: Clock
  dropBlock(index: number): void
  commit(): Promise<void>
}

/** Begun anew so often, because the history was replaced meanwhile, an audit gives up. */
const RESTARTS_MAX = 8

/**
 * Walks over everything that is stored.
 *
 * @throws DatError ABORTED between two slices; SNAPSHOT_GONE if the history is replaced again and again; and what
 *   commits throw
 */
export async function auditLog(host: AuditHost, options: AuditOptions): Promise<AuditReport> {
  const { state } = host
  const repairs = options.repair === true
  if (repairs && !state.store.writable) throw readOnlyStore(state.store)
  const done: Finding[] = []
  for (let restarts = 0; restarts <= RESTARTS_MAX; restarts++) {
    const walk = new AuditWalk(host, repairs)
    const isWhole = await follow(host, walk, options)
    options.onProgress?.(walk.progress)
    if (isWhole) return walk.report(done)
    done.push(...walk.repaired())
  }
  throw new DatError('SNAPSHOT_GONE', 'The log is replaced faster than it can be looked at.')
}

/** Walks to the end; false if the history is another one before that. */
async function follow(host: AuditHost, walk: AuditWalk, options: AuditOptions): Promise<boolean> {
  const { signal, onProgress } = options
  const { state } = host
  const pace = new Pace(host.clock)
  walk.begin()
  while (walk.step()) {
    if (walk.cold >= 0) await state.slot.warm(walk.cold, walk.cold + 1)
    else if (!pace.due() && walk.sliceBytes < AUDIT_SLICE_BYTES) continue
    walk.sliceBytes = 0
    onProgress?.(walk.progress)
    if (walk.isChanged) await host.commit()
    walk.isChanged = false
    await pace.turn()
    if (signal?.aborted === true) {
      throw new DatError('ABORTED', 'The audit was aborted.', {}, signal.reason)
    }
    if (state.fork !== walk.fork) return false
  }
  if (walk.isChanged) await host.commit()
  return true
}

/** A node from below: its hash and size as they follow from children or block. */
interface Made {
  readonly size: number
  readonly hash: Uint8Array
}

class AuditWalk {
  /** A block that must be brought into memory before the next step; -1 for none. */
  cold = -1
  sliceBytes = 0
  isChanged = false
  readonly #host: AuditHost
  readonly #state: LogState
  readonly #repairs: boolean
  readonly #findings: Finding[] = []
  #findingCount = 0
  #nodes = 0
  #blocks = 0
  #head: AuditReport['head'] = 'unsigned'
  readonly #length: number
  /** The history that is walked over. */
  readonly fork: number
  /** Nodes to look at, rightmost first: `2 * node`, and 1 more if what it must be was proved. */
  readonly #stack: number[] = []
  /** Nodes that were told as missing or unreadable. */
  readonly #told = new Set<number>()
  /** Blocks from here on were not yet asked for their leaf. */
  #from = 0

  constructor(host: AuditHost, repairs: boolean) {
    this.#host = host
    this.#state = host.state
    this.#repairs = repairs
    this.#length = host.state.length
    this.fork = host.state.fork
  }

  get progress(): AuditProgress {
    return { nodes: this.#nodes, blocks: this.#blocks, heldBlocks: this.#state.slot.heldBlocks }
  }

  repaired(): Finding[] {
    return this.#findings.filter((finding) => finding.repaired)
  }

  /** @param before what earlier walks have repaired */
  report(before: readonly Finding[]): AuditReport {
    return {
      ...this.progress,
      length: this.#length,
      fork: this.fork,
      head: this.#head,
      findings: [...before, ...this.#findings],
      findingCount: before.length + this.#findingCount,
    }
  }

  // ---- The head ----------------------------------------------------------------------------------

  begin(): void {
    const state = this.#state
    const roots = new NodeSet()
    const missing = fullRoots(this.#length).filter((root) => !this.#find(root))
    for (const index of missing) this.#addLost(index, 'missing', false)
    const isWhole = missing.length === 0 && state.readRoots(this.#length, roots)
    if (isWhole) this.#checkHead(roots)
    const isProved = isWhole && this.#head !== 'wrong' ? 1 : 0
    for (let i = roots.length - 1; i >= 0; i--) {
      this.#stack.push(2 * (roots.indices[i] ?? 0) + isProved)
    }
  }

  #checkHead(roots: NodeSet): void {
    const state = this.#state
    const { signature, byteLength } = state.head
    if (byteLengthOf(roots) !== byteLength) {
      this.#add({ kind: 'head', problem: 'size', repaired: false })
    }
    const isUnsigned = signature === undefined && (state.isNew || state.maySign)
    if (isUnsigned) return
    this.#head = state.accepts(state.treeOf(roots, this.fork), signature) ? 'signed' : 'wrong'
    if (this.#head === 'wrong') this.#add({ kind: 'head', problem: 'signature', repaired: false })
  }

  // ---- Nodes -------------------------------------------------------------------------------------

  /** One node, or one block without a leaf. False at the end. */
  step(): boolean {
    this.cold = -1
    const top = this.#stack.pop()
    if (top === undefined) return this.#orphan()
    const isProved = top % 2 === 1
    const node = (top - (isProved ? 1 : 0)) / 2
    if (!this.#find(node)) return true
    if (node % 2 === 0) this.#leaf(node, isProved)
    else this.#parent(node, isProved)
    return true
  }

  #parent(node: number, isProved: boolean): void {
    this.#nodes++
    const left = leftChild(node)
    const right = rightChild(node)
    const hasLeft = this.#find(left)
    const hasRight = this.#find(right)
    // A node without anything below it is the usual case in a log that is here in part.
    if (!hasLeft && !hasRight) return
    let isSound = false
    if (hasLeft && hasRight) {
      isSound = this.#leadsTo(node, this.#stored(left), this.#stored(right))
      if (!isSound) {
        isSound = isProved && this.#remake(node, left, right)
        this.#add({ kind: 'node', index: node, problem: 'wrong', repaired: isSound })
      }
    } else {
      isSound = isProved && this.#remake(node, left, right)
      this.#addLost(hasLeft ? right : left, 'missing', isSound)
    }
    const proved = isSound && isProved ? 1 : 0
    this.#stack.push(2 * right + proved, 2 * left + proved)
  }

  /** Puts the children of a proved node from what lies below them, if one way to do so leads to it. */
  #remake(node: number, left: number, right: number): boolean {
    if (!this.#repairs) return false
    for (const l of [this.#stored(left), this.#fromBelow(left)]) {
      for (const r of [this.#stored(right), this.#fromBelow(right)]) {
        if (!this.#leadsTo(node, l, r)) continue
        this.#put(left, l)
        this.#put(right, r)
        return true
      }
    }
    return false
  }

  #leadsTo(node: number, left: Made | undefined, right: Made | undefined): boolean {
    if (left === undefined || right === undefined || !this.#find(node)) return false
    const { hash, slot } = this.#state
    const size = left.size + right.size
    if (size !== slot.nodeSize) return false
    hash.parent(size, left.hash, 0, right.hash, 0)
    return equalAt(hash.result, 0, slot.nodeBytes, slot.nodeAt, HASH_BYTES)
  }

  #stored(node: number): Made | undefined {
    if (!this.#find(node)) return undefined
    const { slot } = this.#state
    return {
      size: slot.nodeSize,
      hash: copy(slot.nodeBytes.subarray(slot.nodeAt, slot.nodeAt + HASH_BYTES)),
    }
  }

  #fromBelow(node: number): Made | undefined {
    const { hash } = this.#state
    if (node % 2 === 0) {
      const block = this.#read(node / 2)
      if (block === undefined) return undefined
      hash.leaf(block)
      return { size: block.length, hash: copy(hash.result) }
    }
    const left = this.#stored(leftChild(node))
    const right = this.#stored(rightChild(node))
    if (left === undefined || right === undefined) return undefined
    const size = left.size + right.size
    hash.parent(size, left.hash, 0, right.hash, 0)
    return { size, hash: copy(hash.result) }
  }

  #put(node: number, made: Made | undefined): void {
    if (made === undefined) return
    this.#state.slot.putNode(node, made.size, made.hash, 0)
    this.isChanged = true
  }

  // ---- Blocks ------------------------------------------------------------------------------------

  #leaf(node: number, isProved: boolean): void {
    const { slot, hash } = this.#state
    const index = node / 2
    if (slot.isCold(index, index + 1)) {
      this.cold = index
      this.#stack.push(2 * node + (isProved ? 1 : 0))
      return
    }
    this.#nodes++
    if (!slot.has(index)) return
    this.#blocks++
    const block = this.#read(index)
    if (block !== undefined) {
      hash.leaf(block)
      const isRight = this.#find(node) && block.length === slot.nodeSize
      if (isRight && equalAt(hash.result, 0, slot.nodeBytes, slot.nodeAt, HASH_BYTES)) return
    }
    const repaired = isProved && this.#repairs
    if (repaired) this.#host.dropBlock(index)
    this.isChanged ||= repaired
    const problem = block === undefined ? 'unreadable' : 'wrong'
    this.#add({ kind: 'block', index, problem, repaired })
  }

  /** The next block whose leaf is not here, so that no node led to it. False if there is none. */
  #orphan(): boolean {
    const { slot } = this.#state
    const index = slot.nextHeld(this.#from, this.#length)
    if (index >= this.#length) return false
    this.#from = index + 1
    if (this.#find(2 * index)) return true
    this.#blocks++
    this.#addLost(2 * index, 'missing', false)
    return true
  }

  #read(index: number): Uint8Array | undefined {
    try {
      const block = this.#state.slot.read(index)
      this.sliceBytes += block?.length ?? 0
      return block
    } catch (error) {
      if (isCode(error, 'CORRUPT_STORE')) return undefined
      throw error
    }
  }

  /** Is the node stored? One on a damaged page is told and counts as missing. */
  #find(node: number): boolean {
    try {
      return this.#state.slot.findNode(node)
    } catch (error) {
      if (!isCode(error, 'CORRUPT_STORE')) throw error
      this.#addLost(node, 'unreadable', false)
      return false
    }
  }

  /** A node that is not there is met by more than one way, and told once. */
  #addLost(index: number, problem: 'missing' | 'unreadable', repaired: boolean): void {
    if (this.#told.has(index)) return
    this.#told.add(index)
    this.#add({ kind: 'node', index, problem, repaired })
  }

  #add(finding: Finding): void {
    this.#findingCount++
    if (this.#findings.length < AUDIT_FINDINGS_MAX) this.#findings.push(finding)
  }
}

/**
 * Two replicators joined without a wire: what one sends, the other hears, later and in order.
 *
 * Owns: `join`, a conversation with a delay that changes, a budget of bytes and an end; and `Tamper`, which a
 * lying peer puts between its replicator and the pipe. What is sent in one turn arrives as one frame, or as those that the
 * sender makes of it. Since no
 * byte of any generation is made, whatever runs on it runs on every wire.
 */

import { copy, EMPTY } from '../../src/bytes/bytes.ts'
import type { ConnectionBudget } from '../../src/replicator/budget.ts'
import type { Replicator } from '../../src/replicator/replicator.ts'
import { BlockRun } from '../../src/tree/block-run.ts'
import { CLAIM_BLOCK, Proof } from '../../src/tree/proof.ts'
import type {
  Abilities,
  Handler,
  Refusal,
  Request,
  Sender,
  Status,
} from '../../src/wire/messages.ts'
import type { World } from './world.ts'

export type Message =
  | { readonly type: 'status'; readonly status: Status; bytes: number }
  | {
      readonly type: 'have' | 'unhave' | 'want' | 'unwant'
      start: number
      length: number
      ack?: boolean
      bytes: number
    }
  | { readonly type: 'bitfield'; start: number; words: Uint32Array; bytes: number }
  | { readonly type: 'request'; readonly request: Request; bytes: number }
  | { readonly type: 'cancel'; id: number; bytes: number }
  | { readonly type: 'data'; id: number; readonly proof: Proof; bytes: number }
  | { readonly type: 'refuse'; id: number; reason: Refusal; bytes: number }
  | { readonly type: 'extension'; name: string; message: Uint8Array; bytes: number }
  | { readonly type: 'close'; bytes: number }

/** Sees what one side sends: keeps it, changes it, or (undefined) drops it. */
export type Tamper = (message: Message) => Message | undefined

export interface JoinOptions {
  readonly delayMs?: readonly [number, number]
  /** Bytes under way in one direction before the sender is told to wait. */
  readonly budgetBytes?: number
  /** Sees each frame when it goes out, whichever side sends it. */
  readonly onFrame?: (frame: readonly Message[]) => void
  readonly tamperA?: Tamper
  readonly tamperB?: Tamper
  readonly keys?: readonly [Uint8Array, Uint8Array]
  readonly abilities?: Abilities
  /** Both sides ask for receipts. */
  readonly wantsAcks?: boolean
  readonly budgets?: readonly [ConnectionBudget, ConnectionBudget]
}

export interface Joint {
  readonly closed: boolean
  /** Messages sent so far, by both sides. */
  readonly sent: Message[]
  /** The connection is gone at once, with everything on it. */
  cut(error?: Error): void
}

const ALL: Abilities = {
  seek: true,
  hash: true,
  cancel: true,
  refuse: true,
  waitsForEnd: false,
}

class End implements Sender {
  readonly abilities: Abilities
  readonly #world: World
  readonly #options: JoinOptions
  readonly #tamper: Tamper
  readonly #sent: Message[]
  other: End | undefined
  handler: Handler | undefined
  closed = false
  #frame: Message[] = []
  #underWay = 0
  #arrivesAt = 0
  #isBlocked = false

  constructor(world: World, options: JoinOptions, tamper: Tamper | undefined, sent: Message[]) {
    this.#world = world
    this.#options = options
    this.abilities = options.abilities ?? ALL
    this.#tamper = tamper ?? ((message) => message)
    this.#sent = sent
  }

  get wantsAcks(): boolean {
    return this.#options.wantsAcks === true
  }

  get writable(): boolean {
    const isRoom = this.#underWay < (this.#options.budgetBytes ?? 1_000_000)
    if (!isRoom) this.#isBlocked = true
    return isRoom && !this.closed
  }

  status(status: Readonly<Status>): void {
    this.#send({ type: 'status', status: { ...status }, bytes: 8 })
  }

  have(start: number, length: number, ack = false): void {
    this.#send({ type: 'have', start, length, ack, bytes: 8 })
  }

  unhave(start: number, length: number): void {
    this.#send({ type: 'unhave', start, length, bytes: 8 })
  }

  bitfield(start: number, words: Uint32Array): void {
    this.#send({ type: 'bitfield', start, words: Uint32Array.from(words), bytes: 4 * words.length })
  }

  want(start: number, length: number): void {
    this.#send({ type: 'want', start, length, bytes: 8 })
  }

  unwant(start: number, length: number): void {
    this.#send({ type: 'unwant', start, length, bytes: 8 })
  }

  request(request: Readonly<Request>): void {
    this.#send({ type: 'request', request: { ...request }, bytes: 16 })
  }

  cancel(id: number): void {
    this.#send({ type: 'cancel', id, bytes: 4 })
  }

  data(
    id: number,
    proof: Proof,
    valueBytes: number,
    fill: (into: Uint8Array, at: number) => void,
  ): void {
    const kept = copyProof(proof)
    if (proof.index >= 0 && proof.claim === 1) {
      kept.value = new Uint8Array(valueBytes)
      fill(kept.value, 0)
    }
    this.#send({ type: 'data', id, proof: kept, bytes: 64 + valueBytes })
  }

  refuse(id: number, reason: Refusal): void {
    this.#send({ type: 'refuse', id, reason, bytes: 4 })
  }

  extension(name: string, message: Uint8Array): boolean {
    this.#send({ type: 'extension', name, message: copy(message), bytes: message.length })
    return !this.closed
  }

  close(error?: Error): void {
    if (this.closed) return
    this.#send({ type: 'close', bytes: 4 })
    this.end(error)
  }

  end(error: Error | undefined): void {
    if (this.closed) return
    this.closed = true
    this.handler?.onClose(error)
  }

  #send(message: Message): void {
    if (this.closed) return
    const tampered = this.#tamper(message)
    if (tampered === undefined) return
    this.#sent.push(tampered)
    this.#underWay += tampered.bytes
    if (this.#frame.length === 0) this.#world.soon(() => this.flush())
    this.#frame.push(tampered)
  }

  flush(): void {
    const frame = this.#frame
    if (frame.length === 0) return
    this.#frame = []
    this.#options.onFrame?.(frame)
    const [low, high] = this.#options.delayMs ?? [1, 1]
    const at = this.#world.now() + low + this.#world.random() * (high - low)
    this.#arrivesAt = Math.max(this.#arrivesAt, at)
    this.#world.after(this.#arrivesAt - this.#world.now(), () => {
      for (const message of frame) this.#underWay -= message.bytes
      this.other?.receive(frame)
      if (!this.#isBlocked || this.closed) return
      this.#isBlocked = false
      this.handler?.onWritable()
    })
  }

  /** Hands over the answers that go together from message `from` on, as a wire does; returns how many. */
  #gather(frame: readonly Message[], from: number): number {
    if (this.handler?.onBlocks === undefined) return 0
    const run = new BlockRun()
    const values: number[] = []
    let end = from
    for (let next = frame[end]; isPlain(next); next = frame[++end]) {
      const { nodes } = next.proof
      if (!run.hasRoom(EMPTY, nodes.length)) break
      run.nodes.pushAll(nodes)
      run.add(
        next.id,
        next.proof.fork,
        next.proof.index,
        EMPTY,
        values.length,
        next.proof.value?.length ?? 0,
      )
      values.push(...(next.proof.value ?? EMPTY))
    }
    if (end === from) return 0
    run.bytes = Uint8Array.from(values)
    this.handler.onBlocks(run)
    return end - from
  }

  receive(frame: readonly Message[]): void {
    try {
      for (let i = 0; i < frame.length; i++) {
        const message = frame[i]
        if (this.closed || message === undefined) return
        const gathered = this.#gather(frame, i)
        if (gathered > 0) i += gathered - 1
        else if (message.type === 'close') this.end(undefined)
        else if (this.handler !== undefined) deliver(message, this.handler)
      }
      if (!this.closed) this.handler?.onFrameEnd()
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
}

/** Is it a block and nothing else, as `readBlock` of generation 3's wire reads them? */
function isPlain(message: Message | undefined): message is Extract<Message, { type: 'data' }> {
  if (message?.type !== 'data' || message.proof.claim !== CLAIM_BLOCK) return false
  const { hasUpgrade, manifest, seekBytes, signature, value } = message.proof
  if (signature !== undefined || manifest !== undefined || value === undefined) return false
  return !hasUpgrade && seekBytes < 0
}

function deliver(message: Message, to: Handler): void {
  const { type } = message
  if (type === 'status') to.onStatus(message.status)
  else if (type === 'have') {
    to.onHave(message.start, message.length, message.ack === true)
  } else if (type === 'unhave') to.onUnhave(message.start, message.length)
  else if (type === 'want') to.onWant(message.start, message.length, false)
  else if (type === 'unwant') to.onUnwant(message.start, message.length)
  else if (type === 'bitfield') to.onBitfield(message.start, message.words)
  else if (type === 'request') to.onRequest(message.request)
  else if (type === 'cancel') to.onCancel(message.id)
  else if (type === 'data') to.onData(message.id, message.proof)
  else if (type === 'refuse') to.onRefusal(message.id, message.reason)
  else if (type === 'extension') to.onExtension(message.name, message.message)
}

/** Joins two replicators of one log. */
export function join(world: World, a: Replicator, b: Replicator, options: JoinOptions = {}): Joint {
  const sent: Message[] = []
  const endA = new End(world, options, options.tamperA, sent)
  const endB = new End(world, options, options.tamperB, sent)
  endA.other = endB
  endB.other = endA
  const [keyA, keyB] = options.keys ?? [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const [budgetA, budgetB] = options.budgets ?? []
  endA.handler = a.attach(endA, { remotePublicKey: keyB, ...(budgetA && { budget: budgetA }) })
  endB.handler = b.attach(endB, { remotePublicKey: keyA, ...(budgetB && { budget: budgetB }) })
  return {
    get closed() {
      return endA.closed || endB.closed
    },
    sent,
    cut(error) {
      endA.end(error)
      endB.end(error)
    },
  }
}

/** A peer that is no replicator: what it hears is given to `handler`, what it says goes through the sender. */
export function joinScripted(
  world: World,
  a: Replicator,
  script: (sender: Sender) => Partial<Handler>,
  options: JoinOptions = {},
): { readonly joint: Joint; readonly sender: Sender } {
  const sent: Message[] = []
  const endA = new End(world, options, options.tamperA, sent)
  const endB = new End(world, options, options.tamperB, sent)
  endA.other = endB
  endB.other = endA
  const [, keyB] = options.keys ?? [new Uint8Array(32).fill(1), new Uint8Array(32).fill(66)]
  endB.handler = { ...DEAF, ...script(endB) }
  const [budget] = options.budgets ?? []
  endA.handler = a.attach(endA, { remotePublicKey: keyB, ...(budget && { budget }) })
  const joint: Joint = {
    get closed() {
      return endA.closed
    },
    sent,
    cut(error) {
      endA.end(error)
      endB.end(error)
    },
  }
  return { joint, sender: endB }
}

const DEAF: Handler = {
  onStatus() {},
  onHave() {},
  onUnhave() {},
  onBitfield() {},
  onWant() {},
  onUnwant() {},
  onRequest() {},
  onCancel() {},
  onData() {},
  onRefusal() {},
  onExtension() {},
  onFrameEnd() {},
  onWritable() {},
  onClose() {},
}

export function copyProof(proof: Proof): Proof {
  const kept = new Proof()
  kept.fork = proof.fork
  kept.claim = proof.claim
  kept.index = proof.index
  kept.value = proof.value && copy(proof.value)
  kept.nodes.pushAll(proof.nodes)
  kept.seekBytes = proof.seekBytes
  kept.seekNodes.pushAll(proof.seekNodes)
  kept.upgradeStart = proof.upgradeStart
  kept.upgradeLength = proof.upgradeLength
  kept.upgradeNodes.pushAll(proof.upgradeNodes)
  kept.additionalNodes.pushAll(proof.additionalNodes)
  kept.signature = proof.signature && copy(proof.signature)
  kept.manifest = proof.manifest && copy(proof.manifest)
  return kept
}

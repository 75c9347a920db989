/**
 * What a remote says in a conversation that is a row (`idle.ts`), and which of it makes the conversation more than that.
 *
 * Owns: the choice for each kind of message. It stands for one row, or for all rows of a connection one after another.
 */

import type { BlockRun } from '../tree/block-run.ts'
import type { Proof } from '../tree/proof.ts'
import type { Handler, Refusal, Request, Status } from '../wire/messages.ts'
import type { PeerHandler } from './handler.ts'
import type { IdleRows } from './idle.ts'
import type { Passage } from './passage.ts'

/** A row as the wire sees it. */
export class IdlePeer implements Handler {
  row: number
  readonly #rows: IdleRows

  constructor(rows: IdleRows, row: number) {
    this.#rows = rows
    this.row = row
  }

  get #next(): PeerHandler | undefined {
    return this.#rows.nextOf(this.row)
  }

  get #awake(): PeerHandler {
    return this.#next ?? this.#rows.awake(this.row)
  }

  /** From now on this may pass. */
  regulate(passage: Passage): void {
    this.#rows.regulate(this.row, passage)
  }

  onStatus(status: Readonly<Status>): void {
    const next = this.#next
    if (next !== undefined) next.onStatus(status)
    else if (!this.#rows.onStatus(this.row, status)) this.#awake.onStatus(status)
  }

  onHave(start: number, length: number): void {
    const isMore = this.#next !== undefined || start > this.#rows.contiguous(this.row)
    if (isMore) this.#awake.onHave(start, length)
    else this.#rows.onContiguous(this.row, Math.min(start + length, Number.MAX_SAFE_INTEGER))
  }

  onFrameEnd(): void {
    const next = this.#next
    if (next !== undefined) next.onFrameEnd()
    else if (!this.#rows.onFrameEnd(this.row)) this.#awake.onFrameEnd()
  }

  onUnhave(start: number, length: number): void {
    const isLess = this.#next !== undefined || start < this.#rows.contiguous(this.row)
    if (isLess) this.#awake.onUnhave(start, length)
  }

  onBitfield(start: number, words: Uint32Array): void {
    this.#awake.onBitfield(start, words)
  }

  onWant(start: number, length: number, any: boolean): void {
    this.#awake.onWant(start, length, any)
  }

  onUnwant(start: number, length: number): void {
    this.#next?.onUnwant(start, length)
  }

  onRequest(request: Readonly<Request>): void {
    this.#awake.onRequest(request)
  }

  onCancel(id: number): void {
    this.#next?.onCancel(id)
  }

  onData(id: number, proof: Proof): void {
    this.#awake.onData(id, proof)
  }

  onBlocks(run: BlockRun): void {
    this.#awake.onBlocks(run)
  }

  onRefusal(id: number, _reason: Refusal): void {
    this.#next?.onRefusal(id)
  }

  onExtension(name: string, message: Uint8Array): void {
    const next = this.#next
    if (next !== undefined) next.onExtension(name, message)
    else if (this.#rows.isHeard(this.row, name)) this.#awake.onExtension(name, message)
  }

  onWritable(): void {
    this.#next?.onWritable()
  }

  onClose(error: Error | undefined): void {
    const isRemoteIdle = this.#rows.end(this.row, error)
    if (isRemoteIdle === undefined) return
    this.#rows.carrier.options(this.row).onEnd?.(isRemoteIdle, error)
  }
}

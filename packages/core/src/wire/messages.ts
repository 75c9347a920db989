/**
 * What two replicas of a log tell each other, in words that belong to no generation.
 *
 * Owns: `Sender` (what we may tell a remote), `Handler` (what a remote may tell us), and the messages.
 * Each generation's wire implements `Sender` and calls `Handler`; the replicator is the other way round and
 * never sees a wire byte. What a generation has no message for, its `Sender` leaves out silently where
 * the meaning survives (a priority), and answers for in its `abilities` where it does not.
 *
 * Generations 1 and 2 have one message for an answer: nodes and perhaps a signature, whose head follows from the
 * nodes. There `Proof.nodes` holds all of them in their order, `upgradeLength` is 0, a hash claim is about a
 * leaf and begins with it. Their wires ask for an upgrade alone by asking for the last block's hash.
 *
 * Objects handed to a `Handler` are reused: whoever keeps one copies it. Bytes in them (`value`,
 * `signature`, `manifest`, an extension's message) are views that are valid until `onFrameEnd` has returned.
 * On a conversation that has ended every method of a `Sender` does nothing.
 */

import type { BlockRun } from '../tree/block-run.ts'
import type { Proof } from '../tree/proof.ts'

/** State of one side, as it tells it. Generation 3: Sync. */
export interface Status {
  fork: number
  length: number
  /** The other side's length as last heard on the same fork, else 0: an acknowledgement. */
  remoteLength: number
  /** "I hold what proves an upgrade from your length to mine." */
  canUpgrade: boolean
  uploading: boolean
  downloading: boolean
  hasManifest: boolean
}

/** What is wanted. At most one of block and hash; any part may be absent. */
export interface Request {
  /** Chosen by the requester, at least 1. */
  id: number
  fork: number
  /** Block number, or -1. */
  block: number
  /** In-order node index, or -1. */
  hash: number
  /** Parent steps from the block or hash to a node that the requester trusts. */
  nodes: number
  /**
   * What the requester holds around the block or hash, as generations 1 and 2 say it (`tree/digest.ts`); of an
   * upgrade alone: around its last block. -1 where the generation has none.
   */
  digest: number
  /** Byte position, or -1; `seekPadding` bytes per block are not counted. */
  seekBytes: number
  seekPadding: number
  /** Blocks `upgradeStart .. upgradeStart + upgradeLength`; length 0 for none. */
  upgradeStart: number
  upgradeLength: number
  manifest: boolean
  /** 0 for bulk, higher is more urgent. */
  priority: number
}

/** Why a request is not answered. */
export type Refusal = 'none' | 'unavailable' | 'invalid'

/** What a generation's wire can say beyond the common ground. */
export interface Abilities {
  readonly seek: boolean
  /** Any node can be asked for; otherwise only leaves (even numbers). */
  readonly hash: boolean
  readonly cancel: boolean
  /**
   * Without: `refuse` tells that the block is not held, and a peer that waits for an answer nevertheless hangs up.
   * Answer a block request with a hash claim (`data`) where the nodes are here: it is understood as a refusal.
   */
  readonly refuse: boolean
  /**
   * A remote that wanted something and stops downloading has all it came for, and waits until we end the conversation.
   * Without: it ends it itself, or stays for what it has to give.
   */
  readonly waitsForEnd: boolean
}

/** What we can tell a remote about one log. */
export interface Sender {
  readonly abilities: Abilities
  /** False while the connection owes more bytes than its budget; then wait for `onWritable`. */
  readonly writable: boolean
  /** Does the remote ask for a receipt (`have` with `ack`) of each block that it sends us? May change. */
  readonly wantsAcks: boolean
  status(status: Readonly<Status>): void
  /**
   * @param ack a receipt to the peer that sent these blocks, given when they are durable here. Said as a plain have
   * where the wire has no receipts.
   */
  have(start: number, length: number, ack?: boolean): void
  unhave(start: number, length: number): void
  /** Availability of `start .. start + 32 * words.length`, least significant bit first. */
  bitfield(start: number, words: Uint32Array): void
  want(start: number, length: number): void
  unwant(start: number, length: number): void
  request(request: Readonly<Request>): void
  cancel(id: number): void
  /**
   * Answers request `id`. `value` is written straight into the outgoing frame by `fill(into, at)`, which
   * must write exactly `valueBytes`; both are ignored unless the proof claims a block.
   */
  data(
    id: number,
    proof: Proof,
    valueBytes: number,
    fill: (into: Uint8Array, at: number) => void,
  ): void
  refuse(id: number, reason: Refusal): void
  /**
   * What was said so far goes out as a frame now, not at the end of the turn. A remote may answer a frame only when all its
   * answers are ready. Without effect where the wire has no frames of messages.
   */
  flush(): void
  /** False if it was not sent: the conversation is over, or names were fixed when it began and this is none of them. */
  extension(name: string, message: Uint8Array): boolean
  /**
   * Ends the conversation about this log; the connection stays. `error` is for `Handler.onClose`, which is
   * called before this returns; the remote is not told.
   */
  close(error?: Error): void
}

/** What is said in a conversation that rests, for which nobody keeps a sender. */
export type BriefSender = Pick<Sender, 'status' | 'have' | 'close'>

/**
 * What a remote can tell us about one log. An error thrown from here ends this conversation, never the
 * connection.
 */
export interface Handler {
  onStatus(status: Readonly<Status>): void
  /** `ack`: a receipt for what we sent in this conversation; believed only for that. */
  onHave(start: number, length: number, ack: boolean): void
  onUnhave(start: number, length: number): void
  onBitfield(start: number, words: Uint32Array): void
  onWant(start: number, length: number, any: boolean): void
  onUnwant(start: number, length: number): void
  onRequest(request: Readonly<Request>): void
  onCancel(id: number): void
  onData(id: number, proof: Proof): void
  /**
   * Answers that bring a block each and nothing else, many at a time. To a handler without it, and on wires that don't
   * gather them, each comes by `onData`.
   */
  onBlocks?(run: BlockRun): void
  onRefusal(id: number, reason: Refusal): void
  onExtension(name: string, message: Uint8Array): void
  /** Everything that came in one frame was handed over: the moment to commit, answer and ask. */
  onFrameEnd(): void
  onWritable(): void
  /** The channel is gone: closed by either side, or with the connection (`error` then says why). */
  onClose(error: Error | undefined): void
}

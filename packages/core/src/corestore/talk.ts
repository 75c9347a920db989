/**
 * One conversation about one log on a connection, for those that have an object.
 *
 * Owns: what the log's replicator knows of the connection; and, of an old log, the way from the wire to it. Conversations
 * about today's logs are rows (`log-talks.ts`), and have a `Talk` only when there is more to say than lengths.
 */

import type { ConnectionBudget } from '../replicator/budget.ts'
import type { IdlePeer } from '../replicator/idle-peer.ts'
import type { Passage } from '../replicator/passage.ts'
import type { AttachOptions, PeerHandler } from '../replicator/replicator.ts'
import type { LogChannel, LogOpening } from '../wire/gen3.ts'
import type { Handler, Sender } from '../wire/messages.ts'
import type { OpenLog } from './open-log.ts'
import type { Talks } from './talks.ts'

/** One conversation, as the log's replicator sees it. */
export class Talk implements AttachOptions {
  readonly log: OpenLog
  passage: Passage
  readonly #talks: Talks

  constructor(log: OpenLog, talks: Talks, passage: Passage) {
    this.log = log
    this.#talks = talks
    this.passage = passage
  }

  get remotePublicKey(): Uint8Array {
    return this.#talks.remotePublicKey
  }

  get budget(): ConnectionBudget {
    return this.#talks.budget
  }

  onEnd(isRemoteIdle: boolean, error: Error | undefined): void {
    this.#talks.count--
    this.#talks.onEnd(this.log, this.passage, isRemoteIdle, error)
  }
}

/** One that has an object on the wire too. */
export class OneTalk implements LogOpening {
  channel: LogChannel | undefined = undefined
  readonly #talk: Talk
  readonly #talks: Talks
  #handler: PeerHandler | IdlePeer | undefined = undefined

  constructor(log: OpenLog, talks: Talks, passage: Passage) {
    this.#talk = new Talk(log, talks, passage)
    this.#talks = talks
    log.opening(1)
  }

  get key(): Uint8Array {
    return this.#talk.log.key
  }

  get discoveryKey(): Uint8Array {
    return this.#talk.log.discoveryKey
  }

  onOpen(sender: Sender): Handler {
    const { log } = this.#talk
    this.#talks.count++
    log.opening(-1)
    const handler = log.attach(sender, this.#talk)
    this.#handler = handler
    return handler
  }

  /** From now on this may pass. */
  regulate(passage: Passage): void {
    this.#talk.passage = passage
    this.#handler?.regulate(passage)
  }

  onRefused(error: Error | undefined): void {
    const { log, passage } = this.#talk
    log.opening(-1)
    this.#talks.onEnd(log, passage, false, error)
  }
}

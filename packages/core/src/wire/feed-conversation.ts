/**
 * One conversation about one log of generation 1 or 2: what the remote says, in neutral words.
 *
 * Owns: the translation inwards (generation 2, section 8; generation 1, section 5); the other direction is
 * `feed-sender.ts`. This wire has no ids, no lengths and no refusals: ids are kept by the sender, and the remote's
 * length is one past what it said to have. Any carrier will do that has channels (`channel.ts`).
 *
 * Always true: nothing is sent or handed over before both sides have opened; whatever is wrong with a message, or with
 * what somebody makes of it, ends this conversation and not the connection.
 */

import { asError, DatError } from '../base/errors.ts'
import { EXTENSION_BYTES_MAX, FEED_WANT_BLOCKS, WANT_BLOCKS_MAX } from '../base/limits.ts'
import type { Reader } from '../bytes/cursor.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../tree/proof.ts'
import { NOTHING_ASKED } from '../tree/prove.ts'
import type { Channel, ChannelHandler } from './channel.ts'
import type { FeedLink } from './feed-dialect.ts'
import {
  FEED_CANCEL,
  FEED_DATA,
  FEED_EXTENSION,
  FEED_HAVE,
  FEED_OPTIONS,
  FEED_REQUEST,
  FEED_STATUS,
  FEED_UNHAVE,
  FEED_UNWANT,
  FEED_WANT,
  FeedData,
  FeedRange,
  FeedRequest,
  readFeedStatus,
  readOptions,
} from './feed-messages.ts'
import { FeedSender } from './feed-sender.ts'
import type { FeedChannel, FeedOpening } from './feeds.ts'
import type { Handler, Request, Status } from './messages.ts'
import { eachRun, lastBitOf } from './rle.ts'

// Messages are decoded one at a time, into objects that all conversations share.
const range = new FeedRange()
const request = new FeedRequest()
const data = new FeedData()
const proof = new Proof()
const asked: Request = { id: 0, ...NOTHING_ASKED, priority: 0 }
const heard: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: true,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

export class FeedConversation implements ChannelHandler, FeedChannel {
  readonly #link: FeedLink
  readonly #opening: FeedOpening
  /** Does the remote's opening prove that it knows the key? */
  readonly #check: (handshake: Reader) => boolean
  readonly #sender: FeedSender
  #handler: Handler | undefined = undefined
  #isOpening = false
  #error: Error | undefined = undefined

  // What the remote said.
  #isHeard = false
  #length = 0
  #uploading = true
  #downloading = true
  /** Its Wants are answered in the next turn. */
  #isAnswerDue = false
  #isTellDue = false

  constructor(link: FeedLink, opening: FeedOpening, check: (handshake: Reader) => boolean) {
    this.#link = link
    this.#opening = opening
    this.#check = check
    this.#sender = new FeedSender(link, opening, () => this.#laterTell())
  }

  get opened(): boolean {
    return this.#handler !== undefined && !this.closed
  }

  get closed(): boolean {
    return this.#sender.closed
  }

  /** Our side was opened on this channel. */
  begun(channel: Channel): void {
    this.#sender.channel = channel
  }

  close(error?: Error): void {
    this.#sender.close(error)
  }

  // ---- From the carrier

  onOpen(channel: Channel, handshake: Reader): void {
    this.#sender.channel = channel
    if (!this.#check(handshake)) {
      channel.close(new DatError('BAD_HANDSHAKE', 'The remote does not know the key of this log.'))
      return
    }
    this.#isOpening = true
    try {
      this.#sender.opened()
      this.#handler = this.#opening.onOpen(this.#sender)
    } finally {
      this.#isOpening = false
    }
    if (this.closed) this.#handler.onClose(this.#error)
  }

  /** The remote has said more about the whole connection. */
  onLink(): void {
    this.#sender.hear(this.#link.theirs)
  }

  onMessage(type: number, body: Reader): void {
    const handler = this.#handler
    if (handler === undefined || this.closed) return
    try {
      this.#receive(type, body, handler)
    } catch (error) {
      this.close(asError(error))
    }
  }

  onFrameEnd(): void {
    this.#guard(() => this.#handler?.onFrameEnd())
  }

  onWritable(): void {
    this.#guard(() => {
      if (!this.#isAnswerDue) this.#sender.answerWants()
      this.#handler?.onWritable()
    })
  }

  onClose(error: Error | undefined): void {
    this.#sender.closed = true
    this.#error = error
    if (this.#handler !== undefined) this.#handler.onClose(error)
    else if (!this.#isOpening) this.#opening.onRefused(error)
  }

  #guard(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.close(asError(error))
    }
  }

  // ---- Messages

  #receive(type: number, body: Reader, to: Handler): void {
    if (type === FEED_HAVE) this.#onHave(body, to)
    else if (type === FEED_DATA) this.#onData(body, to)
    else if (type === FEED_REQUEST) this.#onRequest(body, to)
    else if (type === FEED_EXTENSION) this.#onExtension(body, to)
    else if (type === FEED_CANCEL) {
      request.read(body)
      const id = this.#sender.served.cancel(request.index)
      if (id !== 0) to.onCancel(id)
    } else if (type === FEED_WANT) this.#onWant(body, to)
    else if (type === FEED_UNWANT) {
      range.read(body, 0)
      to.onUnwant(range.start, range.length)
    } else if (type === FEED_UNHAVE) this.#onUnhave(body, to)
    else if (type === FEED_STATUS) {
      const [uploading, downloading] = readFeedStatus(body)
      this.#uploading = uploading
      this.#downloading = downloading
      // What it has is still to come, if we have asked for it.
      if (this.#isHeard || !uploading || !this.#sender.hasWanted) this.#tell(to)
    } else if (type === FEED_OPTIONS && this.#link.dialect.hasOptions) {
      this.#sender.hear(readOptions(body))
    }
  }

  #onHave(body: Reader, to: Handler): void {
    range.read(body, 1)
    const { start, bitfield } = range
    const length = bitfield === undefined ? range.length : lastBitOf(bitfield)
    if (start + length > Number.MAX_SAFE_INTEGER) {
      throw new DatError('OVER_LIMIT', 'A bitfield speaks of blocks beyond 2^53.')
    }
    const answersWant = bitfield !== undefined && isWhole(range.length)
    if (answersWant) this.#sender.wantAnswered(start)
    const isLonger = length > 0 && start + length > this.#length
    if (isLonger) this.#length = start + length
    // What it has is known with the answer to our Want, or as soon as it says that there is something.
    if (isLonger || (answersWant && !this.#isHeard)) this.#tell(to)
    if (bitfield === undefined) {
      to.onHave(start, length, range.ack && this.#sender.isReceipt(start, length))
      return
    }
    // Others than aligned ones are sent by nobody.
    if (start % 32 !== 0) return
    eachRun(bitfield, {
      ones: (at, count) => to.onHave(start + at, count, false),
      words: (at, words) => to.onBitfield(start + at, words),
    })
  }

  #onUnhave(body: Reader, to: Handler): void {
    range.read(body, 1)
    const { start, length } = range
    to.onUnhave(start, length)
    for (const { id } of this.#sender.asked.gone(start, start + length)) {
      if (id !== 0) to.onRefusal(id, 'unavailable')
    }
    this.#sender.sendWaiting()
    if (start > 0 || length < this.#length || this.#length === 0) return
    this.#length = 0
    this.#tell(to)
  }

  #onWant(body: Reader, to: Handler): void {
    range.read(body, 0)
    const { start, hasLength, length } = range
    if (length > WANT_BLOCKS_MAX || start % 8 !== 0) return
    to.onWant(start, hasLength ? length : WANT_BLOCKS_MAX, false)
    if (!this.#sender.told.want(start, hasLength ? length : 0) || this.#isAnswerDue) return
    // What is held beyond the beginning is told in a turn of its own, and belongs into the answer.
    this.#isAnswerDue = true
    this.#link.clock.soon(() => {
      this.#isAnswerDue = false
      this.#guard(() => this.#sender.answerWants())
    })
  }

  #onRequest(body: Reader, to: Handler): void {
    request.read(body)
    const { index, bytes, hash } = request
    const { served } = this.#sender
    const replaced = bytes > 0 ? 0 : served.cancel(index)
    if (replaced !== 0) to.onCancel(replaced)
    asked.id = served.add(index, bytes > 0)
    asked.block = hash ? -1 : index
    asked.hash = hash ? 2 * index : -1
    asked.digest = bytes > 0 ? 0 : request.nodes
    asked.seekBytes = bytes > 0 ? bytes : -1
    to.onRequest(asked)
  }

  #onData(body: Reader, to: Handler): void {
    proof.reset()
    data.read(body, proof.nodes)
    const { index, value } = data
    const answered = this.#sender.asked.answered(index, value !== undefined)
    if (answered !== undefined && answered.id !== 0) {
      proof.claim = value === undefined ? CLAIM_HASH : CLAIM_BLOCK
      proof.index = value === undefined ? 2 * index : index
      proof.value = value
      proof.signature = data.signature
      proof.seekBytes = answered.bytes > 0 ? answered.bytes : -1
      to.onData(answered.id, proof)
    }
    this.#sender.sendWaiting()
  }

  #onExtension(body: Reader, to: Handler): void {
    const name = this.#sender.names.nameOf(body.varint())
    if (name === undefined) return
    if (body.left > EXTENSION_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', 'An extension message is too long.', { bytes: body.left })
    }
    to.onExtension(name, body.rest())
  }

  #tell(to: Handler): void {
    this.#isHeard = true
    this.#sender.remoteLength = this.#length
    heard.length = this.#length
    // There are no acknowledgements: it will hear what we said.
    heard.remoteLength = this.#sender.length
    heard.uploading = this.#uploading
    heard.downloading = this.#downloading
    to.onStatus(heard)
  }

  /** Hands over, in a turn of its own, what follows from what we said ourselves. */
  #laterTell(): void {
    if (this.#isTellDue) return
    this.#isTellDue = true
    this.#link.clock.soon(() => {
      this.#isTellDue = false
      const handler = this.#handler
      if (handler === undefined || this.closed) return
      this.#guard(() => {
        for (const id of this.#sender.takeImpossible()) handler.onRefusal(id, 'unavailable')
        if (this.#isHeard) this.#tell(handler)
        handler.onFrameEnd()
      })
    })
  }
}

/** Is a bitfield about all that a Want asks for? It repeats the length; 0 and 1 stand for everything. */
function isWhole(length: number): boolean {
  return length >= FEED_WANT_BLOCKS || length <= 1
}

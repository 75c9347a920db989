/**
 * The messages of `hypercore/alpha` as a table: how each is decoded, and what of a handler it calls.
 *
 * Owns: the order of the two. Decoding comes first and whole, into objects that a connection has once, so what
 * goes wrong afterwards is known not to be the frame's fault.
 */

import { EMPTY } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { Proof } from '../tree/proof.ts'
import { NOTHING_ASKED } from '../tree/prove.ts'
import { readData } from './gen3-data.ts'
import {
  BITFIELD,
  BitfieldWords,
  type BlockRange,
  CANCEL,
  DATA,
  EXTENSION,
  NO_DATA,
  RANGE,
  REQUEST,
  readExtensionName,
  readRange,
  readReason,
  readRequest,
  readStatus,
  readWant,
  SYNC,
  UNWANT,
  WANT,
} from './gen3-messages.ts'
import type { Handler, Refusal, Request, Status } from './messages.ts'

/** What messages are decoded into: one set per connection, filled anew for each message. */
export class Decoded {
  /** Of the request that is cancelled, answered or refused. */
  id = 0
  reason: Refusal = 'none'
  readonly status: Status = {
    fork: 0,
    length: 0,
    remoteLength: 0,
    canUpgrade: false,
    uploading: false,
    downloading: false,
    hasManifest: false,
  }
  readonly request: Request = { id: 0, ...NOTHING_ASKED, priority: 0 }
  readonly proof: Proof = new Proof()
  readonly range: BlockRange = { start: 0, length: 0, flag: false }
  readonly bitfield: BitfieldWords = new BitfieldWords()
  /** Of an extension; empty for the one before on this channel. */
  name = ''
  message: Uint8Array = EMPTY
}

/** One row of the table. `decode` reads the whole message before `deliver` calls anybody. */
export interface IncomingMessage {
  /** Throws `BAD_FRAME` or `OVER_LIMIT`. */
  decode(from: Reader, into: Decoded): void
  deliver(decoded: Decoded, to: Handler): void
}

const table: IncomingMessage[] = []

table[SYNC] = {
  decode: (from, { status }) => readStatus(from, status),
  deliver: ({ status }, to) => to.onStatus(status),
}

table[REQUEST] = {
  decode: (from, { request }) => readRequest(from, request),
  deliver: ({ request }, to) => to.onRequest(request),
}

table[CANCEL] = {
  decode(from, into) {
    into.id = from.uint()
  },
  deliver: ({ id }, to) => to.onCancel(id),
}

table[DATA] = {
  decode(from, into) {
    into.proof.reset()
    into.id = readData(from, into.proof)
  },
  deliver: ({ id, proof }, to) => to.onData(id, proof),
}

table[NO_DATA] = {
  decode(from, into) {
    into.id = from.uint()
    into.reason = readReason(from)
  },
  deliver: ({ id, reason }, to) => to.onRefusal(id, reason),
}

table[WANT] = {
  decode: (from, { range }) => readWant(from, range),
  deliver: ({ range }, to) => to.onWant(range.start, range.length, range.flag),
}

table[UNWANT] = {
  decode: (from, { range }) => readWant(from, range),
  deliver: ({ range }, to) => to.onUnwant(range.start, range.length),
}

table[BITFIELD] = {
  decode: (from, { bitfield }) => bitfield.read(from),
  deliver({ bitfield: { start, words } }, to) {
    // Others are ignored by everybody, so nobody can mean anything by them.
    if (start % 32 === 0) to.onBitfield(start, words)
  },
}

table[RANGE] = {
  decode: (from, { range }) => readRange(from, range),
  deliver({ range: { start, length, flag } }, to) {
    if (flag) to.onUnhave(start, length)
    else to.onHave(start, length, false)
  },
}

table[EXTENSION] = {
  decode(from, into) {
    into.name = readExtensionName(from)
    into.message = from.rest()
  },
  deliver: ({ name, message }, to) => to.onExtension(name, message),
}

/** By type number. What is not in it is a message of the future: to be ignored. */
export const INCOMING: readonly (IncomingMessage | undefined)[] = table

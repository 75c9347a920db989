/**
 * The bodies of feed messages: what generations 1 and 2 say about a log, as protobuf.
 *
 * Owns: their fields (generation 2, section 6; generation 1, section 4). Bodies of types 3 to 9 and 15 are the same in
 * both; 0 and 1 differ and have two decoders' worth of fields, which do not overlap. Writers write every field that stock
 * encoders write, zeros included. Readers take absent fields as 0, false or empty, except the length of Have and
 * Unhave, which is then 1; they step over fields that nobody knows.
 *
 * Always true: decoding costs time and memory in proportion to the bytes that are there; objects are filled anew for
 * each message; bytes in them are views into it. Errors are `BAD_FRAME` and `OVER_LIMIT`.
 */

import { DatError } from '../base/errors.ts'
import {
  BLOCK_BYTES_MAX,
  EXTENSION_NAME_BYTES_MAX,
  EXTENSION_NAMES_MAX,
  NODES_PER_LIST_MAX,
} from '../base/limits.ts'
import { fromUtf8, utf8 } from '../bytes/bytes.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import { varintBytes } from '../bytes/integers.ts'
import { Fields, writeBytesField, writeStringField, writeVarintField } from '../bytes/protobuf.ts'
import { HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'
import type { NodeSet } from '../tree/nodes.ts'

/** Types of messages. 0 is Feed in generation 1 and Open in 2, 1 is Handshake and Options, 2 Info and Status. */
export const FEED_OPEN = 0
export const FEED_OPTIONS = 1
export const FEED_STATUS = 2
export const FEED_HAVE = 3
export const FEED_UNHAVE = 4
export const FEED_WANT = 5
export const FEED_UNWANT = 6
export const FEED_REQUEST = 7
export const FEED_CANCEL = 8
export const FEED_DATA = 9
/** Generation 2 only. */
export const FEED_CLOSE = 10
export const FEED_EXTENSION = 15

const fields = new Fields(new Uint8Array(0))
const inner = new Fields(new Uint8Array(0))

function start(from: Reader): Fields {
  fields.reset(from.bytes, from.at, from.end)
  return fields
}

// ---- Open, Feed, Close ---------------------------------------------------------------------------

/** Generation 2 proves with `capability` that it knows the key; generation 1 has a nonce in the very first one. */
export interface OpenMessage {
  readonly discoveryKey: Uint8Array
  readonly proof: Uint8Array | undefined
}

/** @param proof capability or nonce: field 2 in both */
export function writeOpen(into: Writer, discoveryKey: Uint8Array, proof?: Uint8Array): void {
  writeBytesField(into, 1, discoveryKey)
  if (proof !== undefined) writeBytesField(into, 2, proof)
}

/** @throws DatError BAD_FRAME without a discovery key */
export function readOpen(from: Reader): OpenMessage {
  const each = start(from)
  let discoveryKey: Uint8Array | undefined
  let proof: Uint8Array | undefined
  while (each.next()) {
    if (each.number === 1) discoveryKey = each.bytes()
    else if (each.number === 2) proof = each.bytes()
  }
  if (discoveryKey?.length !== KEY_BYTES) {
    throw new DatError('BAD_FRAME', 'A log is opened without its discovery key.')
  }
  return { discoveryKey, proof }
}

/** The discovery key that is refused; undefined closes the channel itself. */
export function readClose(from: Reader): Uint8Array | undefined {
  const each = start(from)
  while (each.next()) if (each.number === 1) return each.bytes()
  return undefined
}

// ---- Options, Handshake --------------------------------------------------------------------------

/** What a side wants and knows beyond the messages: Options of generation 2, part of the Handshake of 1. */
export interface FeedOptions {
  /** Sorted; an extension's number is its place. */
  readonly extensions: readonly string[]
  readonly ack: boolean
}

/** Generation 2. */
export function writeOptions(into: Writer, options: FeedOptions): void {
  for (const name of options.extensions) writeStringField(into, 1, name)
  writeVarintField(into, 2, options.ack ? 1 : 0)
}

/** Generation 2. @throws DatError OVER_LIMIT for too many names or too long ones */
export function readOptions(from: Reader): FeedOptions {
  const each = start(from)
  const extensions: string[] = []
  let ack = false
  while (each.next()) {
    if (each.number === 1) extensions.push(nameOf(each.bytes(), extensions.length))
    else if (each.number === 2) ack = each.bool()
  }
  return { extensions, ack }
}

/** Generation 1. `id` is made up anew by each process. */
export interface FeedHandshake extends FeedOptions {
  readonly id: Uint8Array | undefined
  readonly live: boolean
}

/** Generation 1, once, right after the first log. */
export function writeHandshakeFields(into: Writer, handshake: FeedHandshake): void {
  if (handshake.id !== undefined) writeBytesField(into, 1, handshake.id)
  writeVarintField(into, 2, handshake.live ? 1 : 0)
  for (const name of handshake.extensions) writeStringField(into, 4, name)
  writeVarintField(into, 5, handshake.ack ? 1 : 0)
}

/** @throws DatError OVER_LIMIT for too many names or too long ones */
export function readHandshakeFields(from: Reader): FeedHandshake {
  const each = start(from)
  const extensions: string[] = []
  let id: Uint8Array | undefined
  let live = false
  let ack = false
  while (each.next()) {
    if (each.number === 1) id = each.bytes()
    else if (each.number === 2) live = each.bool()
    else if (each.number === 4) extensions.push(nameOf(each.bytes(), extensions.length))
    else if (each.number === 5) ack = each.bool()
  }
  return { id, live, extensions, ack }
}

function nameOf(bytes: Uint8Array, count: number): string {
  if (count < EXTENSION_NAMES_MAX && bytes.length <= EXTENSION_NAME_BYTES_MAX) {
    return fromUtf8(bytes)
  }
  throw new DatError('OVER_LIMIT', 'A list of extensions is too long.', { count })
}

// ---- Status, Info --------------------------------------------------------------------------------

/** Both fields always: one that is absent counts as false. */
export function writeFeedStatus(into: Writer, uploading: boolean, downloading: boolean): void {
  writeVarintField(into, 1, uploading ? 1 : 0)
  writeVarintField(into, 2, downloading ? 1 : 0)
}

/** Uploading and downloading. */
export function readFeedStatus(from: Reader): [boolean, boolean] {
  const each = start(from)
  let uploading = false
  let downloading = false
  while (each.next()) {
    if (each.number === 1) uploading = each.bool()
    else if (each.number === 2) downloading = each.bool()
  }
  return [uploading, downloading]
}

// ---- Have, Unhave, Want, Unwant ------------------------------------------------------------------

/** Blocks that somebody has, has no more, wants to hear of or not. */
export class FeedRange {
  start = 0
  length = 0
  /** Was there a length? A Want without means everything. */
  hasLength = false
  /** Run-length coded (`rle.ts`), of a Have. */
  bitfield: Uint8Array | undefined = undefined
  ack = false

  /** @param lengthDefault what an absent length stands for */
  read(from: Reader, lengthDefault: number): void {
    const each = start(from)
    this.start = 0
    this.length = lengthDefault
    this.hasLength = false
    this.bitfield = undefined
    this.ack = false
    while (each.next()) {
      if (each.number === 1) this.start = each.varint()
      else if (each.number === 2) {
        this.length = each.varint()
        this.hasLength = true
      } else if (each.number === 3) this.bitfield = each.bytes()
      else if (each.number === 4) this.ack = each.bool()
    }
    if (this.start + this.length > Number.MAX_SAFE_INTEGER) {
      throw new DatError('OVER_LIMIT', 'A range ends beyond 2^53 - 1.')
    }
  }
}

/** `length` is left out where undefined. A bitfield and `ack` follow with `writeBytesField` and so on. */
export function writeFeedRange(
  into: Writer,
  first: number,
  length?: number,
  bitfield?: Uint8Array,
  ack?: boolean,
): void {
  writeVarintField(into, 1, first)
  if (length !== undefined) writeVarintField(into, 2, length)
  if (bitfield !== undefined) writeBytesField(into, 3, bitfield)
  if (ack === true) writeVarintField(into, 4, 1)
}

// ---- Request, Cancel -----------------------------------------------------------------------------

/** One block or its hash, or the block in which a byte lies. Cancel has the same fields but `nodes`. */
export class FeedRequest {
  index = 0
  /** Byte position; 0 for none. Then `index` is a hint. */
  bytes = 0
  hash = false
  /** The digest of what the asker holds (`tree/digest.ts`). */
  nodes = 0

  read(from: Reader): void {
    const each = start(from)
    this.index = 0
    this.bytes = 0
    this.hash = false
    this.nodes = 0
    while (each.next()) {
      if (each.number === 1) this.index = each.varint()
      else if (each.number === 2) this.bytes = each.varint()
      else if (each.number === 3) this.hash = each.bool()
      else if (each.number === 4) this.nodes = each.varint()
    }
    // A node of that leaf must be a number too.
    if (this.index > Number.MAX_SAFE_INTEGER / 4) {
      throw new DatError('OVER_LIMIT', 'A block is asked for that no log can have.')
    }
  }
}

/** All four fields always, as stock peers write them. */
export function writeFeedRequest(
  into: Writer,
  index: number,
  bytes: number,
  hash: boolean,
  nodes: number,
): void {
  writeVarintField(into, 1, index)
  writeVarintField(into, 2, bytes)
  writeVarintField(into, 3, hash ? 1 : 0)
  writeVarintField(into, 4, nodes)
}

// ---- Data ----------------------------------------------------------------------------------------

/** A block or none, the nodes that prove it or its hash, and the signature if they reach the roots. */
export class FeedData {
  index = 0
  /** Absent in an answer to a request for a hash; present and empty is an empty block. */
  value: Uint8Array | undefined = undefined
  signature: Uint8Array | undefined = undefined

  /** @param nodes is cleared and filled, in the order of the wire */
  read(from: Reader, nodes: NodeSet): void {
    const each = start(from)
    nodes.clear()
    this.index = 0
    this.value = undefined
    this.signature = undefined
    while (each.next()) {
      if (each.number === 1) this.index = each.varint()
      else if (each.number === 2) this.value = each.bytes()
      else if (each.number === 3) readNode(each.message(inner), from.bytes, nodes)
      else if (each.number === 4) this.signature = each.bytes()
    }
    if (this.value !== undefined && this.value.length > BLOCK_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', 'A block is too large.', { bytes: this.value.length })
    }
  }
}

/** There may be many: no view is made of any. */
function readNode(each: Fields, bytes: Uint8Array, into: NodeSet): void {
  let index = -1
  let size = -1
  let hashAt = -1
  let hashBytes = 0
  while (each.next()) {
    if (each.number === 1) index = each.varint()
    else if (each.number === 2) {
      hashAt = each.span()
      hashBytes = each.length
    } else if (each.number === 3) size = each.varint()
  }
  if (index < 0 || size < 0 || hashAt < 0 || hashBytes !== HASH_BYTES) {
    throw new DatError('BAD_FRAME', 'A node has no index, no size or no hash of 32 bytes.')
  }
  if (into.length === NODES_PER_LIST_MAX) {
    throw new DatError('OVER_LIMIT', 'A proof has too many nodes.', { max: NODES_PER_LIST_MAX })
  }
  into.push(index, size, bytes, hashAt)
}

/** About how many bytes `writeFeedData` will write. */
export function feedDataBytes(nodes: NodeSet, valueBytes: number): number {
  return 24 + valueBytes + nodes.length * (HASH_BYTES + 20) + 66
}

/** `fill(into, at)` writes the value of `valueBytes` bytes in place; without it there is none. */
export function writeFeedData(
  into: Writer,
  index: number,
  valueBytes: number,
  fill: ((into: Uint8Array, at: number) => void) | undefined,
  nodes: NodeSet,
  signature: Uint8Array | undefined,
): void {
  writeVarintField(into, 1, index)
  if (fill !== undefined) {
    into.u8(0x12)
    into.varint(valueBytes)
    const at = into.skip(valueBytes)
    fill(into.bytes, at)
  }
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes.indices[i] ?? 0
    const size = nodes.sizes[i] ?? 0
    into.u8(0x1a)
    into.varint(4 + HASH_BYTES + varintBytes(node) + varintBytes(size))
    writeVarintField(into, 1, node)
    into.u8(0x12)
    into.u8(HASH_BYTES)
    into.fixedAt(nodes.hashes, i * HASH_BYTES, HASH_BYTES)
    writeVarintField(into, 3, size)
  }
  if (signature !== undefined) writeBytesField(into, 4, signature)
}

// ---- Extension -----------------------------------------------------------------------------------

/** @param number place of the name in the sender's list; the payload is what follows */
export function writeFeedExtension(into: Writer, number: number, message: Uint8Array): void {
  into.varint(number)
  into.fixed(message)
}

/** Bytes of a name, to be checked before it is announced. */
export function isExtensionName(name: string): boolean {
  const { length } = utf8(name)
  return length > 0 && length <= EXTENSION_NAME_BYTES_MAX
}

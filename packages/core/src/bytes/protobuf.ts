/**
 * Fields of protobuf messages (proto2), read and written one behind another.
 *
 * Owns: tags, the wire types 0 (varint), 1 (8 bytes), 2 (bytes) and 5 (4 bytes), packed lists and nested
 * messages. A message's meaning stays with its owner: which field is required, what is too much. Fields that
 * nobody asks for are stepped over, as the field demands. Groups (types 3 and 4) are refused: nobody here
 * ever wrote one. Every error is `BAD_FRAME`.
 *
 *     const fields = new Fields(message)
 *     while (fields.next()) {
 *       if (fields.number === 1) key = fields.bytes()
 *       else if (fields.number === 2) size = fields.varint()
 *     }
 */

import { DatError } from '../base/errors.ts'
import { fromUtf8, utf8 } from './bytes.ts'
import { Reader, type Writer } from './cursor.ts'
import { varintBytes, writeVarint } from './integers.ts'

const VARINT = 0
const EIGHT_BYTES = 1
const BYTES = 2
const FOUR_BYTES = 5

/** Reads the fields of one message. Values of the wrong wire type are errors, as in any other decoder. */
export class Fields {
  /** Field number; valid after `next` has returned true. */
  number = 0
  /** Of the value that `span` has stepped over. */
  length = 0
  #wireType = -1
  readonly #reader: Reader

  constructor(message: Uint8Array, at = 0, end: number = message.length) {
    this.#reader = new Reader(message, at, end)
  }

  /** Starts over on another message. */
  reset(message: Uint8Array, at = 0, end: number = message.length): void {
    this.#reader.reset(message, at, end)
    this.#wireType = -1
  }

  /** Goes to the next field, over a value that was not read; false at the end. */
  next(): boolean {
    this.#skipUnread()
    if (this.#reader.left === 0) return false
    const tag = this.#reader.varint()
    this.number = Math.floor(tag / 8)
    this.#wireType = tag % 8
    if (this.number === 0) throw new DatError('BAD_FRAME', 'A message has a field with number 0.')
    return true
  }

  varint(): number {
    this.#take(VARINT)
    return this.#reader.varint()
  }

  bool(): boolean {
    return this.varint() !== 0
  }

  /** A view of the value. */
  bytes(): Uint8Array {
    this.#take(BYTES)
    return this.#reader.fixed(this.#reader.varint())
  }

  /** Where the value begins in the message's bytes; `length` is how long it is. Makes no view: for hot paths. */
  span(): number {
    this.#take(BYTES)
    this.length = this.#reader.varint()
    return this.#reader.skip(this.length)
  }

  string(): string {
    return fromUtf8(this.bytes())
  }

  /** The fields of a nested message. `into` is used again if given: then read it before the next one. */
  message(into?: Fields): Fields {
    this.#take(BYTES)
    const { bytes } = this.#reader
    const length = this.#reader.varint()
    const at = this.#reader.skip(length)
    if (into === undefined) return new Fields(bytes, at, at + length)
    into.reset(bytes, at, at + length)
    return into
  }

  /** Appends a packed list of varints to `into`, or a single varint of a list that is not packed. */
  packed(into: number[], countMax: number): void {
    const reader = this.#reader
    if (this.#wireType === VARINT) {
      if (into.length === countMax) throw tooMany(countMax)
      into.push(this.varint())
      return
    }
    this.#take(BYTES)
    const length = reader.varint()
    const at = reader.skip(length)
    const list = new Reader(reader.bytes, at, at + length)
    while (list.left > 0) {
      if (into.length === countMax) throw tooMany(countMax)
      into.push(list.varint())
    }
  }

  #take(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw new DatError('BAD_FRAME', 'A field has another wire type than its number says.', {
        field: this.number,
        wireType: this.#wireType,
      })
    }
    this.#wireType = -1
  }

  #skipUnread(): void {
    const wireType = this.#wireType
    if (wireType === -1) return
    this.#wireType = -1
    const reader = this.#reader
    if (wireType === VARINT) skipVarint(reader)
    else if (wireType === EIGHT_BYTES) reader.skip(8)
    else if (wireType === BYTES) reader.skip(reader.varint())
    else if (wireType === FOUR_BYTES) reader.skip(4)
    else
      throw new DatError('BAD_FRAME', 'A message has a wire type that nobody writes.', { wireType })
  }
}

/** A varint that is not for us may hold all 64 bits, which `Reader.varint` refuses. */
function skipVarint(reader: Reader): void {
  for (let i = 0; i < 10; i++) if (reader.u8() < 0x80) return
  throw new DatError('BAD_FRAME', 'A variable integer has more than ten bytes.')
}

function tooMany(countMax: number): DatError {
  return new DatError('BAD_FRAME', `A list has more than ${countMax} numbers.`, { max: countMax })
}

// ---- Writing -------------------------------------------------------------------------------------

/** A field of wire type 0. */
export function writeVarintField(writer: Writer, number: number, value: number): void {
  writer.varint(number * 8 + VARINT)
  writer.varint(value)
}

/** A field of wire type 2. */
export function writeBytesField(writer: Writer, number: number, value: Uint8Array): void {
  writer.varint(number * 8 + BYTES)
  writer.varint(value.length)
  writer.fixed(value)
}

/** A field of wire type 2 that holds UTF-8. */
export function writeStringField(writer: Writer, number: number, value: string): void {
  writeBytesField(writer, number, utf8(value))
}

/** A packed list; nothing at all if it is empty. */
export function writePackedField(writer: Writer, number: number, values: readonly number[]): void {
  if (values.length === 0) return
  let length = 0
  for (const value of values) length += varintBytes(value)
  writer.varint(number * 8 + BYTES)
  writer.varint(length)
  for (const value of values) writer.varint(value)
}

/** Begins a nested message; its fields follow. Hand the result to `endMessage`. */
export function beginMessage(writer: Writer, number: number): number {
  writer.varint(number * 8 + BYTES)
  // One byte is left for the length: most messages are shorter than 128 bytes and need no moving.
  return writer.skip(1) + 1
}

/** Ends the message that `beginMessage` began at `start`. */
export function endMessage(writer: Writer, start: number): void {
  const length = writer.at - start
  const more = varintBytes(length) - 1
  if (more > 0) {
    writer.skip(more)
    writer.bytes.copyWithin(start + more, start, start + length)
  }
  writeVarint(writer.bytes, start - 1, length)
}

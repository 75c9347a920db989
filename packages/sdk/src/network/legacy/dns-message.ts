/**
 * Bytes of multicast DNS, as far as finding old programs needs them (RFC 1035, sections 4.1 and 2.3.4).
 *
 * Owns: both directions for questions and for records of the types TXT, SRV and A; others are skipped. Always true: any
 * bytes are a message or `undefined`; work is in proportion to their length, since a name is followed only towards the
 * beginning and is `DNS_NAME_BYTES_MAX` long at most.
 */

import {
  DATAGRAM_BYTES_MAX,
  DNS_NAME_BYTES_MAX,
  DNS_RECORDS_MAX,
  DNS_STRINGS_MAX,
} from '@dat-rhino/core/base/limits'
import { EMPTY, utf8 } from '@dat-rhino/core/bytes/bytes'

/** What can be asked for. */
export type DnsType = 'A' | 'TXT' | 'SRV'

/** Names are in lower case, without the last dot. */
export interface DnsQuestion {
  readonly name: string
  readonly type: DnsType
}

/** One answer. */
export type DnsRecord =
  | { readonly name: string; readonly type: 'A'; readonly host: string }
  /** Strings of up to 255 bytes. */
  | { readonly name: string; readonly type: 'TXT'; readonly strings: readonly Uint8Array[] }
  | {
      readonly name: string
      readonly type: 'SRV'
      readonly target: string
      readonly port: number
    }

/** One datagram. */
export interface DnsMessage {
  readonly isResponse: boolean
  readonly questions: readonly DnsQuestion[]
  /** Answers and what was added to them. */
  readonly records: readonly DnsRecord[]
}

const TYPE_NUMBERS: Readonly<Record<DnsType, number>> = { A: 1, TXT: 16, SRV: 33 }
const TYPES: ReadonlyMap<number, DnsType> = new Map([
  [1, 'A'],
  [16, 'TXT'],
  [33, 'SRV'],
])
const CLASS_INTERNET = 1
/** Response, authoritative. */
const RESPONSE_FLAGS = 0x8400
const RESPONSE_BIT = 0x8000
const HEADER_BYTES = 12
const POINTER = 0xc0

// ---- Out -----------------------------------------------------------------------------------------

/** The names must be such as can be written: dots between labels of up to 63 ASCII characters. */
export function encodeDns(message: DnsMessage): Uint8Array {
  const { isResponse, questions, records } = message
  const bytes: number[] = []
  u16(bytes, 0)
  u16(bytes, isResponse ? RESPONSE_FLAGS : 0)
  u16(bytes, questions.length)
  u16(bytes, records.length)
  u16(bytes, 0)
  u16(bytes, 0)
  for (const { name, type } of questions) {
    writeName(bytes, name)
    u16(bytes, TYPE_NUMBERS[type])
    u16(bytes, CLASS_INTERNET)
  }
  for (const record of records) {
    writeName(bytes, record.name)
    u16(bytes, TYPE_NUMBERS[record.type])
    u16(bytes, CLASS_INTERNET)
    // Not to be kept by anybody.
    u16(bytes, 0)
    u16(bytes, 0)
    const data = recordData(record)
    u16(bytes, data.length)
    for (const byte of data) bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

function recordData(record: DnsRecord): number[] {
  const data: number[] = []
  switch (record.type) {
    case 'A':
      for (const part of record.host.split('.')) data.push(Number(part))
      break
    case 'TXT':
      for (const text of record.strings) data.push(text.length, ...text)
      break
    case 'SRV':
      // Priority and weight, which nobody looks at.
      u16(data, 0)
      u16(data, 0)
      u16(data, record.port)
      writeName(data, record.target)
  }
  return data
}

function writeName(bytes: number[], name: string): void {
  for (const label of name.split('.')) bytes.push(label.length, ...utf8(label))
  bytes.push(0)
}

function u16(bytes: number[], value: number): void {
  bytes.push(value >> 8, value & 0xff)
}

// ---- In ------------------------------------------------------------------------------------------

/** Undefined: this is none, or has more in it than anybody needs. */
export function decodeDns(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > DATAGRAM_BYTES_MAX) return undefined
  const reader = new DnsReader(bytes)
  reader.skip(2)
  const flags = reader.u16()
  const questionCount = reader.u16()
  const recordCount = reader.u16() + reader.u16() + reader.u16()
  if (questionCount + recordCount > DNS_RECORDS_MAX) return undefined
  const questions: DnsQuestion[] = []
  for (let i = 0; i < questionCount && reader.isGood; i++) {
    const name = reader.name()
    const type = TYPES.get(reader.u16())
    reader.skip(2)
    if (type !== undefined) questions.push({ name, type })
  }
  const records: DnsRecord[] = []
  for (let i = 0; i < recordCount && reader.isGood; i++) {
    const record = reader.record()
    if (record !== undefined) records.push(record)
  }
  if (!reader.isGood) return undefined
  return { isResponse: (flags & RESPONSE_BIT) !== 0, questions, records }
}

/** Reads on as if there were zeros where there is nothing, and says at the end that it was so. */
class DnsReader {
  isGood = true
  readonly #bytes: Uint8Array
  #at = 0
  #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#end = bytes.length
  }

  u8(): number {
    if (this.#at < this.#end) return this.#bytes[this.#at++] ?? 0
    this.isGood = false
    return 0
  }

  u16(): number {
    return this.u8() * 256 + this.u8()
  }

  skip(count: number): void {
    this.#at += count
    if (this.#at > this.#end) this.isGood = false
  }

  take(count: number): Uint8Array {
    const from = this.#at
    this.skip(count)
    return this.isGood ? this.#bytes.subarray(from, from + count) : EMPTY
  }

  /** A name, and where it points to others: each lies before the one that points. */
  name(): string {
    const labels: string[] = []
    let size = 0
    let before = this.#at
    /** Where to go on after the first pointer. */
    let resume = -1
    for (let length = this.u8(); length !== 0 && this.isGood; length = this.u8()) {
      if (length >= POINTER) {
        const to = (length - POINTER) * 256 + this.u8()
        if (resume < 0) resume = this.#at
        if (to >= before) return this.#bad()
        before = to
        this.#at = to
        continue
      }
      size += length + 1
      if (length > 63 || size > DNS_NAME_BYTES_MAX) return this.#bad()
      labels.push(String.fromCharCode(...this.take(length)))
    }
    if (resume >= 0) this.#at = resume
    return labels.join('.').toLowerCase()
  }

  /** Undefined if it is of no type of ours. */
  record(): DnsRecord | undefined {
    const name = this.name()
    const type = TYPES.get(this.u16())
    // Class, and how long it may be kept.
    this.skip(6)
    const length = this.u16()
    const end = this.#at + length
    if (!this.isGood || end > this.#bytes.length) return this.#none()
    const whole = this.#end
    this.#end = end
    const record = type === undefined ? undefined : this.#data(name, type)
    this.#at = end
    this.#end = whole
    return record
  }

  #data(name: string, type: DnsType): DnsRecord | undefined {
    if (type === 'A') {
      const host = [this.u8(), this.u8(), this.u8(), this.u8()].join('.')
      return { name, type, host }
    }
    if (type === 'SRV') {
      this.skip(4)
      const port = this.u16()
      return { name, type, port, target: this.name() }
    }
    const strings: Uint8Array[] = []
    while (this.#at < this.#end && this.isGood) {
      if (strings.length === DNS_STRINGS_MAX) return this.#none()
      strings.push(this.take(this.u8()))
    }
    return { name, type, strings }
  }

  #bad(): string {
    this.isGood = false
    return ''
  }

  #none(): undefined {
    this.isGood = false
    return undefined
  }
}

/**
 * What is asked and answered on a local network to find old programs.
 *
 * Owns: the two languages. `dat.local` is that of dat 13 and Beaker: TXT with a token and a list of addresses.
 * `hyperswarm.local` is that of dat 14 and the programs of 2020: SRV, and an id as TXT. Both name a log by the first 20
 * bytes of its discovery key. Source: generation 1 discovery, sections 2 and 4.
 *
 * Always true: who answers names only his own port; `0.0.0.0` is "where this came from".
 */

import { concat, equal, fromUtf8Lossy, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { DnsMessage, DnsQuestion, DnsRecord } from './dns-message.ts'
import type { Wire } from './finder.ts'
import { isPort, type LegacyAddress } from './options.ts'

/** Bytes of a discovery key that old networks name a log by. */
export const TOPIC_BYTES = 20
const DAT = 'dat.local'
const HYPERSWARM = 'hyperswarm.local'
/** Everything that speaks `dat.local` is of generation 1; what speaks `hyperswarm.local` may be dat 14 as well. */
const WIRES: Readonly<Record<string, readonly Wire[]>> = {
  [DAT]: ['hypercore 7'],
  [HYPERSWARM]: ['hypercore 9', 'hypercore 7', 'hypercore 8'],
}
const HERE = '0.0.0.0'
const ADDRESS_BYTES = 6

/** An answer that somebody gave. */
export interface LanAnswer {
  /** Of the log: 40 hex digits. */
  readonly topic: string
  readonly address: LegacyAddress
  readonly wires: readonly Wire[]
}

/** What a log is called. */
export function topicName(discoveryKey: Uint8Array): string {
  return hex(discoveryKey.subarray(0, TOPIC_BYTES))
}

/** One question in each language. */
export function questionsFor(topic: string): DnsMessage[] {
  const asked: DnsQuestion[] = [
    { name: `${topic}.${DAT}`, type: 'TXT' },
    { name: `${topic}.${HYPERSWARM}`, type: 'SRV' },
  ]
  return asked.map((question) => ({ isResponse: false, questions: [question], records: [] }))
}

/** The log that is asked for, if this is such a question. */
export function askedTopic(question: DnsQuestion): string | undefined {
  const { topic, domain } = split(question.name)
  const isOurs =
    (domain === DAT && question.type === 'TXT') ||
    (domain === HYPERSWARM && question.type === 'SRV')
  return isOurs ? topic : undefined
}

/**
 * The answer to such a question: that we listen at `port`.
 *
 * @param id 32 bytes, ours alone, by which we know our own answers
 * @param asker who has asked; undefined if nobody has
 */
export function answerTo(
  question: DnsQuestion,
  port: number,
  id: Uint8Array,
  asker?: string,
): DnsMessage {
  const { name } = question
  const { domain } = split(name)
  if (domain === DAT) {
    const strings = [
      utf8(`token=${base64(id)}`),
      utf8(`peers=${base64(Uint8Array.of(0, 0, 0, 0, port >> 8, port & 0xff))}`),
    ]
    const records: DnsRecord[] = [{ name, type: 'TXT', strings }]
    return { isResponse: true, questions: [question], records }
  }
  const records: DnsRecord[] = [
    { name, type: 'SRV', target: HERE, port },
    { name, type: 'TXT', strings: [concat(utf8('id='), id)] },
  ]
  if (asker !== undefined) records.push({ name: `referrer.${HYPERSWARM}`, type: 'A', host: asker })
  return { isResponse: true, questions: [], records }
}

/** Everything in a response that tells of a program, but for what we said ourselves. */
export function readAnswers(
  { records }: DnsMessage,
  from: LegacyAddress,
  ownId: Uint8Array,
): LanAnswer[] {
  const own = ownNames(records, ownId)
  const answers: LanAnswer[] = []
  for (const record of records) {
    const { topic, domain } = split(record.name)
    const wires = WIRES[domain]
    if (topic === undefined || wires === undefined || own.has(record.name)) continue
    for (const address of addressesOf(record, from)) answers.push({ topic, address, wires })
  }
  return answers
}

function addressesOf(record: DnsRecord, from: LegacyAddress): LegacyAddress[] {
  if (record.type === 'SRV') {
    const host = record.target === HERE ? from.host : record.target
    const port = record.port === 0 ? from.port : record.port
    return isPort(port) ? [{ host, port }] : []
  }
  if (record.type !== 'TXT') return []
  return peersIn(textAfter('peers=', record.strings) ?? new Uint8Array(0), from.host)
}

/**
 * Addresses of six bytes each, as old networks list them: IPv4, then the port.
 *
 * @param host in place of `0.0.0.0`
 */
export function peersIn(list: Uint8Array, host: string): LegacyAddress[] {
  const addresses: LegacyAddress[] = []
  for (let at = 0; at + ADDRESS_BYTES <= list.length; at += ADDRESS_BYTES) {
    const [a = 0, b = 0, c = 0, d = 0, high = 0, low = 0] = list.subarray(at, at + ADDRESS_BYTES)
    const port = high * 256 + low
    const told = `${a}.${b}.${c}.${d}`
    if (isPort(port)) addresses.push({ host: told === HERE ? host : told, port })
  }
  return addresses
}

/** Names of which an answer of ours is among the records. */
function ownNames(records: readonly DnsRecord[], ownId: Uint8Array): Set<string> {
  const names = new Set<string>()
  const token = utf8(`token=${base64(ownId)}`)
  const id = concat(utf8('id='), ownId)
  for (const record of records) {
    if (record.type !== 'TXT') continue
    if (record.strings.some((text) => equal(text, token) || equal(text, id))) names.add(record.name)
  }
  return names
}

/** What stands in base64 behind a prefix. */
function textAfter(prefix: string, strings: readonly Uint8Array[]): Uint8Array | undefined {
  const start = utf8(prefix)
  const found = strings.find((text) => equal(text.subarray(0, start.length), start))
  return found && Buffer.from(fromUtf8Lossy(found.subarray(start.length)), 'base64')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function split(name: string): { topic: string | undefined; domain: string } {
  const dot = name.indexOf('.')
  const label = name.slice(0, Math.max(dot, 0))
  const topic = /^[0-9a-f]{40}$/.test(label) ? label : undefined
  return { topic, domain: name.slice(dot + 1) }
}

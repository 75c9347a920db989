/**
 * Options that several commands understand, and what they become for the SDK.
 *
 * Owns: their names, their help texts and how their values are read. A wrong value is told as a `BAD_ARGUMENT`
 * that names the option. An option that may be given several times is repeated: it never swallows the
 * arguments behind it.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import type { NetworkOptions, OldOptions, OpenOptions, Policy } from '@dat-rhino/sdk'
import { type Command, Option } from 'commander'

/** Values as commander hands them over. */
export interface CommonFlags {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

/** How the network is entered. */
export interface NetworkFlags {
  readonly bootstrap?: readonly string[]
  readonly host?: string
  readonly port?: number
  readonly announce?: boolean
  readonly offline?: boolean
}

/** How programs of the older networks are met. */
export interface LegacyFlags {
  readonly peer?: readonly string[]
  readonly legacy?: 'lan' | 'all'
  readonly legacyAnnounce?: boolean
  readonly announceOld?: boolean
}

/** Which archive of an old store. */
export interface ArchiveFlags {
  readonly archive?: string
  readonly secretKeys?: string
  readonly rocksdb?: string
}

/** How fast, in bytes per second. */
export interface RateFlags {
  readonly limitUp?: number
  readonly limitDown?: number
}

/** How much of the disk, in bytes. */
export interface RoomFlags {
  readonly quota?: number
  readonly keepFree?: number
}

/** Of every command. */
export function addCommonOptions(command: Command): Command {
  return command
    .option('--json', 'one JSON object a line on standard output, for programs')
    .option('-q, --quiet', 'only results and errors')
    .option('--verbose', 'with an error, also what caused it')
}

/** Of every command that goes to the network. */
export function addNetworkOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--bootstrap <host:port>',
        'enter the network here instead of at the public nodes; may be repeated',
      ).argParser((text, before: readonly string[] | undefined) =>
        readAddress('--bootstrap', text, before),
      ),
    )
    .option('--host <address>', 'bind to this address (127.0.0.1 stays on this machine)')
    .addOption(
      new Option('--port <number>', 'bind to this UDP port').argParser((text) =>
        readPort('--port', text),
      ),
    )
    .option('--no-announce', 'look for peers, but do not let strangers find this device')
    .option('--offline', 'no network at all')
}

/** Of commands that can be about archives of the older networks. */
export function addLegacyOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--peer <host:port>',
        'an old program at this address (TCP) has it; may be repeated',
      ).argParser((text, before: readonly string[] | undefined) =>
        readAddress('--peer', text, before),
      ),
    )
    .addOption(
      new Option(
        '--legacy <where>',
        'look for old programs too: on the local network (lan), or also in the BitTorrent DHT (all)',
      ).choices(['lan', 'all']),
    )
    .option('--legacy-announce', 'let old programs find this device, where --legacy looks for them')
    .option('--announce-old', 'let others find this device for archives of the older networks')
}

/** Of commands that can be pointed at old files. */
export function addArchiveOptions(command: Command): Command {
  return command
    .option(
      '--archive <key>',
      'which archive, where old files hold several: its link, key, the beginning of that, or its name',
    )
    .option(
      '--secret-keys <dir>',
      'folder with the secret keys of dat, if not in ~/.dat/secret_keys',
    )
    .option(
      '--rocksdb <file>',
      'main file of the package rocksdb-native, for stores of corestore 7',
    )
}

/** What the SDK is to know of old files. */
export function archiveOptions(
  flags: ArchiveFlags,
): Pick<OldOptions, 'archive' | 'secretKeys' | 'rocksdb'> {
  const { archive, secretKeys, rocksdb } = flags
  return { archive, secretKeys, rocksdb }
}

/** Of commands that serve or fetch for long. */
export function addRateOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--limit-up <rate>', 'send no faster: bytes a second, or 500k, 2M').argParser(
        (text) => readRate('--limit-up', text),
      ),
    )
    .addOption(
      new Option('--limit-down <rate>', 'fetch no faster: the same').argParser((text) =>
        readRate('--limit-down', text),
      ),
    )
}

/** Of commands that fill a store. */
export function addRoomOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--quota <bytes>',
        'let the store take no more of the disk: 500MB, 10GB',
      ).argParser((text) => readBytes('--quota', text)),
    )
    .addOption(
      new Option(
        '--keep-free <bytes>',
        'leave so much of the disk free (default: 64MiB)',
      ).argParser((text) => readBytes('--keep-free', text)),
    )
}

/** Where old programs can connect. */
export function oldPortOption(): Option {
  const help = 'TCP port for old programs (default: 3282, or any if that is taken; 0: any)'
  return new Option('--old-port <number>', help).argParser((text) => readPort('--old-port', text))
}

/** The longest wait of commands that ask others. */
export function timeoutOption(): Option {
  const help = 'longest wait for peers and answers (default: 30; 0: no limit)'
  return new Option('--timeout <seconds>', help).argParser(readSeconds)
}

/** A version of the drive instead of the newest. */
export function checkoutOption(help: string): Option {
  return new Option('--checkout <version>', help).argParser((text) => whole('--checkout', text, 1))
}

/** So many, at most. */
export function limitOption(help: string): Option {
  return new Option('-n, --limit <count>', help).argParser((text) => whole('--limit', text, 0))
}

/** How long something is measured. */
export function secondsOption(help: string): Option {
  return new Option('--seconds <number>', help).default(2).argParser((text) => {
    const seconds = Number(text)
    if (text.trim() !== '' && seconds > 0 && seconds <= 3_600) return seconds
    throw new DatError('BAD_ARGUMENT', `--seconds takes a number up to 3,600, not "${text}".`)
  })
}

/** Collects an option that may be repeated. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

/** What the SDK is to know of the network. */
export function networkOptions(flags: NetworkFlags & LegacyFlags): NetworkOptions {
  return {
    ...legacyOptions(flags),
    ...(flags.bootstrap === undefined ? {} : { bootstrap: flags.bootstrap }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.announce === false ? { announce: false } : {}),
    ...(flags.offline === true ? { offline: true } : {}),
  }
}

/** Nothing where nobody asks for old programs. */
function legacyOptions(flags: LegacyFlags): Pick<NetworkOptions, 'legacy' | 'announceOld'> {
  const { peer, legacy, legacyAnnounce } = flags
  const isAsked = peer !== undefined || legacy !== undefined || legacyAnnounce !== undefined
  return {
    ...(flags.announceOld === true ? { announceOld: true } : {}),
    ...(isAsked
      ? {
          legacy: {
            ...(peer === undefined ? {} : { peers: peer }),
            ...(legacy === undefined ? {} : { lan: true, dht: legacy === 'all' }),
            ...(legacyAnnounce === true ? { announce: true } : {}),
          },
        }
      : {}),
  }
}

/** The policy that the rates make; nothing where there are none. */
export function ratePolicy(flags: RateFlags): { policy?: Policy } {
  const { limitUp, limitDown } = flags
  if (limitUp === undefined && limitDown === undefined) return {}
  return {
    policy: {
      ...(limitUp === undefined ? {} : { uploadRate: limitUp }),
      ...(limitDown === undefined ? {} : { downloadRate: limitDown }),
    },
  }
}

/** How much of the disk the SDK may take. */
export function roomOptions(flags: RoomFlags): Pick<OpenOptions, 'quotaBytes' | 'keepFreeBytes'> {
  const { quota, keepFree } = flags
  return {
    ...(quota === undefined ? {} : { quotaBytes: quota }),
    ...(keepFree === undefined ? {} : { keepFreeBytes: keepFree }),
  }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }

/** As disks are sold, in thousands; with an `i`, as memory is. */
function readBytes(option: string, text: string): number {
  const [, number = '', unit = '', binary] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text) ?? []
  const power = Object.keys(UNITS).indexOf(unit.toLowerCase())
  const factor = binary ? 1_024 ** power : (UNITS[unit.toLowerCase()] ?? 0)
  const bytes = Math.floor(Number(number) * factor)
  if (number !== '' && Number.isSafeInteger(bytes)) return bytes
  const message = `${option} takes a number of bytes, as 500MB, 10GB or 1.5TB; not "${text}".`
  throw new DatError('BAD_ARGUMENT', message)
}

function readRate(option: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text) ?? []
  const rate = Number(number) * (UNITS[unit.toLowerCase()] ?? 0)
  if (rate > 0) return rate
  const message = `${option} takes bytes per second above 0, as 500000, 500k or 2M; not "${text}".`
  throw new DatError('BAD_ARGUMENT', message)
}

/** Seconds on the command line, milliseconds inside. */
function readSeconds(text: string): number {
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0) {
    throw new DatError('BAD_ARGUMENT', `--timeout takes seconds, 0 for no limit; not "${text}".`)
  }
  return seconds * 1000
}

function whole(option: string, text: string, min: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value
  const from = min === 0 ? '' : ` from ${min} on`
  throw new DatError('BAD_ARGUMENT', `${option} takes a whole number${from}, not "${text}".`)
}

function readPort(option: string, text: string): number {
  const port = whole(option, text, 0)
  if (port <= 65_535) return port
  throw new DatError('BAD_ARGUMENT', `${option} takes a number up to 65535, not "${text}".`)
}

function readAddress(
  option: string,
  text: string,
  before: readonly string[] | undefined,
): readonly string[] {
  if (/^.+:\d{1,5}$/.test(text)) return repeated(text, before)
  throw new DatError('BAD_ARGUMENT', `${option} takes HOST:PORT, not "${text}".`)
}

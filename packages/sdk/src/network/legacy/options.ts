/**
 * How a node meets the networks of 2017 and 2020: by addresses, on the local network, in BitTorrent's DHT.
 *
 * Owns: the option shape, and how an address is written. Always true: nothing of this is on unless it is asked for, and
 * asking for a way to look is not asking to be found: that is `announce`. What becomes public by each is in
 * `docs/legacy-network.md`.
 */

import { DatError } from '@dat-rhino/core/base/errors'

/** Where a program listens for TCP. */
export interface LegacyAddress {
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
}

/** Ways to old programs; each is off by default. */
export interface LegacyOptions {
  /** Programs at known addresses, `host:port`. Dialled when a log is looked for, and again when they are lost. */
  readonly peers?: readonly (string | LegacyAddress)[]
  /**
   * Ask by multicast on the local network, as `dat.local` and `hyperswarm.local`. Everybody on it sees the first 20 bytes
   * of the discovery key. Default false.
   */
  readonly lan?: boolean | LanOptions
  /** Look in BitTorrent's DHT: strangers see the same, and our address. Default false. */
  readonly dht?: boolean | MainlineOptions
  /**
   * Be found by old programs, in the ways that are on: we listen, answer on the local network, and tell BitTorrent's DHT
   * our address for each old archive that is looked for here or served. Default false.
   */
  readonly announce?: boolean
  /** TCP port to listen on, 0: any. Default: not at all; with `announce` 3282, or any if that is taken. */
  readonly port?: number
}

/** Where multicast DNS is spoken, for networks of one's own. */
export interface LanOptions {
  /** Default 224.0.0.251. */
  readonly group?: string
  /** Default 5353. */
  readonly port?: number
}

/** How BitTorrent's DHT is entered. */
export interface MainlineOptions {
  /** Nodes `host:port` to enter by. Default: the public ones. */
  readonly bootstrap?: readonly string[]
  /** UDP port. Default: any. */
  readonly port?: number
}

/**
 * Reads `host:port`, or `[v6]:port`.
 *
 * @throws DatError BAD_ARGUMENT
 */
export function legacyAddress(written: string | LegacyAddress): LegacyAddress {
  const address = typeof written === 'string' ? parse(written) : written
  if (address !== undefined && address.host !== '' && isPort(address.port)) return address
  const text = typeof written === 'string' ? written : `${written.host}:${written.port}`
  throw new DatError('BAD_ARGUMENT', `An address is written host:port, not "${text}".`)
}

/** May there be a program at this port? */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

function parse(text: string): LegacyAddress | undefined {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  return host === undefined ? undefined : { host, port: Number(digits) }
}

/**
 * What all ways of finding old programs have in common.
 *
 * Owns: the contract between a way and who uses it. Addresses that are found are hints of strangers: nobody trusts them,
 * and whoever dials one finds out by the handshake what is there.
 */

import type { LegacyAddress } from './options.ts'

/** A log that others are looked for who have it. */
export interface Wanted {
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array
  /** Is somebody connected for it? Then nobody is looked for. */
  hasPeers(): boolean
  /** The TCP port to be found at; undefined if we may not be found. Asked each time. */
  announcedPort(): number | undefined
  /** @param wires what is likely spoken there, the likeliest first; empty if nothing is known */
  found(address: LegacyAddress, wires: readonly Wire[]): void
}

/** What can be spoken with old programs. */
export type Wire = 'hypercore 7' | 'hypercore 8' | 'hypercore 9'

/** One search that goes on until `stop`. */
export interface Search {
  /** Resolves, never rejects, when the first look is over. */
  readonly looked: Promise<void>
  /** Something has changed about whether we may be found. */
  changed(): void
  stop(): void
}

/** One way to find old programs. */
export interface Finder {
  search(wanted: Wanted): Search
  /** Stops all searches and closes its sockets. */
  close(): void
}

/** How near an address is: strangers may speak of those that are as near as they are themselves, and of public ones. */
export type Reach = 'machine' | 'network' | 'world' | 'nowhere'

/** @param host an IPv4 address */
export function reachOf(host: string): Reach {
  const parts = host.split('.').map(Number)
  const [a = 0, b = 0] = parts
  const isAddress = parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256)
  if (parts.length !== 4 || !isAddress || a === 0 || a >= 224) return 'nowhere'
  if (a === 127) return 'machine'
  const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)
  return isPrivate || (a === 169 && b === 254) ? 'network' : 'world'
}

/** May somebody at `from` be believed to speak of `host`? */
export function isPlausible(host: string, from: string): boolean {
  const reach = reachOf(host)
  return reach !== 'nowhere' && (reach === 'world' || reach === reachOf(from))
}

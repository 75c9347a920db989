/** Reading what a server told: plain data that crossed a process, so its types are checked, not assumed. */

import type { HostPort, Served } from './task.ts'

export function numberOf(served: Served | undefined, name: string): number {
  const value = served?.[name]
  if (typeof value !== 'number') throw new Error(`The server told no number ${name}.`)
  return value
}

/** Bytes that were told in hex. */
export function bytesOf(served: Served | undefined, name: string): Buffer {
  return Buffer.from(textOf(served, name), 'hex')
}

export function textOf(served: Served | undefined, name: string): string {
  const value = served?.[name]
  if (typeof value !== 'string') throw new Error(`The server told no text ${name}.`)
  return value
}

export function nodesOf(served: Served | undefined): readonly HostPort[] {
  const value = served?.['bootstrap']
  if (typeof value !== 'object') throw new Error('The server told no DHT nodes.')
  return value
}

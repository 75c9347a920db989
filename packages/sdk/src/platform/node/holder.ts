/**
 * Who has a store open for writing.
 *
 * Owns: the look at the lock of `disk.ts`. A shared lock is tried for and given back at once: only that tells a
 * process that runs from one that died and left its description behind.
 */

import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { LOCK_NAME, LOCK_OFFSET } from './disk.ts'

/** A process, as it described itself. */
export interface StoreHolder {
  readonly pid: number | undefined
  /** For people: process, machine and command. */
  readonly description: string
}

/** The holder of the store in `folder`; `undefined` if nobody has it, or nobody can say. */
export function storeHolder(folder: string): StoreHolder | undefined {
  const path = join(folder, LOCK_NAME)
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    if (tryLock(file, LOCK_OFFSET, 1, { shared: true })) return undefined
    const description = readFileSync(path, 'utf8')
    const pid = /^process (\d+)/.exec(description)?.[1]
    return { pid: pid === undefined ? undefined : Number(pid), description }
  } catch {
    return undefined
  } finally {
    closeSync(file)
  }
}

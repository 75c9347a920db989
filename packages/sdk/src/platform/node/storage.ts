/**
 * Opens a store on this machine: the crypto provider, the disk and the clock, put together.
 *
 * Owns: what a program on Node runs on. The provider is set before anything hashes: libsodium where its native
 * part loads, else the portable one, which is slower and the same to the last bit.
 */

import { statSync } from 'node:fs'
import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { type Crypto, setCrypto } from '@dat-rhino/core/crypto/crypto'
import { loadPortableCrypto } from '@dat-rhino/core/crypto/portable'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import type { Durability, Store } from '@dat-rhino/core/store/store'
import { fileError } from '../../files/problems.ts'
import { openNodeStore } from './disk.ts'

/** Instead of a folder: keeps everything in memory, and forgets it on closing. */
export const IN_MEMORY = ':memory:'

/** How a store is opened. */
export interface StorageOptions {
  /** Default `group`. */
  readonly durability?: Durability | undefined
  /** Take no lock and write nothing. Default false. */
  readonly readOnly?: boolean | undefined
  /** Write on in a copied or damaged store. Default false: such a one opens read-only. */
  readonly recover?: boolean | undefined
  /** 32 bytes: the primary key of a store that is made. See `openStore`. */
  readonly primaryKey?: Uint8Array | undefined
  /** Bytes that the store may take; see `OpenStoreOptions`. Default: no quota. */
  readonly quotaBytes?: number | undefined
  /** Bytes that are left free on the disk. Default 64 MiB. */
  readonly keepFreeBytes?: number | undefined
  readonly clock?: Clock | undefined
}

let provider: Promise<Crypto> | undefined

/** Sets the crypto provider of this process, once. */
export async function preparePlatform(): Promise<void> {
  provider ??= import('./crypto-sodium.ts').then(
    ({ sodiumCrypto }) => sodiumCrypto,
    () => loadPortableCrypto(),
  )
  setCrypto(await provider)
}

/**
 * @param path a folder, made if it is not there; or `IN_MEMORY`
 * @throws DatError STORE_LOCKED, CORRUPT_STORE, STORE_TOO_NEW, CONFLICT (a file is there), NOT_FOUND, IO
 */
export async function openStorage(path: string, options: StorageOptions = {}): Promise<Store> {
  await preparePlatform()
  const { primaryKey, quotaBytes, keepFreeBytes } = options
  if (path === IN_MEMORY) return openMemoryStore({ quotaBytes, ...(primaryKey && { primaryKey }) })
  checkIsNoFile(path)
  return openNodeStore(path, {
    clock: options.clock ?? systemClock,
    durability: options.durability ?? 'group',
    readOnly: options.readOnly ?? false,
    recover: options.recover ?? false,
    primaryKey,
    quotaBytes,
    keepFreeBytes,
  })
}

/** The system's word for a file in the place of a folder, or on the way to it, says little to a person. */
function checkIsNoFile(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true) return
  } catch (error) {
    throw fileError(error, path)
  }
  throw new DatError('CONFLICT', `${path} is a file; a store needs a folder.`, { path })
}

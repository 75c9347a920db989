/** From operations to the log. */

import { DatError } from '../../base/errors.ts'
import type { Shared } from './shared.ts'
import type { TrieDelOptions, TrieOperation, TriePutOptions } from './types.ts'

export function writePut(
  _shared: Shared,
  _key: string,
  _value: Uint8Array | undefined,
  _options: TriePutOptions,
): Promise<number | undefined> {
  return Promise.reject(notYet())
}

export function writeDel(
  _shared: Shared,
  _key: string,
  _options: TrieDelOptions,
): Promise<number | undefined> {
  return Promise.reject(notYet())
}

export function writeBatch(
  _shared: Shared,
  _operations: readonly TrieOperation[],
): Promise<(number | undefined)[]> {
  return Promise.reject(notYet())
}

function notYet(): DatError {
  return new DatError('UNSUPPORTED', 'Not built yet.')
}

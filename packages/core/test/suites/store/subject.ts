/** What a store is opened with in the suite, and what all parts of it use. */

import { DatError } from '../../../src/base/errors.ts'
import type { Slot, Store } from '../../../src/store/store.ts'
import { identityOf } from '../../store/helpers.ts'

export interface StoreSubject {
  readonly name: string
  /** A new, empty store. */
  open(): Promise<Store>
  /** Closes the store and opens it again; absent where nothing lasts. */
  reopen?(store: Store): Promise<Store>
}

/** For `assert.throws`: an error with this code. */
export function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DatError && error.code === code
}

/** A new store with one log. */
export async function withLog(
  { open }: StoreSubject,
  seed = 1,
): Promise<{ store: Store; slot: Slot }> {
  const store = await open()
  return { store, slot: await store.create(identityOf(seed)) }
}

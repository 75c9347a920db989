/** Opens a store on a disk. */

import { DatError } from '../base/errors.ts'
import type { OpenStoreOptions } from './options.ts'
import type { Store } from './store.ts'

export function openStore(_options: OpenStoreOptions): Promise<Store> {
  return Promise.reject(new DatError('UNSUPPORTED', 'The on-disk store is not built yet.'))
}

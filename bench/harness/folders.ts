/** Where things are in the folder of a measurement. */

import { join } from 'node:path'
import type { Setting } from './task.ts'

/** The store that is measured: the reader's, where there are two. Its bytes are counted. */
export function storeFolder({ folder }: Setting): string {
  return join(folder, 'store')
}

/** The store of the process that serves. */
export function ownerFolder({ folder }: Setting): string {
  return join(folder, 'owner')
}

/** Files that are written out. */
export function outFolder({ folder }: Setting): string {
  return join(folder, 'out')
}

/** A folder of the file system as the disk of a store. */

import { DatError } from '@dat-rhino/core/base/errors'
import type { Disk } from '@dat-rhino/core/store/disk'

export interface NodeDiskOptions {
  readonly readOnly?: boolean
}

/** Makes the folder if it is not there (owner-only) unless `readOnly`. */
export function openNodeDisk(path: string, _options: NodeDiskOptions = {}): Disk {
  throw new DatError('UNSUPPORTED', 'The disk is not built yet.', { path })
}

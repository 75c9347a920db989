/** How a drive says that its format has no way to do something. */

import { DatError } from '../base/errors.ts'
import type { DriveFormat } from './drive.ts'

/** Rejects with what the format has not, and what can be done instead. */
export function unsupported(format: DriveFormat, what: string, instead: string): Promise<never> {
  return Promise.reject(
    new DatError('UNSUPPORTED', `A drive of the format ${format} has no ${what}: ${instead}.`, {
      format,
    }),
  )
}

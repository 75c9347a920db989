/** How a drive says that its format has no way to do something. */

import { DatError } from '../base/errors.ts'
import type { DriveFormat } from './drive.ts'

/** Rejects with what the format has not, and what can be done instead. */
export function unsupported(format: DriveFormat, what: string, instead: string): Promise<never> {
  return Promise.reject(unsupportedError(format, what, instead))
}

/** The error of it. */
export function unsupportedError(format: DriveFormat, what: string, instead: string): DatError {
  const message = `A drive of the format ${format} has no ${what}: ${instead}.`
  return new DatError('UNSUPPORTED', message, { format })
}

/**
 * Reads the vectors beside the tests: bytes made by the reference implementations, never by ours.
 *
 * The caller names the part of the file that it uses as a type; nothing is checked beyond that, since
 * a test on a wrong type fails by itself.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export function vectors<T>(name: string): T {
  const path = fileURLToPath(new URL(`vectors/${name}.json`, import.meta.url))
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Reads a file of vectors of the upper half of generation 3. */

import { readFileSync } from 'node:fs'

export function vectors<T>(name: string): T {
  const file = new URL(`../vectors/gen3-upper/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as T
}

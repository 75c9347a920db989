/** Where the project is, from source and from the built benchmark alike. */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'interop', 'gen3'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('The benchmark must stay inside the project.')
  return findRoot(parent)
}

export const ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)))

/**
 * Folders of files: the one that is imported, and comparing two.
 *
 * Owns: walking. Paths are written with `/` and start with one, as in a drive.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { block } from './blocks.ts'
import { ROOT } from './root.ts'

export interface TreeFile {
  readonly path: string
  readonly bytes: Buffer
}

/** The tree of a full run: a pinned npm package of 11,539 small files, 43 MB. See `data/package.json`. */
export const TREE_FOLDER: string = join(ROOT, 'bench', 'data', 'node_modules', 'openmoji')

const FEW_FILES = 60

/** A tree for a smoke run: a few files of many sizes. The caller removes it. */
export function makeFewFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dat-bench-tree-'))
  for (let i = 0; i < FEW_FILES; i++) {
    const path = join(folder, `folder ${i % 7}`, `file ${i}.bin`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, block(i, 4 + ((i * i * 977) % 200_000)))
  }
  return folder
}

export function countFiles(folder: string): number {
  return filesOf(folder).length
}

export function* readTree(folder: string): Generator<TreeFile> {
  for (const file of filesOf(folder)) {
    const path = `/${relative(folder, file).split(sep).join('/')}`
    yield { path, bytes: readFileSync(file) }
  }
}

/** Throws unless both hold the same files with the same bytes. What starts with `.dat-rhino` is ours. */
export function sameTrees(one: string, other: string): void {
  const left = [...readTree(one)]
  const right = new Map([...readTree(other)].map(({ path, bytes }) => [path, bytes]))
  if (left.length !== right.size) throw new Error(`${right.size} files of ${left.length}.`)
  for (const { path, bytes } of left) {
    if (right.get(path)?.equals(bytes) !== true) throw new Error(`${path} is not what it was.`)
  }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.dat-rhino'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

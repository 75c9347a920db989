/**
 * Folders of files: those that are imported, and comparing two.
 *
 * Owns: making and walking them. Paths are written with `/` and start with one, as in a drive.
 */

import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { block } from './blocks.ts'
import { ROOT } from './root.ts'

export interface TreeFile {
  readonly path: string
  readonly bytes: Buffer
}

/** `million`: a thousand folders of a thousand files of 100 bytes. */
export type TreeKind = 'small' | 'big' | 'million'

/** Many small files: a pinned npm package of 11,539 files, 43 MB. See `data/package.json`. */
const SMALL_FILES = join(ROOT, 'bench', 'data', 'node_modules', 'openmoji')
/** Few big ones: 155 MB, of sizes as pieces of music have. */
const BIG_FILES = 45
const BIG_FILE_BYTES = 3_444_444
const FEW_FILES = 60
const PIECE_BYTES = 65_536

/** The trees of one run, each made when it is first needed. */
export class Trees {
  readonly #isSmoke: boolean
  readonly #made = new Map<TreeKind, string>()

  /** @param isSmoke a few files of many sizes instead */
  constructor(isSmoke: boolean) {
    this.#isSmoke = isSmoke
  }

  folder(kind: TreeKind): string {
    if (!this.#isSmoke && kind === 'small') return SMALL_FILES
    const make = this.#isSmoke ? makeFewFiles : kind === 'big' ? makeBigFiles : makeMillionFiles
    const folder = this.#made.get(kind) ?? make()
    this.#made.set(kind, folder)
    return folder
  }

  /** Removes those that were made. */
  remove(): void {
    for (const folder of this.#made.values()) rmSync(folder, { recursive: true, force: true })
  }
}

function makeFewFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dat-bench-tree-'))
  for (let i = 0; i < FEW_FILES; i++) {
    const path = join(folder, `folder ${i % 7}`, `file ${i}.bin`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, block(i, 4 + ((i * i * 977) % 200_000)))
  }
  return folder
}

function makeBigFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dat-bench-tree-'))
  let piece = 0
  for (let i = 0; i < BIG_FILES; i++) {
    const file = openSync(join(folder, `file ${i}.bin`), 'w')
    const bytes = BIG_FILE_BYTES + (i % 7) * 1_000
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      writeSync(file, block(piece++, Math.min(PIECE_BYTES, bytes - at)))
    }
    closeSync(file)
  }
  return folder
}

function makeMillionFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dat-bench-tree-'))
  for (let i = 0; i < 1_000; i++) {
    const inner = join(folder, `folder ${i}`)
    mkdirSync(inner)
    for (let j = 0; j < 1_000; j++) {
      writeFileSync(join(inner, `file ${j}.txt`), block(i * 1_000 + j, 100))
    }
  }
  return folder
}

export function countFiles(folder: string): number {
  let files = 0
  for (const _ of filesOf(folder)) files++
  return files
}

export function countBytes(folder: string): number {
  let bytes = 0
  for (const file of filesOf(folder)) bytes += lstatSync(file).size
  return bytes
}

export function* readTree(folder: string): Generator<TreeFile> {
  for (const file of filesOf(folder)) {
    const path = `/${relative(folder, file).split(sep).join('/')}`
    yield { path, bytes: readFileSync(file) }
  }
}

/** Throws unless both hold the same files with the same bytes. What lies in `.dat-rhino` is ours. */
export function sameTrees(one: string, other: string): void {
  const left = [...readTree(one)]
  const right = new Map([...readTree(other)].map(({ path, bytes }) => [path, bytes]))
  if (left.length !== right.size) throw new Error(`${right.size} files of ${left.length}.`)
  for (const { path, bytes } of left) {
    if (right.get(path)?.equals(bytes) !== true) throw new Error(`${path} is not what it was.`)
  }
}

/** Folder by folder: what the benchmark itself holds of a million files is no memory of what it measures. */
function* filesOf(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== '.dat-rhino') yield* filesOf(join(folder, entry.name))
    else if (entry.isFile()) yield join(folder, entry.name)
  }
}

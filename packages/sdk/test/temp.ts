/**
 * Folders for tests: made for one test, gone after it.
 */

import {
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Drive } from '@dat-rhino/core/drive/drive'

/** A new, empty folder, removed when the test is over. */
export function tempFolder(t: TestContext): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'dat-rhino-')))
  t.after(() => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  })
  return dir
}

/** Contents by relative path: text or bytes; `{ link }` for a symbolic link, `{ exec }` for an executable file. */
export type Tree = Readonly<
  Record<string, string | Uint8Array | { readonly link: string } | { readonly exec: string }>
>

/** Writes files, with the folders that they need. */
export function writeTree(dir: string, tree: Tree): void {
  for (const [path, content] of Object.entries(tree)) {
    const file = join(dir, path)
    mkdirSync(dirname(file), { recursive: true })
    if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(file, content)
    else if ('link' in content) symlinkSync(content.link, file)
    else writeFileSync(file, content.exec, { mode: 0o755 })
  }
}

/** Everything below `dir` but our own state, as `writeTree` takes it, with texts for contents. */
export function readTree(dir: string): Record<string, unknown> {
  const tree: Record<string, unknown> = {}
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
      const path = join(below, entry.name)
      if (path === '.dat-rhino') continue
      const file = join(dir, path)
      if (entry.isDirectory()) walk(path)
      else if (entry.isSymbolicLink()) tree[path] = { link: readlinkSync(file) }
      else {
        const text = readFileSync(file, 'latin1')
        tree[path] = (statSync(file).mode & 0o100) !== 0 ? { exec: text } : text
      }
    }
  }
  walk('')
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The drive's files as `readTree` gives those of a folder. */
export async function treeOf(drive: Drive): Promise<Record<string, unknown>> {
  const tree: Record<string, unknown> = {}
  for await (const entry of drive.list('/')) {
    const bytes = entry.linkname === undefined ? await drive.get(entry) : undefined
    const text = Buffer.from(bytes ?? []).toString('latin1')
    tree[entry.path.slice(1)] =
      entry.linkname !== undefined
        ? { link: entry.linkname }
        : entry.executable
          ? { exec: text }
          : text
  }
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const NOBODY = 65_534

/**
 * Runs `work` as a user whom permissions stop, where the tests are run by the administrator, whom they do not.
 *
 * @param dir made that user's, with everything in it
 */
export async function asUser<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const { seteuid, setegid, getuid } = process
  if (getuid?.() !== 0 || seteuid === undefined || setegid === undefined) return work()
  chownSync(dir, NOBODY, NOBODY)
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(dir, name), NOBODY, NOBODY)
  }
  setegid(NOBODY)
  seteuid(NOBODY)
  try {
    return await work()
  } finally {
    seteuid(0)
    setegid(0)
  }
}

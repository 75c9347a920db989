/**
 * What is below a folder, out of rows that know only whole paths.
 *
 * Owns: the ranges of a folder, `ignore`, and the names directly below. A name may be a file and a folder at
 * once; it is given once. (Hyperdrive's own shallow listing gives such names twice, and loses a file that is
 * called like a folder with a `0` behind.) Source: the hyperdrive specification, section 6.
 */

import { fromUtf8Lossy, utf8 } from '../bytes/bytes.ts'
import type { BeeEntry, BeeRange, BeeReader } from '../index/bee.ts'
import type { WaitOptions } from '../log/remote.ts'
import { normalizeFolder } from './path.ts'
import { decodeEntry } from './row.ts'
import type { FolderItem, ListOptions } from './types.ts'

const SLASH = 0x2f

/** Keys below `folder`, which is normalised. */
export function folderRange(folder: string): BeeRange {
  const prefix = folder === '/' ? folder : `${folder}/`
  // 0 is the byte behind the slash: nothing of the folder comes after it, and no other key before.
  return { gt: utf8(prefix), lt: utf8(`${prefix.slice(0, -1)}0`) }
}

/** Leaves paths out: as the option says, or none. */
export function ignoring(ignore: ListOptions['ignore']): (path: string) => boolean {
  if (ignore === undefined) return () => false
  if (typeof ignore === 'function') return ignore
  const paths = ignore.map((path) => normalizeFolder(path))
  return (path) => paths.some((p) => path === p || path.startsWith(p === '/' ? p : `${p}/`))
}

/**
 * Names directly below `folder`, in order of their bytes.
 *
 * @param rows at a fixed version, or names may be lost between two looks
 */
export async function* readFolder(
  rows: BeeReader,
  folder: string,
  options: WaitOptions,
): AsyncGenerator<FolderItem, void, undefined> {
  const range = folderRange(folder)
  const base = folder === '/' ? folder : `${folder}/`
  const baseBytes = utf8(base).length
  let next: BeeRange | undefined = range
  while (next !== undefined) {
    // A folder may hold any number of rows: from its first one go on behind its last one.
    const entries = rows.entries(next, options)
    next = undefined
    for await (const row of entries) {
      const slash = row.key.indexOf(SLASH, baseBytes)
      if (slash === -1) {
        yield await fileItem(rows, row, base, options)
        continue
      }
      const item = await folderItem(rows, row.key.subarray(0, slash), base, options)
      if (item !== undefined) yield item
      next = { gte: behindFolder(row.key, slash), lt: range.lt }
      break
    }
  }
}

async function fileItem(
  rows: BeeReader,
  row: BeeEntry,
  base: string,
  options: WaitOptions,
): Promise<FolderItem> {
  const entry = decodeEntry(row.seq, row.key, row.value)
  const below = await rows.first(folderRange(entry.path), options)
  return {
    name: entry.path.slice(base.length),
    path: entry.path,
    folder: below !== undefined,
    entry,
  }
}

/** `undefined` if a file of the same name was given already: it comes before, all its names do. */
async function folderItem(
  rows: BeeReader,
  key: Uint8Array,
  base: string,
  options: WaitOptions,
): Promise<FolderItem | undefined> {
  const path = fromUtf8Lossy(key)
  const name = path.slice(base.length)
  // A row that nobody normalised (`/a//b`) has a part without a name.
  if (name === '' || (await rows.get(key, options)) !== undefined) return undefined
  return { name, path, folder: true, entry: undefined }
}

function behindFolder(key: Uint8Array, slash: number): Uint8Array {
  const end = Uint8Array.from(key.subarray(0, slash + 1))
  end[slash] = SLASH + 1
  return end
}

/**
 * What a path is, without being told.
 *
 * Owns: by which files each kind of store is recognised, and the search for stores below a folder that is none itself (a
 * Beaker profile, a home directory). Nothing is opened but small files; nothing is written; links to folders are
 * not followed. Sources: the generation 1 log, section 6; corestore 5, section 1; corestore, sections 8.1 and 9.1.
 */

import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DETECT_DEPTH_MAX, DETECT_NAMES_MAX } from '@dat-rhino/core/base/limits'
import { fileError } from '../files/problems.ts'
import { isDirectory, looksLikeLevelDb, SIGNS, type Sign } from './signs.ts'
import type { Found } from './types.ts'

/** Folders that nobody keeps stores in, and that are large. */
const PASSED_OVER: ReadonlySet<string> = new Set(['node_modules', '.git', '.cache', '.npm'])

/**
 * What lies at `path`, and what is found below it. Of a file that belongs to a store, the store; of a `.dat`, the folder
 * around it.
 *
 * @throws DatError NOT_FOUND if nothing is at `path`; IO if it cannot be looked at
 */
export function detectPath(path: string): Found {
  const absolute = resolve(path)
  const folder = folderOf(absolute)
  const store = detectFolder(folder) ?? detectAround(folder, absolute)
  if (store !== undefined) return store
  return folder === absolute ? searchBelow(folder) : noStore(absolute)
}

/** A file that lies beside stores, but in none. */
function noStore(path: string): Found {
  const why = 'It is a file, and belongs to no store that is known here.'
  return { kind: 'nothing', path, sure: 'certain', why, nested: [], isCut: false }
}

function folderOf(path: string): string {
  try {
    return statSync(path).isDirectory() ? path : dirname(path)
  } catch (error) {
    throw fileError(error, path)
  }
}

/** The store that a folder is; `undefined` if it is none. */
export function detectFolder(path: string): Found | undefined {
  const names = namesIn(path)
  if (names === undefined) return undefined
  for (const { kind, recognise } of SIGNS) {
    const sign = recognise(path, names)
    if (sign !== undefined) return found(kind, path, sign)
  }
  return undefined
}

function found(kind: Found['kind'], path: string, sign: Sign): Found {
  const at = sign.at ?? path
  return { kind, path: at, sure: sign.sure, why: sign.why, nested: [], isCut: false }
}

/** A file, or a folder, inside of a store: one of the folders around it may be the store. */
function detectAround(folder: string, asked: string): Found | undefined {
  if (folder === asked) return undefined
  for (let at = dirname(folder), i = 0; i < 4; at = dirname(at), i++) {
    const around = detectFolder(at)
    if (around !== undefined) return around
  }
  return undefined
}

function namesIn(path: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(path))
  } catch {
    return undefined
  }
}

// ---- Below ---------------------------------------------------------------------------------------

/**
 * Searches the folders below, those that are nearer first.
 *
 * @param lookedBefore names that count as looked at already
 */
export function searchBelow(path: string, lookedBefore = 0): Found {
  const nested: Found[] = []
  let isCut = false
  let looked = lookedBefore
  let level = [path]
  for (let depth = 0; level.length > 0 && depth < DETECT_DEPTH_MAX; depth++) {
    const next: string[] = []
    for (const folder of level) {
      for (const name of foldersIn(folder)) {
        if (++looked > DETECT_NAMES_MAX) isCut = true
        if (isCut) break
        const at = join(folder, name)
        const store = detectFolder(at)
        if (store === undefined) next.push(at)
        else if (!nested.some((known) => known.path === store.path)) nested.push(store)
      }
    }
    level = next
  }
  nested.sort((a, b) => (a.path < b.path ? -1 : 1))
  return summary(path, nested, isCut || level.length > 0)
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !PASSED_OVER.has(entry.name))
      .map((entry) => entry.name)
      .sort()
  } catch {
    return []
  }
}

function summary(path: string, nested: readonly Found[], isCut: boolean): Found {
  const common = { path, sure: 'certain', nested, isCut } as const
  if (nested.length > 0) {
    const inBeaker = nested.filter(({ path: at }) => isBeaker(at)).length
    const why =
      inBeaker === nested.length
        ? `It is of Beaker: ${count(inBeaker)} below it.`
        : `It is no store itself: ${count(nested.length)} below it.`
    return { ...common, kind: 'folder', why }
  }
  const old = join(path, '.dat')
  if (isDirectory(old) && looksLikeLevelDb(old)) {
    const why = 'Its .dat folder is of a dat before version 13 (LevelDB), which is not read here.'
    return { ...common, kind: 'nothing', why }
  }
  return { ...common, kind: 'nothing', why: 'It holds no file by which a store is recognised.' }
}

function count(stores: number): string {
  return stores === 1 ? 'one store was found' : `${stores} stores were found`
}

/** `…/Archives/Meta/ab/cd…`, as Beaker 0.8 has it. */
function isBeaker(path: string): boolean {
  const meta = dirname(dirname(path))
  return basename(meta) === 'Meta' && basename(dirname(meta)) === 'Archives'
}

/**
 * `dat status [DIR]`: what a folder is to us, and how complete.
 *
 * Owns: that page. It is read from what is stored, without network and without a lock.
 */

import { statSync } from 'node:fs'
import type { FolderStatus } from '@dat-rhino/sdk'
import { type Folder, open } from '@dat-rhino/sdk'
import { count, duration, bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { type FoundFolder, lookForFolder, nothingAt } from './find-folder.ts'
import { showProgress } from './show-progress.ts'

export interface StatusFlags {
  readonly storage?: string
}

export async function status(session: Session, dir: string, flags: StatusFlags): Promise<void> {
  const found = lookForFolder(dir, flags.storage)
  if (found === undefined) {
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) throw nothingAt(dir)
    const line = `${dir} is neither shared nor a clone. To share it: dat share ${dir}`
    session.output.result('status', { role: 'none', dir }, line)
    return
  }
  await using node = await open({
    network: false,
    readOnly: true,
    ...(flags.storage === undefined ? {} : { storage: flags.storage }),
  })
  await using folder = await node.folder(found.dir)
  const stop = showProgress(session, () => ({ fields: { phase: 'looking' }, line: 'Looking …' }))
  try {
    show(session, found, folder, await folder.status(session.signal))
  } finally {
    stop()
  }
}

function show({ output }: Session, found: FoundFolder, folder: Folder, now: FolderStatus): void {
  const { dir, role, link } = folder
  const { edits, holder, ...facts } = now
  const fields = {
    role,
    dir,
    link,
    ...facts,
    lastPass: edits === undefined ? null : { version: edits.version, at: edits.at },
    edits: edits === undefined ? null : { changed: edits.changed, missing: edits.missing },
    holder: holder ?? null,
  }
  output.result('status', fields, [...lines(found, folder, now)])
}

function* lines({ dir }: FoundFolder, folder: Folder, now: FolderStatus): Generator<string> {
  const { role, link } = folder
  yield `${dir} is ${role === 'share' ? 'shared' : 'a clone'}`
  yield `  link       ${link}`
  yield `  version    ${now.version}${now.writable ? '' : ' (read-only: the secret key is elsewhere)'}`
  yield `  drive      ${drive(now)}`
  yield `  here       ${holdings(now)}`
  yield `  last pass  ${lastPass(now)}`
  yield `  files      ${fileNews(role, now)}`
  yield `  in use     ${now.holder === undefined ? 'by nobody' : `by ${now.holder.description}`}`
}

function drive({ files, bytes }: FolderStatus): string {
  if (files === undefined || bytes === undefined) return 'not known yet'
  return `${count(files, 'file')}, ${size(bytes)}`
}

function holdings({ have, length }: FolderStatus): string {
  const share = length === 0 ? 0 : Math.floor((have / length) * 100)
  return `${have.toLocaleString('en-US')} of ${count(length, 'block')} (${share} %)`
}

function lastPass({ edits, version }: FolderStatus): string {
  if (edits === undefined) return 'none yet'
  const behind =
    edits.version < version ? `, ${count(version - edits.version, 'change')} behind` : ''
  const ago = duration(Date.now() - edits.at)
  return `at version ${edits.version}${behind}, ${ago} ago`
}

function fileNews(role: 'share' | 'clone', { edits }: FolderStatus): string {
  if (edits === undefined) return 'not looked at yet'
  const { changed, missing } = edits
  if (changed + missing === 0) return 'as they were left'
  const what = `${changed.toLocaleString('en-US')} changed, ${missing.toLocaleString('en-US')} missing since`
  return role === 'share' ? `${what} (the next dat share imports that)` : `${what} (yours are kept)`
}

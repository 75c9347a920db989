/**
 * Runs every `*.test.ts` below a folder in this one process: `node … scripts/run-tests.mjs FOLDER`.
 *
 * Sixty files take half a second so, and twenty with a process each. A file that cannot be loaded counts as
 * a failed test and keeps no other from running. The process ends by itself once nothing is open: whatever
 * keeps it open is a fault of a test, and is not hidden by force.
 */

import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

const folder = process.argv[2]
if (folder === undefined) throw new Error('Which folder?')

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
  .sort()

if (files.length === 0)
  test(`${folder} has tests`, () => Promise.reject(new Error('There are none.')))

for (const name of files) {
  try {
    await import(pathToFileURL(resolve(join(folder, name))).href)
  } catch (error) {
    test(`${name} can be loaded`, () => Promise.reject(error))
  }
}

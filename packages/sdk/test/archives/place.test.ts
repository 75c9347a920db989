/** Where old archives stand that nobody keeps: a little in memory, much on the disk, and nothing is left behind. */

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { passingPlace } from '../../src/archives/place.ts'
import { IN_MEMORY } from '../../src/platform/node/storage.ts'

const MEGABYTE = 1024 * 1024

test('up to 64 MiB stand in memory', () => {
  const place = passingPlace(64 * MEGABYTE)

  assert.equal(place.path, IN_MEMORY)
  place.remove()
})

test('more stands in a folder of its own, which is gone when it is removed', () => {
  const place = passingPlace(64 * MEGABYTE + 1)
  const other = passingPlace(64 * MEGABYTE + 1)
  mkdirSync(place.path)
  writeFileSync(join(place.path, 'data'), 'x')

  place.remove()

  assert.notEqual(place.path, other.path)
  assert.equal(existsSync(dirname(place.path)), false)
  assert.equal(existsSync(dirname(other.path)), true)
  other.remove()
})

/** Names: as hyperdrive writes them, and what of them may reach a file system. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { PATH_BYTES_MAX, PATH_PART_BYTES_MAX } from '../../src/base/limits.ts'
import { linkTargets, normalize, normalizeFolder, safeParts } from '../../src/drive/path.ts'
import { vectors } from '../index/vectors.ts'

interface Vectors {
  readonly normalize: readonly (readonly [string, string | { readonly error: string }])[]
  readonly symlinkResolve: readonly { linkAt: string; target: string; resolvesTo: string }[]
}

const expected = vectors<Vectors>('hyperdrive')
const isBadArgument = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')

test('paths become the keys that hyperdrive makes of them', () => {
  for (const [path, key] of expected.normalize) {
    if (typeof key === 'string') assert.equal(normalize(path), key)
    else assert.throws(() => normalize(path), isBadArgument, path)
  }
})

test('the root is a folder and no file', () => {
  for (const path of ['', '/', '.', '/a/..']) {
    assert.equal(normalizeFolder(path), '/')
    assert.throws(() => normalize(path), isBadArgument)
  }
})

test('a key stays what it is when it is normalised again', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'bü', '.', '..', '', 'c:', ' ')), (parts) => {
      let key: string
      try {
        key = normalizeFolder(parts.join('/'))
      } catch (error) {
        assert.ok(isBadArgument(error))
        return
      }
      assert.equal(normalizeFolder(key), key)
      assert.match(key, /^\//)
    }),
  )
})

test('strict paths are refused where others would be rewritten or kept with a NUL', () => {
  const strict = { strict: true }

  for (const path of ['a\\b', 'C:/x', 'http://h/x', 'file:///x', 'a\0b']) {
    assert.throws(() => normalize(path, strict), isBadArgument, path)
  }
  assert.equal(normalize('a/./b', strict), '/a/b')
  assert.equal(normalize('/c:/x', strict), '/c:/x')
})

test('a link points where POSIX says, then where hyperdrive says, and never out of the drive', () => {
  for (const { linkAt, target, resolvesTo } of expected.symlinkResolve) {
    assert.equal(linkTargets(linkAt, target).at(-1), resolvesTo, `${linkAt} ${target}`)
  }
  assert.deepEqual(linkTargets('/d/l', 'x'), ['/d/x', '/d/l/x'])
  assert.deepEqual(linkTargets('/d/l', '../x'), ['/x', '/d/x'])
  assert.deepEqual(linkTargets('/d/l', '/x'), ['/x'])
  assert.deepEqual(linkTargets('/l', '../../../x'), [])
})

const refused = (path: string, options = {}): boolean =>
  safeParts(path, options).refused !== undefined

test('names that leave their folder, or that no file system holds, are refused', () => {
  for (const path of [
    '/..',
    '/a/../b',
    '/a/./b',
    '/a//b',
    '/a/',
    '/',
    'a',
    '',
    '/a\0b',
    '/\ud800',
  ]) {
    assert.ok(refused(path), JSON.stringify(path))
  }
  assert.deepEqual(safeParts('/a/b c/ü'), { parts: ['a', 'b c', 'ü'] })
})

test('names may be as long as the limits, in bytes, and no longer', () => {
  const part = 'ü'.repeat(PATH_PART_BYTES_MAX / 2)
  assert.ok(!refused(`/${part}a`))
  assert.ok(refused(`/${part}ab`))

  const long = (bytes: number): string => `/${'a/'.repeat(bytes / 2 - 1)}b`.padEnd(bytes, 'b')
  assert.ok(!refused(long(PATH_BYTES_MAX)))
  assert.ok(refused(`${long(PATH_BYTES_MAX)}b`))
})

test('on Windows its own rules come on top', () => {
  const names = [
    'a:b',
    'a\\b',
    'a?',
    'con',
    'CON.txt',
    'com1',
    'LPT9.x',
    'nul .a',
    'a.',
    'a ',
    'a\tb',
    '"',
  ]
  for (const name of names) {
    assert.ok(!refused(`/x/${name}`), name)
    assert.ok(refused(`/x/${name}`, { windows: true }), name)
  }
  for (const name of ['console', 'com', 'com10', 'a.con', '.a', 'nullable']) {
    assert.ok(!refused(`/${name}`, { windows: true }), name)
  }
})

test('whatever passes stays below the folder that it is joined to', () => {
  const part = fc.oneof(fc.constantFrom('..', '.', '', 'a', '\\', '\0', 'C:'), fc.string())
  fc.assert(
    fc.property(fc.array(part), fc.boolean(), (names, windows) => {
      const { parts = [] } = safeParts(`/${names.join('/')}`, { windows })

      for (const name of parts) {
        assert.ok(name !== '' && name !== '.' && name !== '..')
        assert.ok(!name.includes('/') && !name.includes('\0'))
      }
    }),
  )
})

test('a path that needs no rewriting is the same as when all of it is gone through', () => {
  const parts = fc.array(fc.constantFrom('a', 'b c', 'ü', '/', '/', '\\', '.', '..', ':', '\0'))
  const outcome = (path: string): string => {
    try {
      return normalize(path)
    } catch (error) {
      assert.ok(isCode(error, 'BAD_ARGUMENT'))
      return 'refused'
    }
  }
  fc.assert(
    fc.property(parts, (parts) => {
      const path = `/${parts.join('')}`

      assert.equal(outcome(path), outcome(`.${path}`))
    }),
    { numRuns: 2_000 },
  )
})

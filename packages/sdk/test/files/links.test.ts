/**
 * Symbolic links on their way between folder and drive: none leads out, on either side.
 */

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { linkText, storedTarget } from '../../src/files/links.ts'

test('a relative link that stays inside is stored and written as it is', () => {
  for (const [path, target] of [
    ['/a', 'b'],
    ['/d/a', '../b'],
    ['/d/a', './b/c'],
    ['/d/e/a', '../../x/y'],
    ['/d/a', '..'],
  ] as const) {
    assert.equal(storedTarget('/root', path, target), target)
    assert.equal(linkText(path, target), target)
  }
})

test('a link that leads out is neither stored nor written', () => {
  for (const [path, target] of [
    ['/a', '..'],
    ['/a', '../x'],
    ['/d/a', '../../x'],
    ['/d/a', 'b/../../../x'],
    ['/a', ''],
    ['/a', 'x\0y'],
    ['/a', '..\\x'],
  ] as const) {
    assert.equal(storedTarget('/root', path, target), undefined, target)
    assert.equal(linkText(path, target), undefined, target)
  }
  assert.equal(storedTarget('/root', '/a', '/etc/passwd'), undefined)
  assert.equal(storedTarget('/root', '/a', '/root2/x'), undefined)
})

test('an absolute link into the folder is stored from the root of the drive, and written relative', () => {
  const stored = storedTarget('/some/root', '/d/a', '/some/root/e/f')

  assert.equal(stored, '/e/f')
  assert.equal(linkText('/d/a', '/e/f'), '../e/f')
  assert.equal(linkText('/a', '/'), '.')
})

test('a step back behind a name is taken out: the name may be a link to somewhere else', () => {
  assert.equal(linkText('/a', 'b/../c'), 'c')
  assert.equal(linkText('/d/a', '../x/./../y'), '../y')
})

test('no link leads to the state of a clone', () => {
  assert.equal(linkText('/a', '.dat-rhino/store'), undefined)
  assert.equal(linkText('/d/a', '../.DAT-RHINO'), undefined)
})

test('whatever the target, what is written has its steps back in front and stays inside', () => {
  const part = fc.constantFrom('..', '.', 'a', 'b', '')
  const path = fc
    .array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`)
  const target = fc.array(part, { maxLength: 7 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(path, target, (from, to) => {
      const text = linkText(from, to)
      if (text === undefined) return

      assert.match(text, /^(\.\.?\/+)*(\.\.?|[^/]+(\/+(\.\/+)*[^/]+)*)?\/*\.?$/)
      const reached = posix.join('/1/2/3/4/5', posix.dirname(from), text)
      assert.ok(`${reached}/`.startsWith('/1/2/3/4/5/'), `${from} -> ${text}`)
      const meant = to.startsWith('/') ? to : posix.join(posix.dirname(from), to)
      assert.equal(
        posix.join('/', posix.dirname(from), text).replace(/(.)\/+$/, '$1'),
        posix.join('/', meant).replace(/(.)\/+$/, '$1'),
      )
    }),
  )
})

/**
 * Numbers and names as people read them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, changes, count, cut, duration, printable, printableText } from '../src/format.ts'

test('sizes have three figures at most, in decimal units', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 KB'],
    [99_940, '99.9 KB'],
    [99_960, '100 KB'],
    [999_499, '999 KB'],
    [999_500, '1.0 MB'],
    [43_210_000, '43.2 MB'],
    [5e15, '5000 TB'],
  ]

  for (const [given, said] of cases) assert.equal(bytes(given), said)
})

test('durations are told in the two largest units', () => {
  const cases: [number | undefined, string][] = [
    [undefined, '-'],
    [Number.POSITIVE_INFINITY, '-'],
    [400, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min 0 s'],
    [3_599_000, '59 min 59 s'],
    [4_320_000, '1 h 12 min'],
  ]

  for (const [given, said] of cases) assert.equal(duration(given), said)
})

test('counts agree with their noun', () => {
  assert.equal(count(1, 'file'), '1 file')
  assert.equal(count(11_539, 'file'), '11,539 files')
  assert.equal(count(2, 'entry', 'entries'), '2 entries')
})

test('of changes only those are told that there were', () => {
  assert.equal(changes({ added: 2, changed: 0, removed: 1_000 }), '2 added, 1,000 removed')
  assert.equal(changes({ added: 0, changed: 0 }), 'no change')
})

test('nothing in a name reaches the terminal as a command', () => {
  assert.equal(printable('a\u001b[2Jb'), 'a\\u001b[2Jb')
  assert.equal(printable('a\r\nb\tc'), 'a\\u000d\\u000ab\\u0009c')
  assert.equal(printable('photo\u202egpj.exe'), 'photo\\u202egpj.exe')
  assert.equal(printable('\u009b31m'), '\\u009b31m')
  assert.equal(printable('Straße 东京 😀'), 'Straße 东京 😀')
})

test('whatever the text, what is printed of it is one line without control characters', () => {
  const control = /\p{Cc}|\p{Bidi_Control}|[\u2028\u2029]/u
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), control)
    }),
  )
})

test('a text of many lines keeps lines and tabs and loses the rest', () => {
  assert.equal(printableText('a\tb\r\nc\u001b[1m\rd\n'), 'a\tb\nc\\u001b[1m\\u000dd\n')
})

test('what is cut shows that it was', () => {
  assert.equal(cut('short', 5), 'short')
  assert.equal(cut('longer', 5), 'long…')
})

/** Which pieces of the data log are kept in memory, and that what is read through them is what was written. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  READ_WINDOW_BYTES,
  READ_WINDOW_TOUCHES_MAX,
  READ_WINDOW_TOUCHES_MIN,
  READ_WINDOWS_MAX,
} from '../../src/base/limits.ts'
import { ReadWindows } from '../../src/store/engine/read-windows.ts'

/** Reads `length` bytes at `address`, as the block reader does. True if a window served it, or was filled for it. */
function read(windows: ReadWindows, address: number, length = 100): 'kept' | 'filled' | 'direct' {
  const end = address + length
  if (windows.find(address, end) !== undefined) return 'kept'
  if (!windows.touch(address, end, false)) return 'direct'
  const window = windows.make(address, 0)
  window.end = window.from + window.length
  return 'filled'
}

test('a piece is kept after it was touched a few times, and then serves its reads', () => {
  const windows = new ReadWindows()
  for (let i = 1; i < READ_WINDOW_TOUCHES_MIN; i++) assert.equal(read(windows, 5_000), 'direct')
  assert.equal(read(windows, 5_000), 'filled')
  assert.equal(read(windows, 0), 'kept')
  assert.equal(read(windows, READ_WINDOW_BYTES - 100), 'kept')
  assert.equal(read(windows, READ_WINDOW_BYTES), 'direct', 'the next piece')
})

test('where bytes come from the disk a quarter of the touches is enough', () => {
  const windows = new ReadWindows()

  for (let i = 1; i < READ_WINDOW_TOUCHES_MIN / 4; i++) {
    assert.equal(windows.touch(5_000, 5_100, true), false)
  }

  assert.equal(windows.touch(5_000, 5_100, true), true)
})

test('a read that lies across two pieces is never served from one', () => {
  const windows = new ReadWindows()
  for (let i = 0; i < 2 * READ_WINDOW_TOUCHES_MAX; i++) {
    assert.equal(read(windows, READ_WINDOW_BYTES - 50), 'direct')
  }
})

test('a window serves nothing before the file that it was read from, nor behind what was there', () => {
  const windows = new ReadWindows()
  const window = windows.make(10_000, 8_000)
  window.end = 20_000
  assert.equal(window.from, 8_000)
  assert.equal(windows.find(7_999, 8_050), undefined)
  assert.equal(windows.find(19_950, 20_001), undefined)
  assert.equal(windows.find(8_000, 20_000), window)
  const grown = windows.make(10_000, 8_000)
  assert.equal(grown.bytes, window.bytes, 'the piece has one window')
  assert.equal(windows.find(8_000, 20_000), undefined, 'until it is read')
})

test('no more windows are kept than the limit, and those in use stay', () => {
  const windows = new ReadWindows()
  const fill = (piece: number): void => {
    const window = windows.make(piece * READ_WINDOW_BYTES, 0)
    window.end = window.from + window.length
  }
  for (let piece = 0; piece < READ_WINDOWS_MAX; piece++) fill(piece)
  assert.equal(read(windows, 0), 'kept', 'one below the limit and at it, all are here')
  fill(READ_WINDOWS_MAX)
  assert.equal(read(windows, 0), 'kept', 'it was in use')
  assert.equal(read(windows, READ_WINDOW_BYTES), 'direct', 'it was not')
})

test('where pieces leave unused it takes more touches to keep one, up to a limit', () => {
  const windows = new ReadWindows()
  const filled = (rounds: number): number => {
    let count = 0
    // Twice as many pieces as there is room for, one after the other: none is ever read before it leaves.
    for (let i = 0; i < rounds; i++) {
      for (let piece = 0; piece < 2 * READ_WINDOWS_MAX; piece++) {
        if (read(windows, piece * READ_WINDOW_BYTES) === 'filled') count++
      }
    }
    return count
  }
  const rounds = READ_WINDOW_TOUCHES_MAX
  filled(rounds)
  const late = filled(rounds)
  const reads = rounds * 2 * READ_WINDOWS_MAX
  assert.ok(late <= (2 * reads) / READ_WINDOW_TOUCHES_MAX, `${late} fills for ${reads} reads`)
})

test('what was read through windows is what stands in the file, whatever is asked for in which order', () => {
  const size = 6 * READ_WINDOW_BYTES
  const file = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >>> 8)) & 255)
  const step = fc.record({
    address: fc.integer({ min: 0, max: size - 1 }),
    length: fc.integer({ min: 1, max: 2_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const windows = new ReadWindows()
      for (const { address, length } of steps) {
        const end = Math.min(address + length, size)
        let window = windows.find(address, end)
        if (window === undefined && windows.touch(address, end, false)) {
          window = windows.make(address, 0)
          const bytes = file.subarray(window.from, window.from + window.length)
          window.bytes.set(bytes)
          window.end = window.from + bytes.length
        }
        if (window === undefined) continue
        const at = address - window.from
        assert.deepEqual(window.bytes.subarray(at, at + end - address), file.subarray(address, end))
      }
    }),
  )
})

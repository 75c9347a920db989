/** The window on simulated ways: it finds the width that keeps them full, and no more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IN_FLIGHT_BYTES_MAX, REQUESTS_QUEUED_MAX } from '../../src/base/limits.ts'
import { Window } from '../../src/replicator/window.ts'

interface Way {
  readonly roundTripMs: number
  readonly bytesPerMs: number
  readonly blockBytes: number
}

/** Downloads for `forMs` through a way with a queue; returns the window and the bytes that came. */
function download(way: Way, forMs: number, room = (window: Window): boolean => window.hasRoom) {
  const window = new Window(way.blockBytes)
  const flights: { counted: number; sentAt: number; arrives: number }[] = []
  let freeAt = 0
  let bytes = 0
  for (let now = 0; now < forMs; now += 0.25) {
    while (flights[0] !== undefined && flights[0].arrives <= now) {
      const flight = flights.shift()
      if (flight === undefined) break
      window.answered(flight.counted, way.blockBytes, flight.sentAt, now)
      bytes += way.blockBytes
    }
    while (room(window)) {
      freeAt = Math.max(freeAt, now + way.roundTripMs) + way.blockBytes / way.bytesPerMs
      flights.push({ counted: window.sent(now), sentAt: now, arrives: freeAt })
    }
  }
  return { window, bytes }
}

test('a long fast way is filled within seconds', () => {
  const way = { roundTripMs: 50, bytesPerMs: 10_000, blockBytes: 1_024 }

  const { bytes } = download(way, 5_000)

  assert.ok(bytes > 0.7 * 5_000 * way.bytesPerMs, `${bytes}`)
})

test('a near peer is asked for no more than keeps it busy, however fast it is', () => {
  const way = { roundTripMs: 1, bytesPerMs: 20_000, blockBytes: 1_024 }
  let most = 0

  const { bytes } = download(way, 15_000, (window) => {
    most = Math.max(most, window.blocks)
    return window.hasRoom
  })

  assert.ok(bytes > 0.9 * 15_000 * way.bytesPerMs, `${bytes}`)
  assert.equal(most, 1_024)
})

test('a far one is asked for as many as the way holds', () => {
  const way = { roundTripMs: 80, bytesPerMs: 20_000, blockBytes: 1_024 }

  const { window, bytes } = download(way, 25_000)

  assert.ok(window.blocksMax > 1_600, `${window.blocksMax}`)
  assert.ok(bytes > 0.9 * 25_000 * way.bytesPerMs, `${bytes}`)
})

test('a slow way holds no more than a fraction of a second of what it carries', () => {
  const way = { roundTripMs: 40, bytesPerMs: 100, blockBytes: 1_024 }

  const { window, bytes } = download(way, 10_000)

  assert.ok(bytes > 0.8 * 10_000 * way.bytesPerMs, `${bytes}`)
  assert.ok(window.limitBytes / way.bytesPerMs < 400, `${window.limitBytes}`)
})

test('it starts small, and grows at most twofold for each round trip', () => {
  const way = { roundTripMs: 100, bytesPerMs: 1e6, blockBytes: 1_000 }

  const start = download(way, 90).window.limitBytes
  const later = download(way, 350).window.limitBytes

  assert.equal(start, 24 * 1_064)
  assert.ok(later > start && later <= start * 8, `${later}`)
})

test('it begins as wide as the way is known to be, and never narrower than without knowing', () => {
  const known = new Window(1_000, 500_000)
  const narrow = new Window(1_000, 1)

  assert.deepEqual([known.limitBytes, narrow.limitBytes], [500_000, 24 * 1_064])
})

test('it never asks for more blocks than a remote of ours queues, nor for more bytes than the cap', () => {
  const tiny = download({ roundTripMs: 200, bytesPerMs: 1e6, blockBytes: 1 }, 5_000)
  const huge = download({ roundTripMs: 200, bytesPerMs: 1e6, blockBytes: 1_000_000 }, 5_000)

  assert.ok(tiny.window.blocks <= REQUESTS_QUEUED_MAX)
  assert.ok(huge.window.bytes <= IN_FLIGHT_BYTES_MAX)
})

test('a log of empty blocks fills its window too', () => {
  const { window } = download({ roundTripMs: 100, bytesPerMs: 1e6, blockBytes: 0 }, 5_000)

  assert.ok(window.blocks > 500, `${window.blocks}`)
})

test('a peer that is asked for one block at a time keeps its window', () => {
  const way = { roundTripMs: 50, bytesPerMs: 1_000, blockBytes: 1_024 }

  const { window } = download(way, 5_000, (w) => w.blocks === 0)

  assert.equal(window.limitBytes, 24 * (1_024 + 64))
})

test('what is given back unanswered leaves nothing behind', () => {
  const window = new Window(500)
  const counted = [window.sent(0), window.sent(0), window.sent(0)]

  for (const bytes of counted) window.gone(bytes)

  assert.equal(window.blocks, 0)
  assert.equal(window.bytes, 0)
})

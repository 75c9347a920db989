/**
 * What a remote can do to the muxer: limits, broken rules, and any order of things.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import {
  BATCH_MESSAGES_MAX,
  CHANNEL_HANDSHAKE_BYTES_MAX,
  CHANNEL_ID_BYTES_MAX,
  CHANNEL_NUMBERS_MAX,
  CHANNEL_PROTOCOL_BYTES_MAX,
  CHANNELS_MAX,
  CHANNELS_UNPAIRED_MAX,
  UNPAIRED_BYTES_MAX,
} from '../../src/base/limits.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import type { Mux } from '../../src/wire/mux.ts'
import { Ear, muxPair, type ScriptedMux, scriptedMux } from './channels.ts'
import { TestClock } from './simulated.ts'

interface Opening {
  readonly number?: number
  readonly protocol?: string
  readonly id?: Uint8Array
  readonly handshake?: Uint8Array
}

function opening(options: Opening = {}): string {
  const { number = 1, protocol = 'a', id, handshake = new Uint8Array(0) } = options
  const frame = new Writer()
  frame.u8(0)
  frame.u8(1)
  frame.uint(number)
  frame.string(protocol)
  frame.buffer(id)
  frame.fixed(handshake)
  return hex(frame.view())
}

/** `each` writes one message after the other into a batch on channel 1. */
function batch(count: number, each: (frame: Writer, i: number) => void): string {
  const frame = new Writer()
  for (const byte of [0, 0, 1]) frame.u8(byte)
  for (let i = 0; i < count; i++) each(frame, i)
  return hex(frame.view())
}

/** Answers every opening at once, and keeps nothing. */
function acceptAll(mux: Mux, protocol = 'a'): Ear {
  const ear = new Ear()
  mux.pair(protocol, undefined, (id) => Boolean(mux.open({ protocol, id, handler: ear })))
  return ear
}

function codeAfter(scripted: ScriptedMux): string | undefined {
  const error = scripted.ended()
  return error instanceof DatError ? error.code : undefined
}

// ---- One below, one above ------------------------------------------------------------------------

const sizes: { name: string; at: number; make: (size: number) => Opening }[] = [
  {
    name: 'a protocol name',
    at: CHANNEL_PROTOCOL_BYTES_MAX,
    make: (size) => ({ protocol: 'x'.repeat(size) }),
  },
  {
    name: 'an id',
    at: CHANNEL_ID_BYTES_MAX,
    make: (size) => ({ id: new Uint8Array(size).fill(1) }),
  },
  {
    name: 'a handshake',
    at: CHANNEL_HANDSHAKE_BYTES_MAX,
    make: (size) => ({ handshake: new Uint8Array(size) }),
  },
]

for (const { name, at, make } of sizes) {
  test(`${name} of ${at} bytes is taken, and one of ${at + 1} ends the connection`, () => {
    const below = scriptedMux()
    const ear = acceptAll(below.mux, make(at).protocol)
    below.receive(opening(make(at)))
    assert.match(ear.lines[0] ?? '', /^open/)
    assert.equal(codeAfter(below), undefined)

    const above = scriptedMux()
    const none = acceptAll(above.mux, make(at + 1).protocol)
    above.receive(opening(make(at + 1)))
    assert.equal(codeAfter(above), 'OVER_LIMIT')
    assert.deepEqual(none.lines, [])
  })
}

test(`a batch of ${BATCH_MESSAGES_MAX} messages is taken, and one more ends the connection`, () => {
  const run = (count: number): [number, string | undefined] => {
    const scripted = scriptedMux()
    const ear = acceptAll(scripted.mux)
    scripted.receive(
      opening(),
      batch(count, (frame) => frame.fixed(Uint8Array.of(1, 5))),
    )
    return [ear.lines.filter((line) => line === '5').length, codeAfter(scripted)]
  }

  assert.deepEqual(run(BATCH_MESSAGES_MAX), [BATCH_MESSAGES_MAX, undefined])
  assert.equal(run(BATCH_MESSAGES_MAX + 1)[1], 'OVER_LIMIT')
})

test(`a remote may open ${CHANNELS_MAX} channels; the next is refused and the connection stays`, () => {
  const scripted = scriptedMux()
  acceptAll(scripted.mux)
  const id = (i: number): Uint8Array => Uint8Array.of(i >> 16, i >> 8, i)

  for (let i = 1; i <= CHANNELS_MAX; i++) scripted.receive(opening({ number: i, id: id(i) }))
  assert.equal(scripted.mux.channelCount, CHANNELS_MAX)
  scripted.sent()
  scripted.receive(opening({ number: CHANNELS_MAX + 1, id: id(CHANNELS_MAX + 1) }))

  assert.equal(scripted.mux.channelCount, CHANNELS_MAX)
  assert.deepEqual(scripted.sent(), ['0002fd0140'])
  assert.equal(codeAfter(scripted), undefined)
})

test(`channel numbers up to ${CHANNEL_NUMBERS_MAX} are known, and one more ends the connection`, () => {
  const scripted = scriptedMux()

  for (let i = 1; i <= CHANNEL_NUMBERS_MAX; i++) scripted.receive(opening({ number: i }))
  assert.equal(codeAfter(scripted), undefined, 'all were refused')
  scripted.receive(opening({ number: CHANNEL_NUMBERS_MAX + 1 }))

  assert.equal(codeAfter(scripted), 'OVER_LIMIT')
})

test(`${CHANNELS_UNPAIRED_MAX} openings may wait for us, and the next is refused`, () => {
  const scripted = scriptedMux()
  let asked = 0
  scripted.mux.pair('a', undefined, () => ++asked > 0)
  const id = (i: number): Uint8Array => Uint8Array.of(i >> 8, i)

  for (let i = 1; i <= CHANNELS_UNPAIRED_MAX; i++) {
    scripted.receive(opening({ number: i, id: id(i) }))
  }
  assert.deepEqual(scripted.sent(), [])
  scripted.receive(
    opening({ number: CHANNELS_UNPAIRED_MAX + 1, id: id(CHANNELS_UNPAIRED_MAX + 1) }),
  )

  assert.equal(asked, CHANNELS_UNPAIRED_MAX)
  assert.deepEqual(scripted.sent(), ['0002fd0104'])
})

test(`${UNPAIRED_BYTES_MAX} bytes are kept for openings that wait; what goes beyond costs that opening`, () => {
  const kept = (bytes: number): { lines: string[]; sent: string[] } => {
    const scripted = scriptedMux()
    scripted.mux.pair('a', undefined, () => true)
    scripted.receive(opening())
    // A kept message takes its length (5 bytes), its type and its body.
    scripted.receive(`0100${'00'.repeat(bytes - 6)}`)
    const sent = scripted.sent()
    const ear = new Ear()
    scripted.mux.open({ protocol: 'a', handler: ear })
    return { lines: ear.lines.map((line) => line.slice(0, 4)), sent }
  }

  assert.deepEqual(kept(UNPAIRED_BYTES_MAX), { lines: ['open', '0 00'], sent: [] })
  assert.deepEqual(kept(UNPAIRED_BYTES_MAX + 7), { lines: [], sent: ['000201'] })
})

test('bytes kept for openings are free again when they are taken, refused or closed', () => {
  const scripted = scriptedMux()
  scripted.mux.pair('a', undefined, () => true)
  const body = `0100${'00'.repeat(40_000)}`

  for (let round = 0; round < 10; round++) {
    scripted.receive(opening(), body, '000301')
    scripted.receive(opening(), body)
    const ear = new Ear()
    scripted.mux.open({ protocol: 'a', handler: ear }).close()
    assert.equal(ear.lines.length, 3, `round ${round}: open, message, close`)
  }
})

// ---- Rules that a remote can break ---------------------------------------------------------------

/** The remote's number 1 is taken by an open channel. */
const fatal: [string, string[]][] = [
  ['an opening with number 0', ['000100016100']],
  ['an opening that leaves a number out', [opening({ number: 3 })]],
  ['an opening under a number in use', [opening({ number: 1 })]],
  ['a refusal of what was not asked', ['000201']],
  ['a refusal of number 0', ['000200']],
  ['a batch in a batch', ['00000003000001']],
  ['a frame with a channel and nothing more', ['05']],
  ['a batch without a channel', ['0000']],
  ['a batch whose last message is cut', ['00000105000f00']],
  ['an opening that is cut', ['00010205']],
  ['a protocol name that is no text', ['00010202c32800']],
  ['a number above 2^53 - 1', ['ffffffffffffffffff']],
]

for (const [name, frames] of fatal) {
  test(`${name} ends the connection, and every channel hears why`, () => {
    const scripted = scriptedMux()
    const ear = new Ear()
    scripted.mux.open({ protocol: 'ours', handler: ear })
    scripted.receive(opening({ protocol: 'ours' }))

    scripted.receive(...frames)

    assert.equal(codeAfter(scripted), 'BAD_FRAME')
    assert.deepEqual(ear.lines, ['open', `close ${scripted.ended()?.message}`])
  })
}

const harmless: [string, string[]][] = [
  ['an empty frame', ['']],
  ['a message on a channel that is not', ['090001', '0000' + '09' + '020001']],
  ['a close of a channel that is not', ['000309', '000300']],
  ['a control message of an unknown type', ['000401', '00fd2c01']],
  ['numbers in a longer form than needed', ['fd010000ff']],
  ['a switch of channel with nothing on it', ['0000010001' + '00' + '01' + '0200ff']],
]

for (const [name, frames] of harmless) {
  test(`${name} does no harm`, () => {
    const scripted = scriptedMux()
    const ear = new Ear()
    scripted.mux.open({ protocol: 'a', handler: ear })
    scripted.receive(opening())

    scripted.receive(...frames, '010001')

    assert.equal(scripted.ended(), undefined)
    assert.ok(ear.lines.includes('0 01'), 'the message behind it is heard')
  })
}

// ---- Any bytes, any order ------------------------------------------------------------------------

test('any frames give messages or a typed error, and what is kept stays bounded', () => {
  const uint = fc.oneof(fc.nat(6), fc.nat(300), fc.constant(Number.MAX_SAFE_INTEGER))
  const wild = fc.uint8Array({ maxLength: 60 })
  const shaped = fc
    .tuple(fc.constantFrom('0001', '0002', '0003', '0000', '', '01', '02'), uint, wild)
    .map(([prefix, number, rest]) => {
      const frame = new Writer()
      frame.fixed(Uint8Array.from(Buffer.from(prefix, 'hex')))
      frame.uint(number)
      frame.fixed(rest)
      return hex(frame.view())
    })
  const frames = fc.array(fc.oneof(shaped, wild.map(hex)), { maxLength: 30 })

  fc.assert(
    fc.property(frames, fc.boolean(), (list, later) => {
      const scripted = scriptedMux()
      const { mux } = scripted
      mux.pair('a', undefined, () => later)
      acceptAll(mux, 'b')
      mux.open({ protocol: 'c', handler: new Ear() })
      for (const frame of list) {
        scripted.receive(frame)
        if (mux.closed) break
      }
      const code = codeAfter(scripted)
      assert.ok([undefined, 'BAD_FRAME', 'OVER_LIMIT'].includes(code), code)
      assert.equal(mux.closed, code !== undefined)
    }),
    { numRuns: 500 },
  )
})

type Step = {
  readonly side: 0 | 1
  readonly do: 'open' | 'send' | 'close' | 'turn'
  readonly which: number
}

/** What must hold however two muxes open, send and close. */
function checkConversation(steps: readonly Step[]): void {
  const clock = new TestClock()
  const muxes = muxPair(clock)
  // What is open on each side; every opening ever made, which is what messages name as their sender.
  const open: (Ear | undefined)[][] = [[], []]
  const all: Ear[] = []
  const openSide = (side: 0 | 1, which: number): void => {
    const ear = new Ear()
    all.push(ear)
    ear.during = (line) => {
      if (line.startsWith('close') && open[side]?.[which] === ear) delete open[side]?.[which]
    }
    const sideOpen = open[side] ?? []
    sideOpen[which] = ear
    ear.channel = muxes[side].open({ protocol: 'p', id: Uint8Array.of(which), handler: ear })
  }
  for (const side of [0, 1] as const) {
    muxes[side].pair('p', undefined, (id) => {
      openSide(side, id?.[0] ?? 0)
      return true
    })
  }
  let count = 0
  for (const step of steps) {
    const ear = open[step.side]?.[step.which]
    if (step.do === 'turn') clock.turn()
    else if (step.do === 'open' && ear === undefined) openSide(step.side, step.which)
    else if (step.do === 'send' && ear !== undefined) {
      ear.channel?.send(1, Uint8Array.of(all.indexOf(ear), count++))
    }
    if (step.do === 'close') ear?.channel?.close()
  }
  clock.run()

  for (const side of [0, 1] as const) {
    assert.equal(muxes[side].closed, false, 'nobody broke a rule')
    for (let which = 0; which < 3; which++) {
      const here = open[side]?.[which]
      const there = open[1 - side]?.[which]
      assert.equal(here?.channel?.opened, there?.channel?.opened, 'both agree on what is open')
    }
  }
  assert.equal(muxes[0].channelCount, muxes[1].channelCount)
  for (const ear of all) {
    const { lines } = ear
    assert.ok(lines.filter((line) => line.startsWith('open')).length <= 1, 'opened once')
    assert.ok([-1, lines.length - 1].includes(lines.indexOf('close')), 'closed once and last')
    const heard = lines.filter((l) => l.startsWith('1 ')).map((l) => fromHex(l.slice(2)))
    assert.ok(new Set(heard.map((bytes) => bytes[0])).size <= 1, 'from one opening only')
    const numbers = heard.map((bytes) => bytes[1] ?? 0)
    assert.deepEqual(
      numbers,
      [...numbers].sort((x, y) => x - y),
      'in order',
    )
  }
}

test('however two sides open, send and close, they agree at rest and nobody breaks a rule', () => {
  const step = fc.record<Step>({
    side: fc.constantFrom(0, 1),
    do: fc.constantFrom('open', 'send', 'close', 'turn'),
    which: fc.nat(2),
  })
  const s = (side: 0 | 1, action: Step['do'], which = 0): Step => ({ side, do: action, which })

  checkConversation([s(0, 'open'), s(1, 'open'), s(0, 'close'), s(0, 'open'), s(1, 'close')])
  checkConversation([s(0, 'open'), s(0, 'close'), s(0, 'open'), s(1, 'open'), s(1, 'close')])
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), checkConversation), { numRuns: 1_000 })
})

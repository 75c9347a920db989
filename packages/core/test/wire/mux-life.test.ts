/**
 * How channels of the muxer end, whose fault costs what, and how much is done in one turn.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SLICE_MS, TURN_ITEMS } from '../../src/base/limits.ts'
import { TurnPace } from '../../src/base/pace.ts'
import { fromHex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import type { Mux } from '../../src/wire/mux.ts'
import { Ear, muxPair, scriptedMux } from './channels.ts'
import { TestClock } from './simulated.ts'

/** OPEN of protocol `a` with number 1, and of `b` with number 2. */
const OPEN_A = '000101016100'
const OPEN_B = '000102016200'

// ---- The end of a channel ------------------------------------------------------------------------

test('a refused opening is told, and its number is used again', () => {
  const { mux, receive, sent } = scriptedMux()
  const ear = new Ear()
  const channel = mux.open({ protocol: 'a', handler: ear })

  receive('000201')

  assert.deepEqual(ear.lines, ['close'])
  assert.equal(channel.closed, true)
  assert.throws(() => channel.begin(0), { code: 'CLOSED' })
  mux.open({ protocol: 'b', handler: new Ear() })
  assert.deepEqual(sent(), [OPEN_A, '000101016200'])
})

test('a close ends both ends at once, late messages are ignored, and numbers are free again', () => {
  const { mux, receive, sent, ended } = scriptedMux()
  const ear = new Ear()
  const a = mux.open({ protocol: 'a', handler: ear })
  receive(OPEN_A)
  sent()

  a.close(new Error('ours'))
  receive('010001', '000301')
  assert.deepEqual(ear.lines, ['open', 'close ours'])
  assert.deepEqual(sent(), ['000301'])

  mux.open({ protocol: 'b', handler: new Ear() })
  assert.deepEqual(sent(), ['000101016200'], 'number 1 again')
  receive('000101016200')
  assert.equal(mux.channelCount, 1)
  assert.equal(ended(), undefined)
})

test('the remote closes: the handler hears of it, and the pair can be opened anew by either', () => {
  const { mux, receive, sent } = scriptedMux()
  const ear = new Ear()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  receive(OPEN_A, '000301')
  assert.deepEqual(ear.lines, ['open', 'close'])

  receive(OPEN_A)
  assert.deepEqual(ear.lines, ['open', 'close', 'open'])
  assert.equal(sent().length, 2)
})

test('a number closed before it was paired is kept until the remote has answered, by opening or refusing', () => {
  for (const answer of [OPEN_A, '000201']) {
    const { mux, receive, sent } = scriptedMux()
    const first = new Ear()
    mux.open({ protocol: 'a', handler: first }).close()
    const second = new Ear()
    mux.open({ protocol: 'a', handler: second })
    assert.deepEqual(sent().join(), '000000' + '0501010161' + '00' + '020301' + '0501020161' + '00')

    receive(answer)
    assert.deepEqual(first.lines, ['close'])
    assert.deepEqual(second.lines, [], 'the answer was for the first')
    mux.open({ protocol: 'b', handler: new Ear() })
    assert.deepEqual(sent(), ['000101016200'], 'number 1 is free')

    receive(OPEN_A)
    assert.deepEqual(second.lines, ['open'])
  }
})

test('an opening that is closed while it waits for us is answered, so that its number is free', () => {
  const { mux, receive, sent } = scriptedMux()
  mux.pair('a', undefined, () => true)

  receive(OPEN_A, '000301')
  assert.deepEqual(sent(), ['000201'])

  const ear = new Ear()
  mux.open({ protocol: 'a', handler: ear })
  assert.deepEqual(ear.lines, [], 'that is a new opening, which the remote has not answered')
})

test('the end of the connection is told to every channel once, also to those that were not open', () => {
  const { mux, receive, transport } = scriptedMux()
  const ears = [new Ear(), new Ear(), new Ear()]
  mux.open({ protocol: 'a', handler: ears[0] ?? new Ear() })
  receive(OPEN_A)
  mux.open({ protocol: 'b', handler: ears[1] ?? new Ear() })
  mux.open({ protocol: 'c', handler: ears[2] ?? new Ear() }).close()

  mux.close(new Error('gone'))
  mux.close()
  transport.handler?.onClose(undefined)

  assert.deepEqual(
    ears.map((ear) => ear.lines.at(-1)),
    ['close gone', 'close gone', 'close'],
  )
  assert.equal(mux.closed, true)
  assert.equal(mux.writable, false)
  assert.throws(() => mux.open({ protocol: 'd', handler: new Ear() }), { code: 'CLOSED' })
})

test('an orderly close sends what was written in this turn', () => {
  const { mux, transport, sent } = scriptedMux()
  mux.open({ protocol: 'a', handler: new Ear() }).send(0, Uint8Array.of(1))

  mux.close()

  assert.deepEqual(transport.closed, { error: undefined })
  assert.equal(sent().length, 1)
})

// ---- Whose fault ---------------------------------------------------------------------------------

test('an error of a handler ends its channel and no other', () => {
  for (const where of ['open', '0 01', 'end', 'writable']) {
    const { mux, receive, transport, ended, sent } = scriptedMux()
    const a = new Ear()
    const b = new Ear()
    a.during = (line) => {
      if (line === where) throw new Error('of the log')
    }
    const channel = mux.open({ protocol: 'a', handler: a })
    mux.open({ protocol: 'b', handler: b })
    transport.writable = false
    assert.equal(channel.writable, false)
    transport.writable = true

    receive(OPEN_A, OPEN_B, '010001', '020002')
    transport.handler?.onWritable()

    assert.equal(a.lines.at(-1), 'close of the log', where)
    assert.deepEqual(b.lines, ['open', '0 02', 'end'])
    assert.equal(ended(), undefined)
    assert.ok(sent().join().includes('0301'), 'the remote hears of it')
  }
})

test('a body that a handler cannot decode ends the connection', () => {
  const { mux, receive, ended } = scriptedMux()
  const ear = new Ear()
  ear.onMessage = (_type, body) => {
    body.fixed(100)
  }
  mux.open({ protocol: 'a', handler: ear })

  receive(OPEN_A, '010001')

  assert.notEqual(ended(), undefined)
  assert.match(ear.lines.at(-1) ?? '', /^close /)
})

// ---- Room and time -------------------------------------------------------------------------------

test('who asks for room and hears no is called once when there is room', () => {
  const { mux, transport } = scriptedMux()
  const a = new Ear()
  const b = new Ear()
  const channel = mux.open({ protocol: 'a', handler: a })
  mux.open({ protocol: 'b', handler: b })
  assert.equal(channel.writable, true)

  transport.writable = false
  assert.equal(channel.writable, false)
  assert.equal(channel.writable, false)
  transport.writable = true
  transport.handler?.onWritable()
  transport.handler?.onWritable()

  assert.deepEqual(a.lines, ['writable'])
  assert.deepEqual(b.lines, [])
})

test('a frame grows to its limit and then goes out without waiting for the turn to end', () => {
  const { mux, transport } = scriptedMux()
  const a = mux.open({ protocol: 'a', handler: new Ear() })

  for (let i = 0; i < 40; i++) a.send(0, new Uint8Array(10_000))

  assert.equal(transport.sent.length, 1)
  assert.ok((transport.sent[0]?.length ?? 0) <= 262_144, 'no longer than the limit')
  a.send(0, new Uint8Array(1_000_000))
  assert.equal(transport.sent.length, 3, 'what was before it does not wait for a large message')
})

test('a long frame is left after SLICE_MS and continued in the next turn, with the pipe paused', () => {
  const { mux, clock, transport } = scriptedMux()
  const ear = new Ear()
  ear.during = () => clock.spend(SLICE_MS / 16)
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  transport.receive(fromHex(OPEN_A))
  const batch = batchOf(100)

  transport.receive(batch)
  const first = ear.lines.length
  assert.ok(first > 10 && first < 100, `${first} messages in the first turn`)
  assert.equal(ear.lines.at(-1), 'end', 'the part is ended before its bytes are gone')
  assert.equal(transport.isPaused, true)
  clock.run()

  assert.deepEqual(
    ear.lines.filter((line) => line.startsWith('0 ')),
    Array.from({ length: 100 }, (_, i) => `0 ${i.toString(16).padStart(2, '0')}`),
  )
  assert.ok(ear.lines.filter((line) => line === 'end').length > 2)
  assert.equal(transport.isPaused, false)
})

test('frames that come in one turn share its slice', () => {
  const { mux, clock, transport } = scriptedMux()
  const ear = new Ear()
  ear.during = () => clock.spend(SLICE_MS / 80)
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  transport.receive(fromHex(OPEN_A))
  const told = (): number => ear.lines.filter((line) => line.startsWith('0 ')).length

  // As a socket brings them: until somebody pauses it.
  for (let i = 0; i < 5 && !transport.isPaused; i++) transport.receive(batchOf(70))
  const first = told()
  assert.equal(transport.isPaused, true)
  assert.ok(first > 70 && first < 140, `${first} messages in the first turn`)
  clock.run()

  assert.equal(told(), 140)
  assert.equal(transport.isPaused, false)
})

test('a turn whose slice is over reads a few messages, however many short frames bring them', () => {
  const { mux, clock, transport } = scriptedMux()
  const ear = new Ear()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  transport.receive(fromHex(OPEN_A))
  const told = (): number => ear.lines.filter((line) => line.startsWith('0 ')).length
  TurnPace.on(clock).begin()
  clock.spend(SLICE_MS)

  for (let i = 0; i < 20 && !transport.isPaused; i++) transport.receive(batchOf(5))
  const first = told()
  clock.run()

  assert.equal(transport.isPaused, false)
  // The opening counts as well.
  assert.ok(first > 0 && first < TURN_ITEMS, `${first} messages in a turn that is over`)
  assert.equal(told(), 10, 'what had come is read in the turns after it')
})

test('while somebody holds a pause, a frame that was left is not continued', () => {
  const { mux, clock, transport } = scriptedMux()
  const ear = new Ear()
  ear.during = () => clock.spend(SLICE_MS / 8)
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  transport.receive(fromHex(OPEN_A))
  mux.pause()
  mux.pause()

  transport.receive(batchOf(100))
  const first = ear.lines.length
  clock.run()
  mux.resume()
  clock.run()
  assert.equal(ear.lines.length, first)
  assert.equal(transport.isPaused, true)

  mux.resume()
  clock.run()
  assert.ok(ear.lines.length > 100, 'the rest has come')
  assert.equal(transport.isPaused, false)
})

/** `count` messages of type 0 on the remote's channel 1; each body is its number. */
function batchOf(count: number): Uint8Array {
  const frame = new Writer()
  frame.fixed(fromHex('000001'))
  for (let i = 0; i < count; i++) frame.fixed(Uint8Array.of(2, 0, i))
  return frame.take()
}

test('foreign protocols talk both ways beside one another', () => {
  const clock = new TestClock()
  const [near, far] = muxPair(clock)
  const echo = (mux: Mux, protocol: string): void => {
    mux.pair(protocol, undefined, (id) => {
      const ear = new Ear()
      ear.onMessage = (type, body) => ear.channel?.send(type + 1, body.rest())
      mux.open({ protocol, id, handler: ear })
      return true
    })
  }
  echo(far, 'one')
  echo(far, 'two')
  const ears = ['one', 'two', 'one'].map((protocol, i) => {
    const ear = new Ear()
    near.open({ protocol, id: Uint8Array.of(i), handler: ear }).send(i, Uint8Array.of(i, i))
    return ear
  })

  clock.run()

  assert.deepEqual(
    ears.map((ear) => ear.lines),
    [
      ['open', '1 0000', 'end'],
      ['open', '2 0101', 'end'],
      ['open', '3 0202', 'end'],
    ],
  )
})

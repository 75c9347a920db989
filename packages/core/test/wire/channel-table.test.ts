/** The numbers of channels against a model that has a list for everything. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChannelsHandler } from '../../src/wire/channel.ts'
import { ChannelTable } from '../../src/wire/channel-table.ts'
import { Ear, muxPair } from './channels.ts'
import { TestClock } from './simulated.ts'

const handler: ChannelsHandler = {
  ...{ onOpen: () => {}, onMessage: () => {}, onFrameEnd: () => {} },
  ...{ onWritable: () => {}, onClose: () => {} },
}

/** Ids of which many begin alike, and some are short. */
function idOf(i: number): Uint8Array {
  if (i % 5 === 0) return Uint8Array.from([i])
  return Uint8Array.from({ length: 32 }, (_, at) => (at < 31 ? i % 3 : i))
}

interface Ours {
  readonly row: number
  readonly pair: number
  isOpen: boolean
  remoteId: number
}

test('pairs are found and answered in order, whatever their ids have in common', () => {
  const step = fc.record({ what: fc.nat(3), pair: fc.nat(40) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const table = new ChannelTable()
      const ours: Ours[] = []
      let known = 0
      const protocolOf = (pair: number): string => (pair % 2 === 0 ? 'even' : 'odd')
      const find = (pair: number): number => {
        const framed = Uint8Array.from([9, 9, ...idOf(pair), 9])
        return table.find(protocolOf(pair), framed, 2, framed.length - 3)
      }
      for (const { what, pair } of steps) {
        const open = ours.find((one) => one.isOpen && one.pair === pair)
        assert.equal(find(pair), open?.row ?? 0)
        if (what < 2 && open === undefined) {
          const row = table.add(protocolOf(pair), idOf(pair), handler)
          assert.ok(!ours.some((one) => one.row === row), 'a row is given twice')
          table.asked(row)
          ours.push({ row, pair, isOpen: true, remoteId: 0 })
        } else if (what === 2 && open !== undefined) {
          table.close(open.row)
          open.isOpen = false
          if (open.remoteId !== 0) ours.splice(ours.indexOf(open), 1)
        } else if (what === 3) {
          const asked = ours.find((one) => one.pair === pair && one.remoteId === 0)
          const remoteId = ++known
          table.claim(remoteId)
          const id = idOf(pair)
          const row = table.answer(remoteId, protocolOf(pair), id, 0, id.length)
          assert.equal(row, asked?.row ?? 0)
          if (asked === undefined) continue
          assert.equal(table.local(remoteId), asked.isOpen ? row : 0)
          asked.remoteId = remoteId
          if (!asked.isOpen) ours.splice(ours.indexOf(asked), 1)
        }
      }
      const open = ours.filter(({ isOpen }) => isOpen)
      assert.deepEqual(
        table.open(),
        open.map(({ row }) => row).sort((a, b) => a - b),
      )
      assert.equal(table.pairedCount, open.filter(({ remoteId }) => remoteId !== 0).length)
    }),
    { numRuns: 100 },
  )
})

test('a frame for many channels ends for some of them before it is read to its end', () => {
  const clock = new TestClock()
  const [near, far] = muxPair(clock)
  const lines: string[] = []
  const ids = Array.from({ length: 100 }, (_, i) => Uint8Array.from([i]))
  const channels = ids.map((id) => near.open({ protocol: 'p', id, handler: new Ear() }))
  for (const [i, id] of ids.entries()) {
    const ear = new Ear()
    ear.during = (line) => lines.push(`${i} ${line}`)
    far.open({ protocol: 'p', id, handler: ear })
  }
  clock.run()
  lines.length = 0

  near.cork()
  for (const channel of channels) channel.send(0, Uint8Array.of(1))
  near.uncork()
  clock.run()

  const firstEnd = lines.indexOf('0 end')
  assert.ok(firstEnd > 0 && firstEnd < 50, `after ${firstEnd} messages`)
  assert.deepEqual(
    ids.map((_, i) => lines.filter((line) => line.startsWith(`${i} `))),
    ids.map((_, i) => [`${i} 0 01`, `${i} end`]),
  )
})

/** Audits: every damage is found, what can be proved right is put right, and a sound log is called sound. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AUDIT_FINDINGS_MAX, AUDIT_SLICE_BYTES } from '../../src/base/limits.ts'
import { copy } from '../../src/bytes/bytes.ts'
import { Log } from '../../src/log/log.ts'
import { Replica } from '../../src/log/replica.ts'
import { openStore } from '../../src/store/open.ts'
import type { Slot } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { pattern } from '../tree/model.ts'
import { fetchBlock, openLog, openReader, openWriter, upgrade, write } from './support.ts'
import { checkTruth } from './truth.ts'

const block = (i: number): Uint8Array => pattern(i, 20 + (i % 7))
const blocks = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => block(i))

async function signedLog(count: number): Promise<Log> {
  const log = await openLog()
  await log.append(blocks(count))
  await log.flush()
  return log
}

/** Writes over a node as no code of ours would. */
function spoilNode(slot: Slot, node: number): void {
  assert.ok(slot.findNode(node))
  const wrong = copy(slot.nodeBytes.subarray(slot.nodeAt, slot.nodeAt + 32))
  wrong[5] = (wrong[5] ?? 0) ^ 1
  slot.putNode(node, slot.nodeSize, wrong, 0)
}

function spoilBlock(slot: Slot, index: number): void {
  const bytes = slot.read(index)
  assert.ok(bytes !== undefined)
  const at = slot.reserve(index, bytes.length)
  slot.staging.set(bytes, at)
  slot.staging[at] = (slot.staging[at] ?? 0) ^ 1
  slot.putBlock(index)
}

test('a log that is sound is called sound, whole or in part, signed or not', async () => {
  const whole = await signedLog(21)
  const sound = await whole.audit()
  assert.deepEqual(
    [sound.head, sound.blocks, sound.nodes, sound.findingCount],
    ['signed', 21, 39, 0],
  )

  const unsigned = await openLog()
  assert.equal((await unsigned.audit()).head, 'unsigned')
  await unsigned.append(blocks(3))
  assert.deepEqual((await unsigned.audit()).findings, [])

  const reader = await openReader(whole)
  await upgrade(reader, whole.replica)
  for (const i of [3, 4, 20]) await fetchBlock(reader, whole.replica, i)
  const part = await new Log(reader).audit()
  assert.deepEqual([part.head, part.blocks, part.findingCount], ['signed', 3, 0])
  assert.equal(part.heldBlocks, 3)
})

test('a block that is another is found, and only on demand dropped, so that it is fetched again', async () => {
  const server = await signedLog(10)
  const reader = await openReader(server)
  await upgrade(reader, server.replica)
  for (let i = 0; i < 10; i++) await fetchBlock(reader, server.replica, i)
  spoilBlock(reader.slot, 6)
  const log = new Log(reader)

  const seen = await log.audit()
  assert.deepEqual(seen.findings, [{ kind: 'block', index: 6, problem: 'wrong', repaired: false }])
  assert.ok(log.has(6))

  const cleared: number[] = []
  log.on('clear', ({ start }) => cleared.push(start))
  const repaired = await log.audit({ repair: true })
  assert.deepEqual(repaired.findings, [
    { kind: 'block', index: 6, problem: 'wrong', repaired: true },
  ])
  assert.deepEqual(cleared, [6])
  assert.equal(log.has(6), false)
  await fetchBlock(reader, server.replica, 6)
  assert.equal((await log.audit()).findingCount, 0)
  checkTruth(reader, blocks(10))
})

test('any one node that is wrong is found, and made again from what lies below it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 40 }), fc.nat(), async (length, pick) => {
      const log = await signedLog(length)
      const { slot } = log.replica
      const nodes = Array.from({ length: 2 * length }, (_, i) => i).filter((i) => slot.findNode(i))
      const node = nodes[pick % nodes.length] ?? 0
      const before = (await log.audit()).nodes
      spoilNode(slot, node)

      const seen = await log.audit()
      const repaired = await log.audit({ repair: true })

      assert.ok(seen.findingCount > 0, `node ${node}`)
      assert.ok(seen.findings.every((finding) => !finding.repaired))
      // A root is proved by the signature alone.
      const isRoot = seen.head === 'wrong'
      assert.equal((await log.audit()).findingCount === 0, !isRoot)
      if (isRoot) return
      assert.equal(repaired.findingCount, 1)
      assert.equal((await log.audit()).nodes, before)
      checkTruth(log.replica, blocks(length))
    }),
    { numRuns: 60 },
  )
})

test('a head that nobody stands behind is told, and nothing is repaired on its word', async () => {
  const log = await signedLog(4)
  const { slot } = log.replica
  const { head } = slot
  slot.stageHead({ ...head, signature: new Uint8Array(68) })
  spoilBlock(slot, 2)

  const report = await log.audit({ repair: true })

  assert.equal(report.head, 'wrong')
  assert.deepEqual(report.findings, [
    { kind: 'head', problem: 'signature', repaired: false },
    { kind: 'block', index: 2, problem: 'wrong', repaired: false },
  ])
  slot.stageHead({ ...head, byteLength: head.byteLength + 1 })
  const [size] = (await log.audit()).findings
  assert.deepEqual(size, { kind: 'head', problem: 'size', repaired: false })
})

test('bytes that a disk has lost are found as unreadable, dropped on demand, and fetched again', async () => {
  const server = await signedLog(70)
  const disk = new FakeDisk()
  const store = await openStore({ disk, clock: new ManualClock() })
  const reader = await openReader(server, { store })
  await upgrade(reader, server.replica)
  for (let i = 0; i < 70; i++) await fetchBlock(reader, server.replica, i)
  await store.close()

  const files = disk.killed().files()
  const spoilt = spoilContent(files, block(33))
  assert.equal(spoilt, 1)
  const damaged = await openStore({ disk: new FakeDisk(files), clock: new ManualClock() })
  const log = damaged.find(reader.discoveryKey)
  assert.ok(log !== undefined)
  const replica = Replica.open(damaged, damaged.slot(log))
  const report = await new Log(replica).audit({ repair: damaged.writable })

  assert.ok(damaged.writable)
  assert.deepEqual(report.findings, [
    { kind: 'block', index: 33, problem: 'unreadable', repaired: true },
  ])
  await fetchBlock(replica, server.replica, 33)
  assert.equal((await new Log(replica).audit()).findingCount, 0)
})

/** Changes one bit of a block wherever it stands in a file; returns how often that was. */
function spoilContent(files: ReadonlyMap<string, Uint8Array>, content: Uint8Array): number {
  let count = 0
  for (const bytes of files.values()) {
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(content)
    if (at < 0) continue
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 4
    count++
  }
  return count
}

const large = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => new Uint8Array(400_000).fill(i))

test('an audit names as many findings as its limit, and counts all', async () => {
  for (const [count, named] of [
    [AUDIT_FINDINGS_MAX, AUDIT_FINDINGS_MAX],
    [AUDIT_FINDINGS_MAX + 1, AUDIT_FINDINGS_MAX],
  ] as const) {
    const log = await signedLog(count)
    for (let i = 0; i < count; i++) spoilBlock(log.replica.slot, i)
    await log.replica.commit()

    const { findings, findingCount } = await log.audit()

    assert.deepEqual([findings.length, findingCount], [named, count])
  }
})

test('an audit tells how far it is, and ends with its signal', async () => {
  const log = await openLog({ clock: new ManualClock() })
  await log.append(large(40))
  const seen: number[] = []
  const stop = new AbortController()

  await log.audit({ onProgress: ({ blocks: done }) => seen.push(done) })
  const aborted = log.audit({ signal: stop.signal, onProgress: () => stop.abort() })

  const perSlice = Math.ceil(AUDIT_SLICE_BYTES / 400_000)
  assert.deepEqual(seen, [perSlice, 2 * perSlice, 3 * perSlice, 40])
  await assert.rejects(aborted, { code: 'ABORTED' })
})

test('a log that grows, is cleared and is truncated between slices is audited as it is in the end', async () => {
  const log = await openLog({ clock: new ManualClock() })
  await log.append(large(40))
  let slices = 0

  const report = await log.audit({
    onProgress: () => {
      slices++
      if (slices === 1) void log.append(block(1))
      if (slices === 2) void log.clear(25, 30)
      if (slices === 3) void log.truncate(35)
    },
  })

  assert.deepEqual([report.length, report.fork, report.blocks], [35, 1, 30])
  assert.equal(report.findingCount, 0)
})

test('a log that is replaced all the time has no audit', async () => {
  const log = await openLog({ clock: new ManualClock() })
  await log.append(large(40))
  let length = 40

  const endless = log.audit({ onProgress: () => void log.truncate(--length) })

  await assert.rejects(endless, { code: 'SNAPSHOT_GONE' })
})

test('nothing is repaired in a store that is open for reading', async () => {
  const disk = new FakeDisk()
  const writer = await openWriter({
    store: await openStore({ disk, clock: new ManualClock() }),
  })
  await write(writer, blocks(3))
  const store = await openStore({ disk: disk.killed().reader(), clock: new ManualClock() })
  const log = new Log(Replica.open(store, store.slot(0)))

  assert.equal((await log.audit()).findingCount, 0)
  await assert.rejects(log.audit({ repair: true }), { code: 'NOT_WRITABLE' })
})

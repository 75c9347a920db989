/** A store that takes nothing: who waits for what only peers have is told so at once, and nothing is asked for. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Replica } from '../../src/log/replica.ts'
import { openStore } from '../../src/store/open.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { type Joint, join } from '../sim/pipe.ts'
import { append, block, codeOf, numbered, type Party, Scene } from './fixtures.ts'

const requests = (joint: Joint): number => joint.sent.filter((m) => m.type === 'request').length

/** A reader that holds block 0 of ten, and its disk. */
async function begun(): Promise<{ scene: Scene; writer: Party; reader: Party; disk: FakeDisk }> {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const disk = new FakeDisk()
  disk.id = 'here'
  const store = await openStore({ disk, clock: scene.world, crc32 })
  const reader = await scene.reader(writer, { store })
  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.block(0, {}))
  await scene.until(store.sync())
  return { scene, writer, reader, disk }
}

test('a store that was copied: what is here is read, and waits for what is not say why they end', async () => {
  const { scene, writer, disk } = await begun()
  const copied = new FakeDisk(disk.files())
  copied.id = 'there'
  const store = await openStore({ disk: copied, clock: scene.world, crc32 })
  const reader = scene.party(Replica.open(store, store.slot(0)))
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.pass(100)
  const { replicator } = reader

  const failed = await scene.until(
    replicator.block(5, {}).catch((error: unknown) => error),
    1_000,
  )
  const codes = [
    await scene.until(codeOf(replicator.range({ start: 0, end: 10 }).done()), 1_000),
    await scene.until(codeOf(replicator.seek(30, 0, {})), 1_000),
    await scene.until(codeOf(replicator.update({})), 1_000),
  ]
  await scene.pass(10_000)

  assert.ok(isCode(failed, 'NOT_WRITABLE'), String(failed))
  const log = hex(reader.replica.discoveryKey.subarray(0, 4))
  assert.match(failed.message, new RegExp(`^Log ${log} .*directory was copied`))
  assert.equal(failed.facts['recoverable'], true)
  assert.deepEqual(codes, ['NOT_WRITABLE', 'NOT_WRITABLE', 'NOT_WRITABLE'])
  assert.deepEqual(reader.replica.read(0), block(0))
  await scene.until(replicator.range({ start: 0, end: 1 }).done(), 1_000)
  assert.equal(requests(joint), 0)
})

test('a store that stops taking anything in the middle of a download ends the waits for it', async () => {
  const { scene, writer, reader, disk } = await begun()
  const joint = join(scene.world, writer.replicator, reader.replicator)
  const waits = [
    codeOf(reader.replicator.range({ start: 0, end: -1 }).done()),
    codeOf(reader.replicator.block(10, {})),
  ]
  disk.faults.syncsLeft = 0
  await scene.pass(1_000)
  assert.equal(reader.replica.store.writable, false)

  await append(writer, numbered(10, 20))
  const codes = await scene.until(Promise.all(waits), 1_000)
  const before = requests(joint)
  await append(writer, numbered(20, 30))
  await scene.pass(10_000)

  assert.deepEqual(codes, ['NOT_WRITABLE', 'NOT_WRITABLE'])
  assert.equal(requests(joint), before, 'nothing is asked for any more')
  assert.deepEqual(reader.replica.read(0), block(0))
})

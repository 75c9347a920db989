/** The store on a real file system: locks between processes, death of the writer, copies, permissions, room. */

import '../../../core/test/setup.ts'
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import type { Store } from '@dat-rhino/core/store/store'
import { storeSuite } from '../../../core/test/suites/store.ts'
import { openNodeDisk, openNodeStore } from '../../src/platform/node/disk.ts'
import { append, appendAndCommit, bytesOf, identityOf } from './blocks.ts'

function folder(t?: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dat-rhino-disk-'))
  t?.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

const folders = new Map<Store, string>()

async function openIn(dir: string): Promise<Store> {
  const store = await openNodeStore(dir)
  folders.set(store, dir)
  return store
}

storeSuite({
  name: 'store on a file system',
  open: () => openIn(folder()),
  async reopen(store) {
    await store.close()
    return openIn(folders.get(store) ?? '')
  },
})

test.after(() => {
  for (const dir of folders.values()) fs.rmSync(dir, { recursive: true, force: true })
})

/** Starts the writer; resolves when it is ready. `newest` is the last length that it acknowledged. */
async function startWriter(
  dir: string,
): Promise<{ child: ChildProcess; newest: () => number; ended: Promise<void> }> {
  const program = path.join(import.meta.dirname, 'writer.ts')
  const args = ['--conditions=dat-source', '--import', 'tsx', program, dir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let newest = 0
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.on('close', () => reject(new Error('the writer ended')))
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString()
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) newest = Number(line.replace('ready ', ''))
      resolve()
    })
  })
  return { child, newest: () => newest, ended }
}

test('while another process writes, its store is locked and can be read; when it is killed, nothing acknowledged is lost', async (t) => {
  const dir = folder(t)
  let least = 0
  for (let round = 0; round < 3; round++) {
    const { child, newest, ended } = await startWriter(dir)
    t.after(() => child.kill('SIGKILL'))

    await assert.rejects(
      openNodeStore(dir),
      (error: unknown) =>
        isCode(error, 'STORE_LOCKED') &&
        error.message.includes(dir) &&
        String(error.facts['holder']).includes(`process ${child.pid}`),
    )
    for (let i = 0; i < 5; i++) {
      const reader = await openNodeStore(dir, { readOnly: true })
      const log = reader.find(identityOf(1).discoveryKey)
      if (log !== undefined) {
        const slot = reader.slot(log)
        for (let index = 0; index < slot.head.length; index += 7) {
          assert.deepEqual(slot.read(index), bytesOf(300, index))
        }
      }
      await reader.close()
      await new Promise((resolve) => setImmediate(resolve))
    }
    while (newest() < least + 100)
      await new Promise((resolve) => child.stdout?.once('data', resolve))
    child.kill('SIGKILL')
    await ended

    const store = await openNodeStore(dir)
    const slot = store.slot(store.find(identityOf(1).discoveryKey) ?? -1)
    assert.equal(store.whyReadOnly, undefined)
    assert.ok(slot.head.length >= newest(), `${slot.head.length} of ${newest()}`)
    assert.equal(slot.contiguousLength, slot.head.length)
    for (let index = 0; index < slot.head.length; index++) {
      assert.deepEqual(slot.read(index), bytesOf(300, index))
    }
    least = slot.head.length
    await store.close()
  }
})

test('a store is not opened twice in one process, and its lock is free when it is closed', async (t) => {
  const dir = folder(t)
  const store = await openNodeStore(dir)

  await assert.rejects(openNodeStore(dir), (error: unknown) => isCode(error, 'STORE_LOCKED'))
  await store.close()

  const again = await openNodeStore(dir)
  await again.close()
})

test('folder and files are the owner’s alone', async (t) => {
  if (process.platform === 'win32') return t.skip('no such permissions')
  const dir = path.join(folder(t), 'deep', 'store')

  const store = await openNodeStore(dir)
  await appendAndCommit(store, await store.create(identityOf(1)), bytesOf(10, 1))
  await store.close()

  assert.equal(fs.statSync(dir).mode & 0o777, 0o700)
  const names = fs.readdirSync(dir)
  assert.ok(names.includes('keys') && names.includes('lock'), names.join())
  for (const name of names)
    assert.equal(fs.statSync(path.join(dir, name)).mode & 0o777, 0o600, name)
})

test('a copied folder is read-only; a moved one, and one whose times changed, is not', async (t) => {
  const dir = folder(t)
  const store = await openNodeStore(path.join(dir, 'a'))
  await appendAndCommit(store, await store.create(identityOf(1)), bytesOf(10, 1))
  await store.close()
  fs.cpSync(path.join(dir, 'a'), path.join(dir, 'copy'), { recursive: true })
  fs.renameSync(path.join(dir, 'a'), path.join(dir, 'b'))
  for (const name of fs.readdirSync(path.join(dir, 'b'))) {
    fs.utimesSync(path.join(dir, 'b', name), 1_000, 1_000)
  }

  const copy = await openNodeStore(path.join(dir, 'copy'))
  assert.match(copy.whyReadOnly ?? '', /copied/)
  assert.deepEqual(copy.slot(0).read(0), bytesOf(10, 1))
  await copy.close()
  const moved = await openNodeStore(path.join(dir, 'b'))
  assert.equal(moved.whyReadOnly, undefined)
  await moved.close()
  const recovered = await openNodeStore(path.join(dir, 'copy'), { recover: true })
  assert.equal(recovered.writable, true)
  await recovered.close()
})

test('cleared blocks take no room on the disk', async (t) => {
  const dir = folder(t)
  const store = await openNodeStore(dir)
  const slot = await store.create(identityOf(1))
  for (let i = 0; i < 100; i++) append(slot, bytesOf(65_536, i))
  await store.checkpoint()
  const before = usedBytes(dir)
  assert.ok(before > 6_000_000, `${before}`)

  slot.stageClear(10, 90)
  await store.checkpoint()

  assert.ok(usedBytes(dir) < before / 3, `${usedBytes(dir)} of ${before}`)
  assert.deepEqual(slot.read(9), bytesOf(65_536, 9))
  assert.deepEqual(slot.read(90), bytesOf(65_536, 90))
  await store.close()
  const again = await openNodeStore(dir)
  assert.deepEqual(again.slot(0).read(9), bytesOf(65_536, 9))
  await again.close()
})

/** As `du` counts it. */
function usedBytes(dir: string): number {
  let blocks = 0
  for (const name of fs.readdirSync(dir)) blocks += fs.statSync(path.join(dir, name)).blocks
  return blocks * 512
}

test('a reader changes nothing, not even the lock', async (t) => {
  const dir = folder(t)
  const store = await openNodeStore(dir)
  await appendAndCommit(store, await store.create(identityOf(1)), bytesOf(10, 1))
  await store.close()
  const before = stateOf(dir)

  const reader = await openNodeStore(dir, { readOnly: true })
  assert.deepEqual(reader.slot(0).read(0), bytesOf(10, 1))
  await reader.close()

  assert.deepEqual(stateOf(dir), before)
})

function stateOf(dir: string): unknown {
  return fs.readdirSync(dir).map((name) => {
    const { mtimeMs, size, ino } = fs.statSync(path.join(dir, name))
    return { name, mtimeMs, size, ino }
  })
}

test('what is not there, or no folder, or not writable, is a clear error', async (t) => {
  const dir = folder(t)
  const file = path.join(dir, 'file')
  fs.writeFileSync(file, 'x')

  const nothing = path.join(dir, 'nothing')
  assert.throws(() => openNodeDisk(nothing, { readOnly: true }), /There is no folder/)
  assert.equal(fs.existsSync(nothing), false)
  assert.throws(
    () => openNodeDisk(file),
    (error: unknown) => isCode(error, 'IO'),
  )
  assert.throws(
    () => openNodeDisk(file, { readOnly: true }),
    (e: unknown) => isCode(e, 'NOT_FOUND'),
  )
  if (process.getuid?.() === 0 || process.platform === 'win32') return
  const closed = path.join(dir, 'closed')
  fs.mkdirSync(closed, { mode: 0o500 })
  await assert.rejects(openNodeStore(closed), /open it for reading/)
})

test('a file of the disk is read and written where it is told', async (t) => {
  const disk = openNodeDisk(folder(t))
  assert.equal(disk.open('a'), undefined)
  const file = disk.open('a', { create: true })
  assert.ok(file !== undefined)

  file.write(bytesOf(100, 1), 50)
  const into = new Uint8Array(60).fill(1)
  assert.equal(file.read(into, 10, 40, 120), 30)
  assert.deepEqual(into.subarray(10, 40), bytesOf(100, 1).subarray(70))
  assert.deepEqual(into.subarray(40), new Uint8Array(20).fill(1))
  assert.equal(await file.readLater(into, 0, 60, 100), 50)
  assert.deepEqual(into.subarray(0, 50), bytesOf(100, 1).subarray(50))
  file.truncate(60)
  assert.equal(file.size(), 60)
  await file.sync()
  file.close()
  disk.rename('a', 'b')
  await disk.syncNames()
  assert.deepEqual(disk.list(), ['b'])
  disk.remove('b')
  assert.deepEqual(disk.list(), [])
})

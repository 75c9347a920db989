/**
 * Processes that are killed in the middle: what they had done stays, and the next one goes on from there.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { open } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { readTree, type Tree, writeTree } from '../temp.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
const CONTENT = new Uint8Array(400_000).map((_, i) => (i * i) >> 5)
const FILES = 300

/** Small files, and among them large ones. */
const TREE: Tree = Object.fromEntries(
  Array.from({ length: FILES }, (_, i) => [
    `d${i % 7}/f${i}`,
    CONTENT.subarray(i, i + (i % 50 === 0 ? 399_000 : 2_000)),
  ]),
)

/** Starts a child and kills it at its `count`th message of a file; resolves when it is dead. */
function runAndKill(args: readonly string[], count: number): Promise<{ link: string }> {
  const child: ChildProcess = fork(CHILD, args, {
    execArgv: ['--conditions=dat-source', '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let link = ''
  let files = 0
  child.on('message', (message: { type: string; link?: string }) => {
    if (message.link !== undefined) link = message.link
    if (message.type === 'file-added' && ++files === count) child.kill('SIGKILL')
  })
  return new Promise((resolve) => child.on('close', () => resolve({ link })))
}

test('a share whose process is killed has the same link, and in the end everything once', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, TREE)

  const links = new Set<string>()
  for (const count of [1, 2, 150]) links.add((await runAndKill(['share', dir], count)).link)
  await using node = await open({ network: false })
  await using share = await node.share(dir, { watch: false })
  const report = await share.done()

  assert.deepEqual([...links], [share.link])
  assert.equal(report.files, FILES)
  const contents: Record<string, string> = {}
  for await (const entry of share.drive.list('/')) {
    const bytes = await share.drive.get(entry)
    contents[entry.path.slice(1)] = Buffer.from(bytes ?? []).toString('latin1')
  }
  assert.deepEqual(contents, readTree(dir))
  // One row a file: what the killed ones had committed was not written again.
  assert.equal(share.drive.version, FILES + 1)
})

test('a clone whose process is killed goes on, and no half file has its name', async (t) => {
  const bed = new Bed(t)
  const [source, target] = [bed.folder(), join(bed.folder(), 'target')]
  writeTree(source, TREE)
  const share = await (await bed.online()).share(source)
  await share.done()
  const { bootstrap = [] } = await bed.network()
  const [first] = bootstrap
  const address = typeof first === 'object' ? `${first.host}:${first.port}` : (first ?? '')
  const whole = readTree(source)

  for (const count of [1, 40, 120]) {
    await runAndKill(['clone', share.link, target, address], count)
    for (const [path, content] of Object.entries(readTree(target))) {
      if (!path.includes('.dat-rhino')) assert.equal(content, whole[path], path)
    }
  }
  const clone = await (await bed.online()).clone(share.link, target)
  const report = await clone.done()

  assert.equal(report.conflicts, 0)
  assert.ok(report.added < FILES)
  assert.deepEqual(readTree(target), whole)
})

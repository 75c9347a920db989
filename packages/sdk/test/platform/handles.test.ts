/** Where the system gives no more file handles, calls fail and nothing is damaged. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { tempFolder } from '../temp.ts'

const isWindows = process.platform === 'win32'

test('a store without file handles fails with a typed error, and is whole when there are some again', {
  skip: isWindows,
}, async (t) => {
  const program = path.join(import.meta.dirname, 'handles-child.ts')
  const node = [
    process.execPath,
    ...['--conditions=dat-source', '--import', 'tsx', program, tempFolder(t)],
  ]
  const quoted = node.map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(' ')

  const { stdout } = await promisify(execFile)('sh', ['-c', `ulimit -n 128 && exec ${quoted}`])

  const told = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ what, told }): [string, unknown] => [what, told]),
  )
  assert.ok(Number(told.get('taken')) > 10)
  assert.equal(told.get('read without'), 'IO')
  assert.match(String(told.get('write without')), /^(IO|NOT_WRITABLE|written)$/)
  assert.equal(told.get('read again'), 'right')
  assert.equal(told.get('why read-only'), '')
  assert.equal(told.get('read after opening'), 'right')
  assert.equal(told.get('write after opening'), 'written')
})

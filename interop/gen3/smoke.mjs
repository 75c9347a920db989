// Proves that the reference packages load and work here: one drive written, replicated in memory, read back.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Corestore from 'corestore'
import Hyperbee from 'hyperbee'
import Hypercore from 'hypercore'
import Hypercore10 from 'hypercore-10'
import createTestnet from 'hyperdht/testnet.js'
import Hyperdrive from 'hyperdrive'

const folder = await mkdtemp(join(tmpdir(), 'dat-smoke-'))
try {
  const a = new Corestore(join(folder, 'a'))
  const drive = new Hyperdrive(a.namespace('drive'))
  await drive.put('/hello.txt', Buffer.from('hello'))
  const b = new Corestore(join(folder, 'b'))
  const clone = new Hyperdrive(b.namespace('clone'), drive.key)
  await clone.ready()
  const [s, t] = [a.replicate(true), b.replicate(false)]
  s.pipe(t).pipe(s)
  await clone.update({ wait: true })
  assert.equal(String(await clone.get('/hello.txt')), 'hello')
  s.destroy()

  const bee = new Hyperbee(a.get({ name: 'bee' }), { keyEncoding: 'utf-8', valueEncoding: 'utf-8' })
  await bee.put('a', '1')
  assert.equal((await bee.get('a')).value, '1')

  const ten = new Hypercore10(join(folder, 'ten'))
  await ten.append('ten')
  const eleven = new Hypercore(join(folder, 'eleven'), ten.key)
  await eleven.ready()
  const [u, v] = [ten.replicate(true), eleven.replicate(false)]
  u.pipe(v).pipe(u)
  assert.equal(String(await eleven.get(0)), 'ten')
  u.destroy()

  const testnet = await createTestnet(3)
  await testnet.destroy()
  await Promise.all([drive.close(), clone.close(), bee.close(), ten.close(), eleven.close()])
  await Promise.all([a.close(), b.close()])
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.stdout.write('ok\n')
process.exit(0)

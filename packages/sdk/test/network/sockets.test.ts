/** Peer sockets between processes: they meet on a topic or about a drive, talk, and leave. */

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { utf8 } from '@dat-rhino/core/bytes/encodings'
import { isCode, type SocketPeer } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { writeTree } from '../temp.ts'

const CHILD = fileURLToPath(new URL('./sockets-child.ts', import.meta.url))

/** Starts a process that joins a topic; resolves when it has. */
async function joined(
  t: TestContext,
  bootstrap: string,
  topic: string,
): Promise<{ pid: number; leave(): Promise<unknown> }> {
  const child: ChildProcess = fork(CHILD, [bootstrap, topic], {
    execArgv: ['--conditions=dat-source', '--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve))
  await said()
  return {
    pid: child.pid ?? 0,
    leave() {
      child.send('leave')
      return said()
    },
  }
}

async function bootstrapOf(bed: Bed): Promise<string> {
  const { bootstrap = [] } = await bed.network()
  const [first] = bootstrap
  return typeof first === 'string' ? first : `${first?.host}:${first?.port}`
}

async function firstPeer<T>(room: AsyncIterable<SocketPeer<T>>): Promise<SocketPeer<T>> {
  for await (const peer of room) return peer
  throw new Error('The room was left.')
}

test('two processes that join a topic by name meet, talk, and hear of the end', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  const room = await node.sockets.join('a test room', utf8)
  const child = await joined(t, await bootstrapOf(bed), 'a test room')

  const peer = await firstPeer(room)
  await peer.send('hello')
  await peer.send('again')
  const heard: string[] = []
  for await (const answer of peer) if (heard.push(answer) === 2) break
  await child.leave()
  const error = await peer.ended

  assert.deepEqual(heard, [`${child.pid} heard hello`, `${child.pid} heard again`])
  assert.deepEqual([error, peer.closed], [undefined, true])
  await assert.rejects(peer.send('x'), (thrown) => isCode(thrown, 'CLOSED'))
})

test('those who have a drive meet about it, on the connections that it came by', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { file: new Uint8Array(100) })
  const node = await bed.online()
  const share = await node.share(dir, { watch: false })
  await share.done()
  const room = await node.sockets.join(share.drive, utf8)
  const child = await joined(t, await bootstrapOf(bed), share.link)

  const peer = await firstPeer(room)
  await peer.send('hello')
  const answers = peer[Symbol.asyncIterator]()
  const answer = await answers.next()
  await child.leave()
  await peer.ended

  assert.equal(answer.value, `${child.pid} heard hello`)
  assert.equal(node.network.peers.length <= 1, true)
})

test('a node without network joins a topic and is alone; closing it leaves', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const room = await node.sockets.join('nobody', utf8)
  await assert.rejects(node.sockets.join('nobody'), (error) => isCode(error, 'CONFLICT'))

  await node.close()

  assert.deepEqual([room.left, room.peers], [true, []])
  await assert.rejects(node.sockets.join('late'), (error) => isCode(error, 'CLOSED'))
})

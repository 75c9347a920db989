/**
 * A process that joins a topic and answers whoever speaks there, until its parent is gone.
 *
 * Arguments: `BOOTSTRAP TOPIC`; a topic that begins with `hyper://` is a drive, which is opened too.
 */

import { utf8 } from '@dat-rhino/core/bytes/encodings'
import { open } from '../../src/index.ts'

const [bootstrap = '', topic = ''] = process.argv.slice(2)
const node = await open({ network: { bootstrap: [bootstrap], host: '127.0.0.1' } })
const scope = topic.startsWith('hyper://') ? await node.drive(topic) : topic
const room = await node.sockets.join(scope, {
  ...utf8,
  onMessage: (text, peer) => peer.send(`${process.pid} heard ${text}`),
})
process.send?.('joined')
process.on('disconnect', () => process.exit(0))
process.on('message', () => void room.leave().then(() => process.send?.('left')))

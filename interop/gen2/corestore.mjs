/**
 * A store of corestore 5 in a process of its own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may be asked
 * is the table `operations` in `../feeds.mjs`; every feed of the store is replicated on every connection. Everything
 * binds to 127.0.0.1.
 */

import Corestore from 'corestore'
import ram from 'random-access-memory'
import { serve } from '../feeds.mjs'

const store = new Corestore(() => ram())
await store.ready()

serve({
  create: (key, { sparse, crypto }) =>
    store.get({
      ...(key !== undefined && { key, sparse }),
      ...(crypto !== undefined && { crypto }),
    }),
  stream: (isInitiator, { ack = false, live = true }) =>
    store.replicate(isInitiator, { live, ack }),
  replicate: (_feed, stream) => stream,
  acks(feed, report) {
    feed.on('peer-ack', (_peer, have) => {
      if (have.ack) report(have.start, have.length)
    })
  },
  extension: (feed, name, heard) =>
    feed.registerExtension(name, { onmessage: (message) => heard(message) }),
  broadcast: (_feed, extension, message) => extension.broadcast(message),
})

/**
 * Feeds of hypercore 9 in a process of their own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may be asked is
 * the table `operations`; `../feeds.mjs` has what both old generations have in common. Everything binds to 127.0.0.1.
 */

import hypercore from 'hypercore'
import Protocol from 'hypercore-protocol'
import ram from 'random-access-memory'
import { serve } from '../feeds.mjs'

serve({
  create: (key, options) => hypercore(() => ram(), key, { ...options, extensions: undefined }),
  stream(isInitiator, { ack = false, live = true }) {
    return new Protocol(isInitiator, { live, ack })
  },
  replicate: (feed, stream, { ack = false, live = true }) => feed.replicate(stream, { live, ack }),
  acks(feed, report) {
    feed.on('peer-ack', (_peer, have) => {
      if (have.ack) report(have.start, have.length)
    })
  },
  extension: (feed, name, heard) =>
    feed.registerExtension(name, { onmessage: (message) => heard(message) }),
  broadcast: (_feed, extension, message) => extension.broadcast(message),
})

/**
 * Feeds of hypercore 8 in a process of their own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may be asked
 * is the table `operations` in `../feeds.mjs`. Everything binds to 127.0.0.1.
 */

import './sodium.mjs'
import { createRequire } from 'node:module'
import { serve } from '../feeds.mjs'

const require = createRequire(import.meta.url)
const hypercore = require('hypercore')
const Protocol = require('hypercore-protocol')
const ram = require('random-access-memory')

serve({
  create: (key, options) => hypercore(() => ram(), key, { ...options, extensions: undefined }),
  stream(isInitiator, { ack = false, live = true }) {
    return new Protocol(isInitiator, { live, ack })
  },
  replicate: (feed, stream, { ack = false, live = true }) => feed.replicate(stream, { live, ack }),
  acks(feed, report) {
    feed.on('peer-add', (peer) => {
      peer.stream.stream.on('ack', (have) => report(have.start, have.length))
    })
  },
  extension: (feed, name, heard) =>
    feed.registerExtension(name, { onmessage: (message) => heard(message) }),
  broadcast: (_feed, extension, message) => extension.broadcast(message),
})

/**
 * Feeds of hypercore 7, or 6 with the argument `6`, in a process of their own: `{ id, op, … }` in, `{ id, … }` or
 * `{ id, error }` out. What may be asked is the table `operations` in `../feeds.mjs`. Everything binds to 127.0.0.1.
 */

import { createRequire } from 'node:module'
import { serve } from '../feeds.mjs'

const require = createRequire(import.meta.url)
const isSix = process.argv[2] === '6'
const hypercore = require(isSix ? 'hypercore-6' : 'hypercore')
const ram = require('random-access-memory')

const reports = new Map()

serve({
  create: (key, options) => hypercore(() => ram(), key, options),
  // The stream is made for the first feed, which encrypts it.
  stream: undefined,
  replicate(feed, stream, { ack = false, live = true }) {
    const options = { live, ack }
    if (stream !== undefined) return feed.replicate({ ...options, stream })
    const made = feed.replicate(options)
    // Receipts are told by the stream, which does not say for which feed: in the tests there is one.
    made.on('ack', (have) => reports.get(feed)(have.start, have.length))
    return made
  },
  acks: (feed, report) => reports.set(feed, report),
  extension(feed, name, heard) {
    feed.on('extension', (type, message) => {
      if (type === name) heard(message)
    })
    return name
  },
  broadcast: (feed, name, message) => feed.extension(name, message),
})

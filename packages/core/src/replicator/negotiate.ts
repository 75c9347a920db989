/**
 * Lengths: what we tell of ours, what we make of theirs, and when an upgrade may be asked for.
 *
 * Owns: the rules of replication 7.1. A remote's length is a claim; ours moves when a signature was verified.
 * Always true: we tell only what is announced, that is signed and on the disk; an upgrade is asked for only
 * from a peer that has acknowledged the length we start from, and only one at a time for each log.
 */

import type { Status } from '../wire/messages.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'

/** How long a log that nobody holds here is still spoken about, at least and at most. */
const LINGER_MS = 20_000
const LINGER_MS_MAX = 40_000

/** Milliseconds for which a log lingers, since the next one who wants it often comes soon; `random` is in 0 .. 1. */
export function lingerMs(random: number): number {
  return LINGER_MS + random * (LINGER_MS_MAX - LINGER_MS)
}

/** A claim that was not proved is looked at again after this, then after twice as long. */
const RETRY_MS = 1_000
const RETRY_MS_MAX = 60_000

const told: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: false,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

/** Can we prove an upgrade from the peer's length to ours? */
export function canUpgrade(shared: Shared, peer: Peer): boolean {
  const { replica } = shared
  if (!peer.heard) return replica.announcedFork === 0
  if (peer.fork !== replica.announcedFork) return false
  if (peer.length === 0) return true
  if (peer.length >= replica.announcedLength) return false
  return replica.canProveUpgradeFrom(peer.length)
}

/** Tells the peer where we are, and what we heard of it. */
export function tell(shared: Shared, peer: Peer): void {
  const { replica } = shared
  told.fork = replica.announcedFork
  told.length = replica.announcedLength
  told.remoteLength = peer.heard && peer.fork === replica.announcedFork ? peer.length : 0
  told.canUpgrade = canUpgrade(shared, peer)
  told.uploading = !replica.frozen && peer.passage.uploads
  told.downloading = peer.passage.downloads && (shared.downloading || peer.inFlight > 0)
  told.hasManifest = replica.hasManifest
  peer.toldCanUpgrade = told.canUpgrade
  peer.toldAt = shared.clock.now()
  peer.sender.status(told)
}

/** Remembers what the peer said; it is acted on at the end of the frame, when only the newest counts. */
export function hear(peer: Peer, status: Readonly<Status>): void {
  if (peer.heard && status.length < peer.length) peer.has.truncate(status.length)
  const moved = status.fork !== peer.fork || status.length !== peer.length
  if (moved) peer.failedLength = -1
  if (status.fork !== peer.fork) {
    peer.failedFork = -1
    peer.conflictChecked = false
    // It refused what we asked about a history that it had left, and tells anew what it holds of this one.
    peer.refusals = 0
    peer.restUntil = 0
    peer.wanted = undefined
  }
  note(peer, status)
}

/** What a remote said of itself in its newest status; initially nothing (`heard` is false). */
export interface Told {
  heard: boolean
  fork: number
  length: number
  /** The length of ours that it last heard, if on the same fork. */
  acknowledged: number
  canUpgrade: boolean
  uploading: boolean
  downloading: boolean
  hasManifest: boolean
  /** A status came in this frame and was not looked at. */
  statusDue: boolean
}

/** Takes over what the status says. */
export function note(told: Told, status: Readonly<Status>): void {
  told.heard = true
  told.fork = status.fork
  told.length = status.length
  told.acknowledged = status.remoteLength
  told.canUpgrade = status.canUpgrade
  told.uploading = status.uploading
  told.downloading = status.downloading
  told.hasManifest = status.hasManifest
  told.statusDue = true
}

/** Answers the newest status where the rules want an answer. */
export function reply(shared: Shared, peer: Peer): void {
  peer.statusDue = false
  shared.version++
  const { replica } = shared
  const longer = peer.fork === replica.announcedFork && replica.announcedLength > peer.length
  if (longer || canUpgrade(shared, peer) !== peer.toldCanUpgrade) tell(shared, peer)
}

/** Does the peer claim more than we have, of our fork? */
function isAhead(shared: Shared, peer: Peer): boolean {
  return peer.heard && peer.fork === shared.replica.fork && peer.length > shared.replica.length
}

/** Has the peer heard our length, which an upgrade is asked from? Where heads follow from nodes none is named. */
function isAcknowledged({ replica }: Shared, peer: Peer): boolean {
  return replica.generation.headFromNodes || peer.acknowledged === replica.length
}

/** May the peer be asked for an upgrade now? */
export function mayUpgrade(shared: Shared, peer: Peer): boolean {
  return (
    shared.upgrade === undefined &&
    isAhead(shared, peer) &&
    peer.canUpgrade &&
    isAcknowledged(shared, peer) &&
    (peer.failedLength !== peer.length || shared.clock.now() >= peer.retryAt)
  )
}

/** May the peer be asked about the higher fork that it claims? */
export function mayFollow(shared: Shared, peer: Peer): boolean {
  return (
    peer.fork > shared.replica.fork &&
    peer.length > 0 &&
    (peer.failedFork !== peer.fork || shared.clock.now() >= peer.retryAt)
  )
}

/**
 * The peer did not prove what it claims: it is asked again when it claims something else, or after a while that
 * doubles, since an honest one may have been between two states.
 */
export function claimFailed(shared: Shared, peer: Peer, isFork: boolean): void {
  const isKnown = isFork ? peer.failedFork === peer.fork : peer.failedLength === peer.length
  if (isKnown && shared.clock.now() < peer.retryAt) return
  if (isFork) peer.failedFork = peer.fork
  else peer.failedLength = peer.length
  const ms = Math.min(RETRY_MS * 2 ** Math.min(peer.failures++, 16), RETRY_MS_MAX)
  const retryAt = shared.clock.now() + ms
  peer.retryAt = retryAt
  shared.clock.after(ms, () => {
    if (peer.closed) return
    // Timers may come a moment early, and nobody else would wake us when the time has come.
    if (peer.retryAt === retryAt) peer.retryAt = shared.clock.now()
    shared.version++
    shared.wake()
  })
}

/** A peer that does not say where it is, or does not answer with an acknowledgement, is not waited for. */
const SILENCE_MS = 5_000

/**
 * Is there nothing more to be learnt from the peer about our length? Those who ask for news wait until it
 * is so for every peer of the moment.
 */
export function isSettled(shared: Shared, peer: Peer): boolean {
  const silent = shared.clock.now() - peer.toldAt > SILENCE_MS
  if (!peer.heard) return silent
  const { replica } = shared
  if (peer.fork > replica.fork) return peer.failedFork === peer.fork || peer.length === 0
  if (!isAhead(shared, peer)) return true
  if (!peer.uploading || !peer.passage.downloads) return true
  if (peer.failedLength === peer.length) return true
  if (shared.upgrade !== undefined) return false
  return isAcknowledged(shared, peer) ? !peer.canUpgrade : silent
}

/**
 * Is the peer waiting for our end of the conversation, and may it come? Not while it holds a block that we do not. Goes on
 * where it stopped the last time, so that all looks together cost one pass over its claims, however often it speaks.
 */
export function isDone({ replica }: Shared, peer: Peer): boolean {
  if (!peer.isLeaving || peer.inFlight > 0) return false
  const { slot } = replica
  const { has, length } = peer
  let at = has.nextHeld(Math.max(slot.contiguousLength, peer.matchedTo), length)
  while (at < length) {
    peer.matchedTo = at
    const end = has.nextMissing(at, length)
    if (slot.nextMissing(at, end) < end) return false
    at = has.nextHeld(end, length)
  }
  return true
}

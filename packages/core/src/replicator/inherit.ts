/**
 * From an idle conversation to one with all its rooms.
 *
 * Owns: what a peer takes over from the time in which nothing but lengths was said. Nothing is sent by it, and what the
 * remote has claimed counts as if it were heard now.
 */

import type { Rooms } from './handler.ts'
import type { IdleState } from './idle.ts'
import type { Peer } from './peer.ts'

export function inherit(rooms: Rooms, peer: Peer, idle: IdleState): void {
  peer.heard = idle.heard
  peer.fork = idle.fork
  peer.length = idle.length
  peer.acknowledged = idle.acknowledged
  peer.canUpgrade = idle.canUpgrade
  peer.uploading = idle.uploading
  peer.downloading = idle.downloading
  peer.hasManifest = idle.hasManifest
  peer.statusDue = idle.statusDue
  peer.toldCanUpgrade = idle.toldCanUpgrade
  peer.toldContiguous = idle.toldContiguous
  if (idle.contiguous === 0) return
  peer.has.have(0, idle.contiguous)
  rooms.copies.have(peer, 0, idle.contiguous)
  rooms.horizon.look(peer)
}

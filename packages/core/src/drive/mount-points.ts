/**
 * What is mounted in a hyperdrive 10.
 *
 * Owns: finding it. Drives have records of their own, side by side, which cost a few blocks; a log that stands as a file is
 * one row among all others. A drive that is mounted inside itself is told and not entered again. Other drives are entered at
 * each path, `MOUNTS_PER_LISTING_MAX` times in all.
 */

import { DatError } from '../base/errors.ts'
import { MOUNTS_PER_LISTING_MAX } from '../base/limits.ts'
import type { MountGraph, Place } from './mount-graph.ts'
import { decodeMount, MOUNTS_PREFIX } from './mount-record.ts'
import { isLoop, placedEntry } from './trie-listing.ts'
import type { MountPoint, MountsOptions } from './types.ts'

/** Everything that is mounted in a drive, the outermost ones first. A mount is given before its drive is opened. */
export async function* mountPoints(
  graph: MountGraph,
  root: Place,
  options: MountsOptions,
): AsyncGenerator<MountPoint, void, undefined> {
  const open: Place[] = [root]
  let entered = 0
  for (let place = open.shift(); place !== undefined; place = open.shift()) {
    for await (const point of drivesIn(place, options)) {
      yield point
      if (options.recursive !== true) continue
      entered++
      if (entered > MOUNTS_PER_LISTING_MAX) throw tooMany()
      const inside = await graph.mounted(place, point.path.slice(place.base.length + 1), options)
      if (inside !== undefined && !isLoop(inside)) open.push(inside)
    }
    if (options.logs === true) yield* logsIn(graph, place, options)
  }
}

function tooMany(): DatError {
  const message = `There are more than ${MOUNTS_PER_LISTING_MAX} mounts inside each other here: ask the drives in it one by one.`
  return new DatError('OVER_LIMIT', message)
}

/** Drives that are mounted in this very one. */
export async function* drivesIn(
  place: Place,
  options: MountsOptions,
): AsyncGenerator<MountPoint, void, undefined> {
  const rows = place.reader.entries(MOUNTS_PREFIX, { hidden: true, gt: true }, options)
  for await (const row of rows) {
    const record = decodeMount(row)
    if (record === undefined) continue
    const { key, version } = record
    const local = row.key.slice(MOUNTS_PREFIX.length + 1)
    yield { path: `${place.base}/${local}`, key, kind: 'drive', version }
  }
}

async function* logsIn(
  graph: MountGraph,
  place: Place,
  options: MountsOptions,
): AsyncGenerator<MountPoint, void, undefined> {
  for await (const row of place.reader.entries('', {}, options)) {
    const { path, mount, invalid } = placedEntry(graph, place, row)
    if (mount?.kind === 'log' && invalid === undefined) yield { path, ...mount }
  }
}

/**
 * Manifests that come from others: from a peer with a proof, or from old files.
 *
 * Owns: the rule that one is taken into consideration only if the key of the log was made of it, and stored only when
 * something that it vouches for was verified. Source: the generation 3 data model, section 5.
 */

import { DatError } from '../base/errors.ts'
import { copy, equal } from '../bytes/bytes.ts'
import { decodeManifest, encodeManifest, isDefaultManifest, manifestKey } from './manifest.ts'
import type { News } from './news.ts'
import type { LogState } from './state.ts'

/**
 * Takes a manifest into consideration if none is known.
 *
 * @throws DatError BAD_SIGNATURE if the key was not made of it
 */
export function offerManifest(state: LogState, manifest: Uint8Array | undefined): void {
  if (manifest === undefined || state.manifest !== undefined || state.compat) return
  const encoded = canonicalManifest(manifest)
  if (!equal(manifestKey(encoded), state.slot.identity.key)) {
    throw new DatError('BAD_SIGNATURE', 'A manifest belongs to another key.')
  }
  state.offered = encoded
}

/** Stages what was taken into consideration. False if there was nothing. */
export function stageManifest(state: LogState, news: News): boolean {
  if (state.offered === undefined) return false
  state.slot.stageManifest(state.offered)
  news.learntManifest()
  return true
}

/** A stranger's manifest as the key was made of it. Throws `BAD_SIGNATURE` if it can not be read. */
export function canonicalManifest(manifest: Uint8Array): Uint8Array {
  if (isDefaultManifest(manifest)) return copy(manifest)
  try {
    return encodeManifest(decodeManifest(manifest))
  } catch (cause) {
    throw new DatError('BAD_SIGNATURE', 'A manifest can not be read.', {}, cause)
  }
}

/**
 * What a replica is to those around it: how it is opened, by whom, and who holds it.
 *
 * Owns: these types, and the list of those who hold one. Of ten thousand open logs each has one holder mostly: a list of
 * one that is never changed in place takes a tenth of the memory of a Set, and may be walked while they leave.
 */

import type { Hearer } from '../base/emitter.ts'
import type { DatError } from '../base/errors.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { ReplicaEvents } from './events.ts'
import type { Extensions } from './extensions.ts'

/** How a log is written. */
export interface ReplicaOptions {
  /** What signs the log. Default: what the store holds, or derives from its primary key. */
  readonly keyPair?: KeyPair
  /** Sign each append at once, not only when somebody can see it. Default false. */
  readonly eagerSignature?: boolean
  /** Who listens to messages about any log of the store. */
  readonly extensions?: Extensions
}

/** Who has opened a replica: hears its news before all others. */
export interface ReplicaHost extends Hearer<ReplicaEvents> {
  /** Peers that the log has an open channel with, while there is no remote. */
  readonly peerCount: number
  /** Makes what asks peers and sets it as `remote`. Called once, when somebody first wants it. */
  makeRemote(): void
  /** The first who holds it has come, or the last one has left. */
  taken(): void
  left(): void
}

/** Who holds a replica: closed with it. */
export interface Holder {
  close(): Promise<void>
  /** The replica was closed. @param error undefined if somebody wanted that */
  lost(error: DatError | undefined): void
}

/** The list of a replica that nobody holds. */
export const NOBODY: readonly Holder[] = []

/** The list with one more. */
export function withHolder(holders: readonly Holder[], holder: Holder): readonly Holder[] {
  return holders.length === 0 ? [holder] : [...holders, holder]
}

/** The list without one. */
export function withoutHolder(holders: readonly Holder[], holder: Holder): readonly Holder[] {
  const left = holders.filter((other) => other !== holder)
  return left.length === 0 ? NOBODY : left
}

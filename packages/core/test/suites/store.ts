/**
 * The contract of `Store`, as tests. Both engines run this.
 *
 * Owns: everything that `store/store.ts` promises and that can be seen through it. What only a disk can show (crashes,
 * damage, locks, space) is tested beside the engine.
 */

import { blockTests, rangeTests } from './store/blocks.ts'
import { changeTests } from './store/changes.ts'
import { lastingTests } from './store/lasting.ts'
import { logTests } from './store/logs.ts'
import { addressTests, nodeTests } from './store/nodes.ts'
import type { StoreSubject } from './store/subject.ts'

export function storeSuite(subject: StoreSubject): void {
  logTests(subject)
  blockTests(subject)
  rangeTests(subject)
  nodeTests(subject)
  changeTests(subject)
  addressTests(subject)
  if (subject.reopen !== undefined) lastingTests(subject, subject.reopen)
}

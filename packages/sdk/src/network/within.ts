/** Waiting for something, but not for ever. */

import type { Clock } from '@dat-rhino/core/base/clock'

/** Did `work` end within the time? It must not reject. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false))
    void work.then(() => {
      timer.cancel()
      resolve(true)
    })
  })
}

/**
 * Reading what is here, and asking nobody for the rest.
 *
 * Owns: how a store is handed to a drive for that. Who looks at old files wants to know what they hold: a wait for peers
 * would end in the same answer, later.
 */

import type { LogProvider } from '@dat-rhino/core/drive/types'

/** What is not here fails at once. */
export const AT_ONCE = { timeoutMs: 1 }

/** Logs of the store that wait for nobody: also those that the files do not hold at all, such as a lost content log. */
export function asksNobody(store: LogProvider): LogProvider {
  return {
    get: (selector, options = {}) => store.get(selector, { ...AT_ONCE, ...options }),
    namespace: (name) => asksNobody(store.namespace(name)),
    keyPair: (name) => store.keyPair(name),
    close: () => store.close(),
  }
}

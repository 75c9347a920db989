/** Random histories of a store, as data. */

import fc from 'fast-check'
import type { Step } from './model.ts'

const log = fc.nat(3)
const size = fc.oneof(fc.nat(40), fc.constantFrom(0, 300, 2_000))
/** Mostly near the start, sometimes where pages end. */
const index = fc.oneof(fc.nat(20), fc.nat(150), fc.constantFrom(63, 64, 127, 128))

/** @param lasting - with reopening */
export function steps({ lasting }: { readonly lasting: boolean }): fc.Arbitrary<Step[]> {
  const kinds: fc.Arbitrary<Step>[] = [
    fc.record({
      do: fc.constant('append' as const),
      log,
      sizes: fc.oneof(
        fc.array(size, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(5), { minLength: 20, maxLength: 80 }),
      ),
    }),
    fc.record({ do: fc.constant('fetch' as const), log, index, size }),
    fc.record({ do: fc.constant('node' as const), log, index }),
    fc.record({ do: fc.constant('truncate' as const), log, length: fc.nat(200) }),
    fc.record({ do: fc.constant('clear' as const), log, start: index, length: fc.nat(100) }),
    fc.record({ do: fc.constant('userData' as const), log, name: fc.nat(2), size: fc.nat(30) }),
    fc.record({ do: fc.constant('remove' as const), log }),
    fc.record({ do: fc.constant('create' as const) }),
    fc.record({ do: fc.constantFrom('commit' as const, 'rewind' as const) }),
    fc.record({ do: fc.constant('checkpoint' as const) }),
  ]
  if (lasting) kinds.push(fc.record({ do: fc.constant('reopen' as const) }))
  const weighted = kinds.map((arbitrary, i) => ({ arbitrary, weight: i === 0 ? 4 : 1 }))
  return fc
    .array(fc.oneof(...weighted), { minLength: 1, maxLength: 40 })
    .map((list): Step[] => [{ do: 'create' }, { do: 'create' }, ...list])
}

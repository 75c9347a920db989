/** Opening a store that holds 1,500 logs, and every log in it. */

import { block, check } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { StoreKind } from '../harness/store.ts'
import type { Side, Task } from '../harness/task.ts'

const BLOCK_BYTES = 100

const names = (count: number): { name: string }[] =>
  Array.from({ length: count }, (_, i) => ({ name: `log ${i}` }))

function side(kind: StoreKind): Side {
  return {
    async prepare(setting) {
      const store = await kind.open(storeFolder(setting))
      for (const [i, name] of names(setting.count).entries()) {
        await (await store.log(name)).append(block(i, BLOCK_BYTES))
      }
      await store.close()
    },
    async run(setting, meter) {
      kind.load()
      let lengths = 0
      let store: Awaited<ReturnType<StoreKind['open']>> | undefined
      await meter.measure(async () => {
        store = await kind.open(storeFolder(setting))
        const opening = names(setting.count).map((name) => store?.log(name))
        for (const log of await Promise.all(opening)) lengths += log?.length() ?? 0
      })
      if (lengths !== setting.count) throw new Error(`The lengths sum up to ${lengths}.`)
      await store?.close()
    },
    async verify(setting) {
      const store = await kind.open(storeFolder(setting))
      for (const [i, name] of names(setting.count).entries()) {
        check(i, BLOCK_BYTES, await (await store.log(name)).get(0))
      }
      await store.close()
    },
  }
}

const unsynced = ours('none')

export const open1500: Task = {
  name: 'open-1500',
  title: 'open a store of 1,500 logs, and each log',
  unit: 'logs',
  count: 1_500,
  smokeCount: 20,
  reference: side(reference),
  rows: [{ label: '', durability: unsynced.durability, goal: 100, side: side(unsynced) }],
}

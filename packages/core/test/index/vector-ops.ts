/** Runs the operations that the bee vectors list. Strings are UTF-8, `{hex}` raw bytes, null no value. */

import { fromHex, utf8 } from '../../src/bytes/bytes.ts'
import type { Bee, PutOptions } from '../../src/index/bee.ts'

export type Text = string | { readonly hex: string } | null
export type Op =
  | readonly ['put', Text, Text]
  | readonly ['del', Text]
  | readonly ['batch', readonly Op[]]

export function bytes(text: Text): Uint8Array {
  if (text === null) throw new Error('a key is missing')
  return typeof text === 'string' ? utf8(text) : fromHex(text.hex)
}

export function valueBytes(text: Text): Uint8Array | undefined {
  return text === null ? undefined : bytes(text)
}

export async function run(bee: Bee, ops: readonly Op[], options: PutOptions = {}): Promise<void> {
  for (const op of ops) {
    if (op[0] === 'put') await bee.put(bytes(op[1]), valueBytes(op[2]), options)
    else if (op[0] === 'del') await bee.del(bytes(op[1]))
    else {
      const batch = bee.batch()
      for (const inner of op[1]) {
        if (inner[0] === 'put') await batch.put(bytes(inner[1]), valueBytes(inner[2]), options)
        else if (inner[0] === 'del') await batch.del(bytes(inner[1]))
      }
      await batch.flush()
    }
  }
}

import { type Cached, Decoded } from '../decoded.ts'
import type { LogReader } from '../source.ts'

export class Nodes extends Decoded<Cached> {
  constructor(source: LogReader, cacheBytes?: number) {
    super(source, (seq) => ({ seq, cost: 1 }), cacheBytes)
  }
}

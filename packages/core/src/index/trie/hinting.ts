import type { Clock } from '../../base/clock.ts'
import type { LogReader } from '../source.ts'

export class TrieHinting {
  constructor(_source: LogReader, _clock: Clock) {}

  close(): void {}
}

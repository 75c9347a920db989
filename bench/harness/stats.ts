/** From samples to what the table says: ratios per round, medians, and which rounds count. */

import type { Row, Sample, Task } from './task.ts'

/** All samples of one row, with the reference's of the same rounds. */
export interface Rounds {
  readonly task: Task
  readonly row: Row
  readonly reference: readonly Sample[]
  readonly ours: readonly Sample[]
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Summary {
  readonly name: string
  readonly title: string
  readonly label: string
  readonly durability: string
  readonly unit: string
  readonly goal: number | undefined
  /** How many times less time ours took, round by round. */
  readonly ratio: Spread
  readonly roundsUsed: number
  readonly roundsAll: number
  readonly reference: Figures
  readonly ours: Figures
}

/** Medians of one side. */
export interface Figures {
  readonly perSecond: number
  readonly bytesPerSecond: number
  /** Microseconds of CPU per operation, both processes. */
  readonly cpuPerOperationUs: number
  readonly peakMemoryBytes: number
  /** Bytes on the disk per byte of content; 0 where nothing is written. */
  readonly diskPerByte: number
  readonly longestBlockMs: number
  readonly ownBlockMs: number
  /** Of the server, where there is one. */
  readonly serverBlockMs: number
  readonly serverOwnBlockMs: number
}

/** A round whose calibration is further off than this was disturbed by something else. */
const DISTURBED = 1.25

export function summarize({ task, row, reference, ours }: Rounds): Summary {
  const quiet = quietRounds([...reference.keys()].map((i) => [reference[i], ours[i]]))
  const rounds = quiet.length * 2 >= reference.length ? quiet : [...reference.keys()]
  const pick = (samples: readonly Sample[]): Sample[] => rounds.flatMap((i) => samples[i] ?? [])
  const [theirs, mine] = [pick(reference), pick(ours)]
  const ratios = theirs.map((sample, i) => msEach(sample) / msEach(mine[i] ?? sample))
  return {
    name: task.name,
    title: task.title,
    label: row.label,
    durability: row.durability,
    unit: task.unit,
    goal: row.goal,
    ratio: { min: Math.min(...ratios), median: median(ratios), max: Math.max(...ratios) },
    roundsUsed: rounds.length,
    roundsAll: reference.length,
    reference: figures(theirs),
    ours: figures(mine),
  }
}

function msEach({ wallMs, operations }: Sample): number {
  return wallMs / operations
}

/** Numbers of the rounds in which the machine was as fast as in the median. */
function quietRounds(rounds: readonly (readonly (Sample | undefined)[])[]): number[] {
  const all = rounds.flatMap((samples) => samples.map((sample) => sample?.calibrationMs ?? 0))
  const usual = median(all)
  return rounds.flatMap((samples, i) => {
    const isQuiet = samples.every((sample) => {
      const ms = sample?.calibrationMs ?? 0
      return ms <= usual * DISTURBED && ms >= usual / DISTURBED
    })
    return isQuiet ? [i] : []
  })
}

function figures(samples: readonly Sample[]): Figures {
  const over = (value: (sample: Sample) => number): number => median(samples.map(value))
  return {
    perSecond: over(({ operations, wallMs }) => (operations / wallMs) * 1_000),
    bytesPerSecond: over(({ bytes, wallMs }) => (bytes / wallMs) * 1_000),
    cpuPerOperationUs: over(
      ({ cpuMs, serverCpuMs, operations }) => ((cpuMs + serverCpuMs) / operations) * 1_000,
    ),
    peakMemoryBytes: over(({ peakMemoryBytes }) => peakMemoryBytes),
    diskPerByte: over(({ diskBytes, storedBytes }) =>
      storedBytes === 0 ? 0 : diskBytes / storedBytes,
    ),
    longestBlockMs: over(({ longestBlockMs }) => longestBlockMs),
    ownBlockMs: over(({ ownBlockMs }) => ownBlockMs),
    serverBlockMs: over(({ serverBlockMs }) => serverBlockMs),
    serverOwnBlockMs: over(({ serverOwnBlockMs }) => serverOwnBlockMs),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2
}

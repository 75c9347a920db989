/** The table: as lines of a terminal, and as Markdown for the documentation. */

import type { Figures, Summary } from './stats.ts'

const COLUMNS = [
  'task',
  'mode',
  'ratio (min – max)',
  'goal',
  'reference',
  'ours',
  'CPU per op, µs',
  'memory, MB',
  'disk per byte',
  'longest block, ms',
  'without waiting for a processor',
]

export function markdown(summaries: readonly Summary[]): string {
  const lines = [COLUMNS, COLUMNS.map(() => '---'), ...summaries.map(cells)]
  return `${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`
}

/** The same in columns. */
export function text(summaries: readonly Summary[]): string {
  const lines = [COLUMNS, ...summaries.map(cells)]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return `${lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`
}

function cells(summary: Summary): string[] {
  const { title, label, durability, goal, ratio, reference, ours } = summary
  const both = (show: (figures: Figures) => string): string => `${show(reference)} → ${show(ours)}`
  return [
    title,
    label === '' ? durability : `${label}; ${durability}`,
    `${times(ratio.median)} (${times(ratio.min)} – ${times(ratio.max)})`,
    goal === undefined ? '' : `${ratio.median >= goal ? '✓' : '✗'} ${times(goal)}`,
    rate(summary, reference),
    rate(summary, ours),
    both(({ cpuPerOperationUs }) => short(cpuPerOperationUs)),
    both(({ peakMemoryBytes }) => short(peakMemoryBytes / 1e6)),
    reference.diskPerByte + ours.diskPerByte === 0
      ? ''
      : both(({ diskPerByte }) => diskPerByte.toFixed(2)),
    both(({ longestBlockMs, serverBlockMs }) => ofTwo(longestBlockMs, serverBlockMs)),
    both(({ ownBlockMs, serverOwnBlockMs }) => ofTwo(ownBlockMs, serverOwnBlockMs)),
  ]
}

/** Of the measured process, and behind it that of the server, where there is one. */
function ofTwo(measured: number, server: number): string {
  return server === 0 ? short(measured) : `${short(measured)} (${short(server)})`
}

function times(ratio: number): string {
  return `${short(ratio)}×`
}

function rate({ unit }: Summary, { perSecond, bytesPerSecond }: Figures): string {
  const operations = `${thousands(perSecond)} ${unit}/s`
  return bytesPerSecond < 1e6 ? operations : `${operations}, ${short(bytesPerSecond / 1e6)} MB/s`
}

function thousands(value: number): string {
  return value >= 10_000 ? `${short(value / 1_000)}k` : short(value)
}

/** Three digits at most. */
export function short(value: number): string {
  if (value >= 100) return String(Math.round(value))
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/**
 * The plot: one line per row on a logarithmic axis of ratios, as SVG text.
 *
 * Owns: the drawing. A bar goes from the slowest to the fastest round, the dot is the median, the tick is the goal;
 * the line at 1× is the reference.
 */

import type { Summary } from './stats.ts'
import { short } from './table.ts'

const WIDTH = 960
const LEFT = 400
const RIGHT = 80
const TOP = 40
const LINE = 26
const GREEN = '#1a7f37'
const AMBER = '#9a6700'
const GRAY = '#8c959f'

export function plot(summaries: readonly Summary[]): string {
  const ratios = summaries.flatMap(({ ratio, goal = 1 }) => [ratio.min, ratio.max, goal])
  const low = 10 ** Math.floor(Math.log10(Math.min(0.5, ...ratios)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(10, ...ratios)))
  const x = (ratio: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(ratio / low)) / Math.log(high / low)
  const height = TOP + LINE * summaries.length + 20
  const axis: string[] = []
  for (let at = low; at <= high * 1.001; at *= 10) axis.push(gridLine(x(at), at, height))
  const lines = summaries.map((summary, i) => row(summary, TOP + LINE * (i + 0.5), x))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<title>Ratio to the reference per task, logarithmic</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...axis,
    ...lines,
    '</svg>\n',
  ].join('\n')
}

function gridLine(x: number, ratio: number, height: number): string {
  const color = Math.abs(ratio - 1) < 1e-9 ? '#24292f' : '#d0d7de'
  return [
    `<line x1="${at(x)}" x2="${at(x)}" y1="${TOP - 8}" y2="${height - 12}" stroke="${color}"/>`,
    `<text x="${at(x)}" y="${TOP - 16}" text-anchor="middle" fill="${GRAY}">${ratio}×</text>`,
  ].join('\n')
}

function row({ title, label, durability, ratio, goal }: Summary, y: number, x: X): string {
  const color = goal === undefined || ratio.median >= goal ? GREEN : AMBER
  const mode = label === '' ? durability : `${label}; ${durability}`
  const dot = x(ratio.median)
  const parts = [
    `<text x="${LEFT - 12}" y="${y - 2}" text-anchor="end">${escaped(title)}</text>`,
    `<text x="${LEFT - 12}" y="${y + 9}" text-anchor="end" font-size="9" fill="${GRAY}">${escaped(mode)}</text>`,
    `<line x1="${at(x(ratio.min))}" x2="${at(x(ratio.max))}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="6" stroke-opacity="0.35"/>`,
    `<circle cx="${at(dot)}" cy="${y}" r="4.5" fill="${color}"/>`,
    `<text x="${at(Math.max(dot, x(ratio.max)) + 10)}" y="${y + 4}" fill="${color}">${short(ratio.median)}×</text>`,
  ]
  if (goal !== undefined) {
    const tick = at(x(goal))
    parts.push(
      `<line x1="${tick}" x2="${tick}" y1="${y - 9}" y2="${y + 9}" stroke="#24292f" stroke-width="2"/>`,
    )
  }
  return parts.join('\n')
}

type X = (ratio: number) => number

function at(x: number): string {
  return x.toFixed(1)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

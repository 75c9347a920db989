/**
 * The only place that writes to the terminal.
 *
 * Owns: the two ways of speaking, and what is heard where.
 *
 * - For people: results (a link, a listing) on standard output; everything about the work (notes, warnings,
 *   errors, progress) on standard error. Progress is one line that is redrawn; where standard error is no
 *   terminal it is a plain line every few seconds.
 * - For programs (`--json`): one JSON object a line on standard output, each with `event`; nothing else.
 *
 * A command says what happened once, as an event with a sentence; the output decides what is shown. Invariant:
 * nothing that came from a drive, a peer or a file name reaches a terminal with control characters in it.
 */

import type { DatError } from '@dat-rhino/core/base/errors'
import { exitCodeOf } from './errors.ts'
import { cut, printable } from './format.ts'

/** What an event says, beside its name. */
export type Fields = Readonly<Record<string, unknown>>

/** Where a command speaks. */
export interface Output {
  readonly json: boolean
  /** What was asked for, in a line or several for people. */
  result(name: string, fields: Fields, lines?: string | readonly string[]): void
  /** Something happened. People see `sentence`; without one, nothing. */
  note(name: string, fields: Fields, sentence?: string): void
  /** Something is wrong but the work goes on. */
  warn(name: string, fields: Fields, sentence: string): void
  /** Where things stand. `steady`: nothing has to come to an end, so plain lines would only fill a log. */
  progress(fields: Fields, line: string, options?: { steady?: boolean }): void
  fail(error: DatError, hint: string | undefined): void
  /** Raw bytes of a result. Resolves when there is room for more. */
  bytes(chunk: Uint8Array): Promise<void>
  /** Clears the progress line; call before ending. */
  end(): void
}

/** A stream of the process, as far as it is used here. */
export interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(chunk: string | Uint8Array): boolean
  once(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** What an output stands on. */
export interface OutputStreams {
  readonly stdout: Stream
  readonly stderr: Stream
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

export interface OutputOptions {
  readonly json: boolean
  /** No notes, no progress. */
  readonly quiet: boolean
}

/** Whatever ends sooner shows no progress. */
const PROGRESS_AFTER_MS = 1_000
const REDRAW_MS = 100
const PLAIN_LINE_MS = 5_000
const JSON_PROGRESS_MS = 1_000
/** Of what has no end: keep-alives move its counters all the time. */
const JSON_STEADY_MS = 10_000
/** Of one line about the work. Results are never cut. */
const LINE_CHARACTERS_MAX = 512

const PROCESS: OutputStreams = {
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => performance.now(),
}

/** Opens the output of one run. */
export function openOutput(options: OutputOptions, streams: OutputStreams = PROCESS): Output {
  return options.json ? jsonOutput(streams) : humanOutput(streams, options.quiet)
}

function humanOutput({ stdout, stderr, now }: OutputStreams, quiet: boolean): Output {
  const draw = stderr.isTTY === true
  const startedAt = now()
  let drawnAt = startedAt
  let shown = ''

  const clear = (): void => {
    if (shown !== '' && draw) stderr.write('\r\u001b[K')
    shown = ''
  }
  const say = (stream: Stream, text: string): void => {
    clear()
    stream.write(`${printable(text)}\n`)
  }
  const sayShort = (text: string): void => say(stderr, cut(text, LINE_CHARACTERS_MAX))

  return {
    json: false,
    result: (_name, _fields, lines = []) => {
      for (const line of typeof lines === 'string' ? [lines] : lines) say(stdout, line)
    },
    note: (_name, _fields, sentence) => {
      if (sentence !== undefined && !quiet) sayShort(sentence)
    },
    warn: (_name, _fields, sentence) => sayShort(sentence),
    progress: (_fields, line, { steady = false } = {}) => {
      if (quiet || (steady && !draw) || line === shown) return
      const at = now()
      if (at - startedAt < PROGRESS_AFTER_MS) return
      if (at - drawnAt < (draw ? REDRAW_MS : PLAIN_LINE_MS)) return
      drawnAt = at
      const text = printable(line)
      if (draw) stderr.write(`\r${text.slice(0, (stderr.columns ?? 80) - 1)}\u001b[K`)
      else stderr.write(`${text}\n`)
      shown = line
    },
    fail: (error, hint) => {
      // Some errors list what there is. Only lines that are set in are lines: a name with a line end makes no other.
      const [first = '', ...list] = error.message.split('\n  ')
      sayShort(`dat: ${first}`)
      for (const line of list) sayShort(`  ${line}`)
      if (hint !== undefined) say(stderr, hint)
    },
    bytes: (chunk) => {
      clear()
      return writeBytes(stdout, chunk)
    },
    end: clear,
  }
}

function jsonOutput({ stdout, now }: OutputStreams): Output {
  let progressAt = now()
  let shown = ''
  const write = (event: string, fields: Fields): void => {
    stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
  }
  return {
    json: true,
    result: (name, fields) => write(name, fields),
    note: (name, fields) => write(name, fields),
    warn: (name, fields) => write(name, fields),
    progress: (fields, _line, { steady = false } = {}) => {
      const at = now()
      if (at - progressAt < (steady ? JSON_STEADY_MS : JSON_PROGRESS_MS)) return
      const text = JSON.stringify(fields)
      if (text === shown) return
      progressAt = at
      shown = text
      write('progress', fields)
    },
    fail: (error, hint) =>
      write('error', {
        code: error.code,
        fault: error.fault,
        exit: exitCodeOf(error),
        message: error.message,
        ...(hint === undefined ? {} : { hint }),
        facts: error.facts,
      }),
    // Bytes of a file are no JSON: with --json, a command that has them makes events of them.
    bytes: (chunk) => writeBytes(stdout, chunk),
    end: () => undefined,
  }
}

/** Also resolves when nobody reads any more: then there is nothing to wait for. */
function writeBytes(stdout: Stream, chunk: Uint8Array): Promise<void> {
  if (stdout.write(chunk)) return Promise.resolve()
  return new Promise((resolve) => {
    const ready = (): void => {
      stdout.off('drain', ready)
      stdout.off('close', ready)
      resolve()
    }
    stdout.once('drain', ready)
    stdout.once('close', ready)
  })
}

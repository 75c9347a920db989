/**
 * What a benchmark task is, so that `tasks/` holds nothing but what is measured.
 *
 * Owns: the shapes. A task is one kind of work, done by a reference and by one or more rows of ours. Each phase
 * of a side runs in a process of its own, with the folder that the phase before left: `prepare` (not measured),
 * `run` (measured inside), `verify` (throws unless the content is right). Two-process tasks add `serve`, which
 * runs while `run` does.
 */

import type { TreeKind } from './tree.ts'

/** What the phases of one measurement share. */
export interface Setting {
  /** Empty when `prepare` starts. */
  readonly folder: string
  /** How many operations. */
  readonly count: number
  /** Folder of the file tree, for tasks that work on one (`count` is then its files); else ''. */
  readonly tree: string
  /** What `serve` told when it was ready, for `run` and `verify`; `undefined` without a server. */
  readonly served: Served | undefined
}

/** What a server tells the process that is measured. Plain data. */
export type Served = Readonly<Record<string, string | number | readonly HostPort[]>>

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface Meter {
  /** Bytes of content that the operations moved. */
  bytes: number
  /** Bytes of content in the store afterwards, the warm-up's included; 0 if what it takes up tells nothing. */
  stored: number
  /** Runs `work` and measures it; exactly once per run. */
  measure(work: () => Promise<void> | void): Promise<void>
}

export interface Side {
  prepare?(setting: Setting): Promise<void>
  /** Resolves when ready, with what the measured process must know; then lives until it is ended. */
  serve?(setting: Setting): Promise<Served>
  run(setting: Setting, meter: Meter): Promise<void>
  /** A fresh process looks at what `run` left. Throws if it is not what it should be. */
  verify?(setting: Setting): Promise<void>
}

/** One line of the table: our side of a task in one mode. */
export interface Row {
  /** Behind the task's title: `lazy signatures`. Empty for the only row. */
  readonly label: string
  /** What an acknowledgement stands for: `write, no sync` as the reference, or more. */
  readonly durability: string
  /** Ratio to the reference that the project promises; `undefined` for rows that only inform. */
  readonly goal?: number
  /**
   * How many times the task's operations this row does: less than 1 where all would take too long, more where they
   * would be over before the compiler has finished with our code. Ratios are per operation. Default 1.
   */
  readonly times?: number
  readonly side: Side
}

export interface Task {
  /** As the command line names it. */
  readonly name: string
  readonly title: string
  /** What is counted: `blocks`, `files`, `logs`. */
  readonly unit: string
  /** Operations in a full run, and in a smoke run. Of a tree they are its files, whatever is said here. */
  readonly count: number
  readonly smokeCount: number
  /** The files that it works on, if any. */
  readonly tree?: TreeKind
  readonly reference: Side
  readonly rows: readonly Row[]
}

/** One measurement. */
export interface Sample {
  readonly operations: number
  readonly bytes: number
  readonly storedBytes: number
  readonly wallMs: number
  /** CPU of all threads of the measured process, and of the server meanwhile. */
  readonly cpuMs: number
  readonly serverCpuMs: number
  readonly peakMemoryBytes: number
  /** Longest time in which the event loop did not turn. */
  readonly longestBlockMs: number
  /** The longest without what the thread waited for a processor that others had, where the system tells. */
  readonly ownBlockMs: number
  /** Both in the server meanwhile; 0 without one. */
  readonly serverBlockMs: number
  readonly serverOwnBlockMs: number
  /** Bytes of the store's folder on the disk after closing; 0 where nothing was stored. */
  readonly diskBytes: number
  /** A fixed piece of work just before, to tell a disturbed measurement from a quiet one. */
  readonly calibrationMs: number
}

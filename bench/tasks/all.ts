/** Every task, in the order of the table. */

import type { Task } from '../harness/task.ts'
import { append1k, append1kMany, append64k } from './append.ts'
import { attach1500, attach10000, sync10000 } from './attach-logs.ts'
import { beeScale, bees } from './bee.ts'
import { clear200 } from './clear.ts'
import { startCommand } from './command.ts'
import { create10000, list100000, open1500, open10000 } from './many-logs.ts'
import { getHundred, getOne, readStream } from './read.ts'
import { replications } from './replicate.ts'
import { scale } from './scale.ts'
import { cloneBig, cloneTree, importBig, importMillion, importTree, reimportTree } from './trees.ts'

export const TASKS: readonly Task[] = [
  append1k,
  append1kMany,
  append64k,
  getOne,
  getHundred,
  readStream,
  ...replications,
  ...bees,
  open1500,
  open10000,
  create10000,
  list100000,
  attach1500,
  attach10000,
  sync10000,
  clear200,
  importTree,
  reimportTree,
  cloneTree,
  importBig,
  cloneBig,
  startCommand,
]

/** Those that take minutes to prepare: what becomes of the cost as a store grows. */
export const SCALE_TASKS: readonly Task[] = [...scale, ...beeScale, importMillion]

export const ALL_TASKS: readonly Task[] = [...TASKS, ...SCALE_TASKS]

/** Every task, in the order of the table. */

import type { Task } from '../harness/task.ts'
import { append1k, append1kMany, append64k } from './append.ts'
import { attach1500, attach10000, sync10000 } from './attach-logs.ts'
import { bees } from './bee.ts'
import { clear200 } from './clear.ts'
import { create10000, list100000, open1500, open10000 } from './many-logs.ts'
import { getHundred, getOne, readStream } from './read.ts'
import { replications } from './replicate.ts'
import { cloneTree, importTree, reimportTree } from './trees.ts'

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
]

/** Every task, in the order of the table. */

import type { Task } from '../harness/task.ts'
import { append1k, append1kMany, append64k } from './append.ts'
import { open1500 } from './many-logs.ts'
import { getHundred, getOne, readStream } from './read.ts'
import { replicate1kDht, replicate1kTcp, replicate64kDht, replicate64kTcp } from './replicate.ts'
import { cloneTree, importTree, reimportTree } from './trees.ts'

export const TASKS: readonly Task[] = [
  append1k,
  append1kMany,
  append64k,
  getOne,
  getHundred,
  readStream,
  replicate1kTcp,
  replicate64kTcp,
  replicate1kDht,
  replicate64kDht,
  open1500,
  importTree,
  reimportTree,
  cloneTree,
]

/**
 * The three generations by their number: what a stored log's generation is looked up in.
 *
 * Owns: the table, apart from the interface (`generation.ts`) that its rows implement, so that neither needs the
 * other's file to be loaded first.
 */

import { gen1 } from './gen1.ts'
import { gen2 } from './gen2.ts'
import { gen3 } from './gen3.ts'
import type { Generation } from './generation.ts'

export const GENERATIONS: Readonly<Record<1 | 2 | 3, Generation>> = { 1: gen1, 2: gen2, 3: gen3 }

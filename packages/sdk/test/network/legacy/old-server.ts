/**
 * A process that takes over old files and serves them, until its parent is gone.
 *
 * Argument: JSON of `ServerArguments`. It says when it is announced. Told anything, it serves no more, and says so.
 */

import { type NetworkOptions, open } from '../../../src/index.ts'
import { serveOld } from './serve-old.ts'

/** What the parent says. */
export interface ServerArguments {
  readonly folder: string
  readonly link: string
  readonly network: NetworkOptions
}

const { folder, link, network }: ServerArguments = JSON.parse(process.argv[2] ?? '')
const node = await open({ network })
const serving = await serveOld(node, folder, link)
process.on('disconnect', () => process.exit(0))
process.on('message', () => void serving.close().then(() => process.send?.('closed')))
process.send?.('announced')

/**
 * A process that fetches a log of ours, says when it holds all of it, and waits to be killed.
 *
 * `holder.ts FOLDER PORT KEY LENGTH [SEED]`: with an empty FOLDER its store never reaches a disk, as if each sync
 * were still under way. With a SEED, one byte, it is the same peer each time. A message `[start, end]` makes it drop
 * these blocks.
 */

import { fromHex } from '@dat-rhino/core/bytes/bytes'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp } from '@dat-rhino/sdk/platform/node/tcp'

const [folder = '', port = '0', key = '', length = '0', seed = ''] = process.argv.slice(2)

setCrypto(sodiumCrypto)
const store = folder === '' ? openMemoryStore({ syncByHand: true }) : await openStorage(folder)
const corestore = await Corestore.open({ store })
const log = await corestore.get({ key: fromHex(key) })
const identity = seed === '' ? {} : { keyPair: keyPair(new Uint8Array(32).fill(Number(seed))) }
corestore.connect(await connectTcp({ port: Number(port), ...identity }))
await log.download({ start: 0, end: Number(length) }).done()
process.send?.('held')
process.on('message', ([start, end]: [number, number]) => void log.clear(start, end))
process.on('disconnect', () => process.exit(0))

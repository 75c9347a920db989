/** One suite over the drives of all three networks, through the one interface. */

import { fromHex, utf8 } from '../../src/bytes/bytes.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import type { Drive } from '../../src/drive/drive.ts'
import { openDrive } from '../../src/drive/open.ts'
import { BIG, driveSuite, SAMPLE, type SampleDrive } from '../suites/drive.ts'
import { vectors } from '../vectors.ts'
import { newTrieDrive } from './old-support.ts'
import { openStore, type Told } from './support.ts'

async function written(drive: Drive): Promise<SampleDrive> {
  for (const { path, bytes, executable = false } of SAMPLE) {
    if (bytes !== undefined) await drive.put(path, bytes, { executable })
    else {
      if (drive.abilities.folders) await drive.mkdir('/folder')
      await drive.del(path)
    }
  }
  return { drive, more: () => drive.put('/late.txt', utf8('late')) }
}

const treeVector = vectors<
  Record<'keys', Record<string, { readonly publicKey: string; readonly secretKey: string }>> &
    Record<'blocks', Record<string, readonly Told[]>>
>('gen1/hyperdrive9')

/** A drive that hyperdrive 9 wrote: the sample, and as its last row what comes late. */
async function openTree(): Promise<SampleDrive> {
  const store = await openStore()
  const open = (name: 'metadata' | 'content') => {
    const { publicKey = '', secretKey = '' } = treeVector.keys[name] ?? {}
    const keyPair = { publicKey: fromHex(publicKey), secretKey: fromHex(secretKey) }
    return store.get({ keyPair, generation: 1 })
  }
  const blocks = (name: 'metadata' | 'content'): Uint8Array[] =>
    (treeVector.blocks[name] ?? []).map((told, i) =>
      typeof told === 'string'
        ? fromHex(told)
        : BIG.subarray((i - 2) * 65_536).subarray(0, told.bytes),
    )
  const metadata = await open('metadata')
  const content = await open('content')
  await metadata.append(blocks('metadata').slice(0, -1))
  await content.append(blocks('content').slice(0, -1))
  const drive = await openDrive({ store, key: metadata.key, generation: 1 })
  return {
    drive,
    more: async () => {
      await content.append(blocks('content').slice(-1))
      await metadata.append(blocks('metadata').slice(-1))
    },
  }
}

driveSuite('hyperdrive 13', async () => written(await BeeDrive.open({ store: await openStore() })))
driveSuite('hyperdrive 10', async () => written(await newTrieDrive()))
driveSuite('hyperdrive 9', openTree)

/**
 * A process that shares or clones, and says so after each file, until it is killed.
 *
 * Arguments: `share DIR` or `clone LINK DIR BOOTSTRAP`.
 */

import { open } from '../../src/index.ts'

const [what, ...args] = process.argv.slice(2)
const alive = setInterval(() => undefined, 1_000)
const node = await open({
  network: what === 'clone' ? { bootstrap: [args[2] ?? ''], host: '127.0.0.1' } : false,
})
const folder =
  what === 'share'
    ? await node.share(args[0] ?? '', { watch: false })
    : await node.clone(args[0] ?? '', args[1] ?? '')
process.send?.({ type: 'link', link: folder.link })
for await (const event of folder.events()) {
  if (event.type === 'file-added' || event.type === 'ready') process.send?.({ type: event.type })
  if (event.type === 'ready') break
}
await node.close()
clearInterval(alive)
process.disconnect?.()

/**
 * The pipe in memory that other tests stand on keeps the contract of a transport.
 */

import { transportSuite } from '../suites/transport.ts'
import { memoryTransports, TestClock } from './simulated.ts'

transportSuite('memory', async () => {
  const clock = new TestClock()
  const [initiator, responder] = memoryTransports(clock)
  return {
    initiator,
    responder,
    turn: async () => {
      clock.turn()
    },
  }
})

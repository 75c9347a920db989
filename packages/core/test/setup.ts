/**
 * Imported first by every test that hashes or signs: sets the provider that Node programs run with.
 *
 * A relative import into the other package, because core depends on no provider and must not.
 */

import { sodiumCrypto } from '../../sdk/src/platform/node/crypto-sodium.ts'
import { setCrypto } from '../src/crypto/crypto.ts'

setCrypto(sodiumCrypto)

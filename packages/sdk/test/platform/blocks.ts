/** The few helpers of core's store tests that the tests of the real disk use too. */

export { append, appendAndCommit, bytesOf, identityOf } from '../../../core/test/store/helpers.ts'

export type { Host, HostAnswer, HostApp, HostController, HostGuard, MakeHost } from './adapter-host.js'
export { type AdapterSuiteOptions, adapterSuite } from './adapter-suite.js'
export { sessionsSuite } from './sessions-suite.js'
export { storeSuite } from './store-suite.js'
export { type SuiteOptions, type TestClock, type TestFunction, testClock } from './suite.js'
export {
  cheapHasher,
  type TestAuth,
  type TestRequest,
  type TestResponse,
  testAuth,
  testExchange,
} from './test-auth.js'
export type { UsersSuiteOptions } from './users-accounts.js'
export { usersSuite } from './users-suite.js'

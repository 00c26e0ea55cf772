// The contract of `Sessions`. Run it with `node --test examples/custom-authorization/sessions.test.js`.
// @ts-check
import { sessionsSuite, testAuth } from 'pawl/testing'
import { keyValueSessions } from './sessions.js'

sessionsSuite(() => testAuth({ sessions: keyValueSessions }).auth)

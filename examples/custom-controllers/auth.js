// @ts-check
import { randomBytes } from 'node:crypto'
import { createAuth, guidePresenter, memoryUsers } from 'pawl'

export const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
  // The app's controllers do it all.
  routes: false,
})

/** The guide's error handler. @type {import('pawl').Presenter} */
export const apiAuthErrorHandler = {
  ...guidePresenter,
  problem(problem, ctx) {
    if (problem.code !== 'not_authenticated') return guidePresenter.problem(problem, ctx)
    const headers = { 'content-type': 'application/json', 'www-authenticate': 'Bearer' }
    return { status: 401, headers, body: JSON.stringify({ error: { code: 401, message: 'Not authenticated' } }) }
  },
}

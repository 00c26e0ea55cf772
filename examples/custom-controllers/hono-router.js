// The guide's router on Hono: two pipelines, and the controllers behind them.
// @ts-check
import { Hono } from 'hono'
import { readInput, userInput } from 'pawl'
import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/hono'
import { apiAuthErrorHandler, auth } from './auth.js'
import { registrationController, sessionController } from './controllers.js'

/** @typedef {import('pawl/hono').AuthEnv} Env */

/** @param {import('./controllers.js').Action} action @returns {import('hono').Handler<Env>} */
function to(action) {
  return async c => {
    const ctx = c.get('auth')
    const input = await readInput(ctx.request, false)
    const { status, json } = await action(ctx, 'user' in input ? userInput(input) : {})
    return new Response(JSON.stringify(json), {
      status,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  }
}

const registration = registrationController(auth)
const session = sessionController(auth)

/** @type {Hono<Env>} */
const api = new Hono()
api.use(authMiddleware(auth))
api.post('/registration', to(registration.create))
api.post('/session', to(session.create))
api.delete('/session', to(session.delete))
api.post('/session/renew', to(session.renew))

/** @type {Hono<Env>} */
const apiProtected = new Hono()
apiProtected.use('/profile', requireAuthenticated(auth, { presenter: apiAuthErrorHandler }))
apiProtected.get('/profile', c => c.json({ hello: c.get('auth').user?.email }))

/** @type {Hono<Env>} */
export const app = new Hono()
api.route('/', apiProtected)
app.route('/api/v1', api)
app.onError(problemHandler(auth))

// The guide's router on Express: two pipelines, and the controllers behind them.
// @ts-check
import express from 'express'
import { authMiddleware, currentAuth, problemHandler, requireAuthenticated } from 'pawl/express'
import { apiAuthErrorHandler, auth } from './auth.js'
import { registrationController, sessionController } from './controllers.js'

/** @param {import('./controllers.js').Action} action @returns {express.RequestHandler} */
function to(action) {
  return async (request, response) => {
    const { status, json } = await action(currentAuth(auth, request), request.body?.user ?? {})
    response.status(status).set('cache-control', 'no-store').json(json)
  }
}

const registration = registrationController(auth)
const session = sessionController(auth)

const api = express.Router()
api.use(express.json(), express.urlencoded({ extended: true }), authMiddleware(auth))
api.post('/registration', to(registration.create))
api.post('/session', to(session.create))
api.delete('/session', to(session.delete))
api.post('/session/renew', to(session.renew))

const apiProtected = express.Router()
apiProtected.use(requireAuthenticated(auth, { presenter: apiAuthErrorHandler }))
apiProtected.get('/profile', (request, response) => {
  response.json({ hello: currentAuth(auth, request).user?.email })
})

export const app = express()
app.use('/api/v1', api, apiProtected)
app.use(problemHandler(auth))

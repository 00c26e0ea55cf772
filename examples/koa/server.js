// A guarded route on Koa. Run it with `node examples/koa/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import Koa from 'koa'
import { createAuth, memoryUsers } from 'pawl'
import { authMiddleware, requireAuthenticated } from 'pawl/koa'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
})

const router = new Router()
router.get(
  '/profile',
  requireAuthenticated(auth, ctx => {
    ctx.body = { hello: ctx.auth.user?.email }
  }),
)

const app = new Koa()
app.use(authMiddleware(auth))
app.use(router.routes())

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})

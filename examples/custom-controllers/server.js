// Controllers of your own. Run it with `node examples/custom-controllers/server.js`; see README.md.
// @ts-check
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'

/** Express, or Hono with ROUTER=hono. */
async function listenerOf(router = 'express') {
  if (router === 'hono') return getRequestListener((await import('./hono-router.js')).app.fetch)
  return (await import('./express-router.js')).app
}

const listener = await listenerOf(process.env.ROUTER)
const server = createServer(listener).listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})

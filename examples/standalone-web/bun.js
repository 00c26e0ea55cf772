// Serves the app on Bun, and knows the peer's address. Run it with `bun examples/standalone-web/bun.js`.
import { authFetch } from 'pawl/web'
import { app, auth } from './app.js'

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  fetch: authFetch(auth, app, { address: request => server.requestIP(request)?.address ?? null }),
})
console.log(`listening on http://127.0.0.1:${server.port}`)

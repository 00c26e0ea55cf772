// Serves the app on Deno, and knows the peer's address. See README.md for the permissions it needs.
import { authFetch } from 'pawl/web'
import { app, auth } from './app.js'

Deno.serve(
  {
    hostname: '127.0.0.1',
    port: Number(Deno.env.get('PORT') ?? 3000),
    onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
  },
  (request, { remoteAddr }) => authFetch(auth, app, { address: () => remoteAddr.hostname })(request),
)

import { createAuth, memoryStore, memoryUsers } from 'pawl'
import { authListener, requireAuthenticated } from 'pawl/node'
import { testExchange } from 'pawl/testing'
const mk = async (session) => { const auth = createAuth({ secret: 'a secret for benchmarks, and for benchmarks alone', users: memoryUsers(), store: memoryStore(), session })
const r = await auth.respond(testExchange('POST','/api/v1/registration',{json:{user:{email:'a@b.c',password:'secret1234',password_confirmation:'secret1234'}}}))
return { auth, token: JSON.parse(r.body).data.access_token } }
const { auth, token } = await mk({ loadUser: false })
let n = 0
class Res { constructor(){this.headersSent=false;this.destroyed=false} writeHead(){n++} end(){n++} }
const listener = authListener(auth, requireAuthenticated(auth, (q, s) => { s.writeHead(200,{}); s.end('x') }))
const socket = { remoteAddress: '127.0.0.1' }
function bench(name, token) {
  const f = () => listener({ method: 'GET', url: '/me', rawHeaders: ['Host', '127.0.0.1:1234', 'Connection','keep-alive','Authorization', token], socket, complete: true, headers: {} }, new Res())
  for (let i = 0; i < 50000; i++) f()
  const N = 300000, c = process.cpuUsage(), s = performance.now()
  for (let i = 0; i < N; i++) f()
  const e = process.cpuUsage(c)
  console.log(name, ((performance.now() - s) * 1000 / N).toFixed(2), 'us wall', ((e.user + e.system) / N).toFixed(2), 'us cpu')
}
if (process.argv[2]) { for (let i=0;i<6;i++) bench(process.argv[2], process.argv[2]==='forged' ? token.slice(0, -4) + 'AAAA' : token) } else { bench('session', token); bench('forged', token.slice(0, -4) + 'AAAA') }

import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ServerProcess, startServer } from '../support/server.js'

let server: ServerProcess
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

function send(text: string, read: boolean): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk
      if (answer.split('HTTP/1.1 200').length > 20) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    if (!read) socket.pause()
    socket.write(text)
    if (!read) setImmediate(() => socket.resume())
  })
}

const livez = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'

test('twenty requests in one piece get twenty answers', async () => {
  expect((await send(livez.repeat(20), true)).split('HTTP/1.1 200')).toHaveLength(21)
})

test('two thousand requests in one piece are cut off, and the service goes on', async () => {
  const answers = (await send('GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000), false)).split(
    'HTTP/1.1 200',
  )
  expect(answers.length).toBeLessThan(70)
  expect((await fetch(`${server.url}/livez`)).status).toBe(200)
})

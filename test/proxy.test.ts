import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type Redis, startRedis } from './support/engines.js'
import { startProxy, type TcpProxy } from './support/proxy.js'
import { redisProtocol } from './support/proxy-protocols.js'

/** A connection that speaks RESP and nothing more. */
async function redisClient(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  onTestFinished(() => void socket.destroy())
  const { replies } = redisProtocol()
  const received: string[] = []
  const chunks: string[] = []
  const waiting: ((text: string) => void)[] = []
  socket.on('data', chunk => {
    chunks.push(chunk.toString())
    for (const { bytes } of replies(chunk)) {
      received.push(bytes.toString().trim())
      waiting.shift()?.(received.at(-1) as string)
    }
  })
  /** What ended it: the code of an error, or `closed`, as Linux reports a reset behind bytes that wait to be read. */
  const broken = new Promise<string>(resolve => {
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    socket.once('close', () => resolve('closed'))
  })
  return {
    socket,
    received,
    chunks,
    broken,
    send: (...commands: string[]) => void socket.write(commands.map(resp).join('')),
    call: (command: string) =>
      Promise.race([
        new Promise<string>(resolve => {
          waiting.push(resolve)
          socket.write(resp(command))
        }),
        broken,
      ]),
  }
}

function resp(command: string): string {
  const words = command.split(' ')
  return `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`
}

describe.skipIf(inject('pawlRedis') === null)('in front of Redis', () => {
  let redis: Redis
  let proxy: TcpProxy
  beforeAll(async () => {
    redis = await startRedis()
    proxy = await startProxy(redis, { protocol: 'redis', ignore: name => name === 'PING' })
  })
  afterEach(async () => {
    await proxy.pass()
    proxy.resetCount()
    await redis.cli('flushall')
  })
  afterAll(async () => {
    await proxy?.close()
    await redis?.stop()
  })

  test('bytes pass and connections are counted', async () => {
    const before = proxy.accepted()
    const client = await redisClient(proxy.port)
    expect(await client.call('INCR n')).toBe(':1')
    expect(proxy.accepted()).toBe(before + 1)
    const open = proxy.connections()
    const counting = proxy.connections('INCR')
    client.socket.end()
    await client.broken
    await vi.waitFor(() => expect(proxy.connections()).toBe(open - 1))
    expect(proxy.connections('INCR')).toBe(counting - 1)
  })

  test('refuse breaks what is open and refuses what is new, and accept listens on the same port', async () => {
    const client = await redisClient(proxy.port)
    await client.call('PING')
    await proxy.refuse()
    expect(await client.broken).toBe('ECONNRESET')
    await expect(redisClient(proxy.port)).rejects.toThrow('ECONNREFUSED')
    await proxy.accept()
    expect(await (await redisClient(proxy.port)).call('PING')).toBe('+PONG')
  })

  test('silence accepts and swallows, for old and new connections', async () => {
    const old = await redisClient(proxy.port)
    await old.call('PING')
    proxy.silence()
    const fresh = await redisClient(proxy.port)
    old.send('INCR n')
    fresh.send('INCR n')
    await vi.waitFor(() => expect(proxy.commands()).toBe(2))
    await proxy.pass()
    expect(await old.call('INCR n')).toBe(':1')
    expect(await fresh.call('INCR n')).toBe(':2')
  })

  test('in silence no side hears that the other closed', async () => {
    const client = await redisClient(proxy.port)
    await client.call('CLIENT SETNAME lost')
    proxy.silence()
    client.socket.destroy()
    await vi.waitFor(() => expect(proxy.connections()).toBe(0))
    expect(await redis.cli('client', 'list')).toContain('name=lost')
    await proxy.pass()
    await vi.waitFor(async () => expect(await redis.cli('client', 'list')).not.toContain('name=lost'))
  })

  test('freeze holds back and thaw delivers in order', async () => {
    const client = await redisClient(proxy.port)
    await client.call('PING')
    proxy.freeze()
    client.send('INCR n', 'INCR n')
    await vi.waitFor(() => expect(proxy.commands()).toBe(2))
    expect(await redis.cli('get', 'n')).toBe('')
    proxy.thaw()
    expect(await client.call('INCR n')).toBe(':1')
    await vi.waitFor(() => expect(client.received).toEqual(['+PONG', ':1', ':2', ':3']))
  })

  test('dropReplies executes and says nothing', async () => {
    const client = await redisClient(proxy.port)
    proxy.dropReplies()
    client.send('INCR n')
    await vi.waitFor(async () => expect(await redis.cli('get', 'n')).toBe('1'))
    expect(client.received).toEqual([])
    await proxy.pass()
    expect(await client.call('INCR n')).toBe(':2')
  })

  test('delay takes its time in both directions and keeps the order', async () => {
    const client = await redisClient(proxy.port)
    proxy.delay(30, 20)
    const start = performance.now()
    const calls = Array.from({ length: 20 }, () => client.call('INCR n'))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, index) => `:${index + 1}`))
    expect(performance.now() - start).toBeGreaterThanOrEqual(59)
  })

  test('pass delivers at once what a delay holds', async () => {
    const client = await redisClient(proxy.port)
    proxy.delay(3_600_000)
    client.send('INCR n')
    await vi.waitFor(() => expect(proxy.commands()).toBe(1))
    await proxy.pass()
    await vi.waitFor(() => expect(client.received).toEqual([':1']))
  })

  test('slice forwards piece by piece', async () => {
    const client = await redisClient(proxy.port)
    proxy.slice(3)
    const text = 'x'.repeat(3_000)
    expect(await client.call(`ECHO ${text}`)).toContain(text)
    expect(client.chunks.length).toBeGreaterThan(10)
  })

  test('cut resets both sides', async () => {
    const client = await redisClient(proxy.port)
    await client.call('CLIENT SETNAME cut')
    proxy.cut()
    expect(await client.broken).toBe('ECONNRESET')
    await vi.waitFor(async () => expect(await redis.cli('client', 'list')).not.toContain('name=cut'))
  })

  test('switchTo sends new connections elsewhere', async () => {
    const other = await startRedis()
    onTestFinished(() => other.stop())
    await other.cli('set', 'who', 'other')
    const client = await redisClient(proxy.port)
    expect(await client.call('GET who')).toBe('$-1')
    proxy.switchTo(other.port)
    expect(await client.broken).toBe('ECONNRESET')
    expect(await (await redisClient(proxy.port)).call('GET who')).toContain('other')
    proxy.switchTo(redis.port)
  })

  test('commands are counted however they are chunked, but for the ignored', async () => {
    const client = await redisClient(proxy.port)
    const bytes = [resp('INCR n'), resp('PING'), 'INCR n\r\n', resp('SET k *3\r\n$3')].join('')
    for (const byte of bytes) client.socket.write(byte)
    await vi.waitFor(() => expect(client.received).toEqual([':1', '+PONG', ':2', '+OK']))
    expect(proxy.commands()).toBe(3)
  })

  test.each([1, 2, 3, 4])('cut before command %i of a pipeline', async k => {
    const client = await redisClient(proxy.port)
    proxy.cutAt(k, 'before')
    client.send('INCR n', 'PING', 'INCR n', 'INCR n', 'PING', 'INCR n')
    await client.broken
    expect(client.received.filter(reply => reply !== '+PONG')).toEqual([':1', ':2', ':3'].slice(0, k - 1))
    expect(await redis.cli('get', 'n')).toBe(k === 1 ? '' : String(k - 1))
  })

  test.each([1, 2, 3, 4])('cut after command %i of a pipeline', async k => {
    const client = await redisClient(proxy.port)
    proxy.cutAt(k, 'after')
    client.send('INCR n', 'PING', 'INCR n', 'INCR n', 'PING', 'INCR n')
    await client.broken
    expect(client.received.filter(reply => reply !== '+PONG')).toEqual([':1', ':2', ':3'].slice(0, k - 1))
    expect(await redis.cli('get', 'n')).toBe(String(k))
  })

  test('a cut hits the connection that reaches it and no other', async () => {
    const [first, second] = [await redisClient(proxy.port), await redisClient(proxy.port)]
    proxy.cutAt(2, 'after')
    expect(await first.call('INCR n')).toBe(':1')
    expect(await second.call('INCR n')).toBe('ECONNRESET')
    expect(await first.call('INCR n')).toBe(':3')
  })

  test('a push is no reply', async () => {
    const client = await redisClient(proxy.port)
    await client.call('HELLO 3')
    client.send('SUBSCRIBE news')
    await vi.waitFor(() => expect(client.received).toHaveLength(2))
    proxy.resetCount()
    proxy.cutAt(1, 'after')
    client.send('BLPOP list 0')
    await vi.waitFor(async () => expect(await redis.cli('info', 'clients')).toContain('blocked_clients:1'))
    await redis.cli('publish', 'news', 'one')
    await redis.cli('rpush', 'list', 'entry')
    expect(await client.broken).toBe('ECONNRESET')
    expect(await redis.cli('llen', 'list')).toBe('0')
  })

  test('RESP2 messages are no replies either', async () => {
    const client = await redisClient(proxy.port)
    await client.call('SUBSCRIBE news')
    proxy.resetCount()
    proxy.cutAt(3, 'after')
    client.send('UNSUBSCRIBE news', 'INCR n', 'INCR n', 'INCR n')
    await client.broken
    expect(client.received.slice(2)).toEqual([':1'])
    expect(await redis.cli('get', 'n')).toBe('2')
  })

  test('after a cut clients can be refused', async () => {
    const client = await redisClient(proxy.port)
    const cut = proxy.cutAt(1, 'after', { next: 'refuse' })
    client.send('INCR n')
    await cut
    expect(await client.broken).toBe('ECONNRESET')
    await expect(redisClient(proxy.port)).rejects.toThrow('ECONNREFUSED')
    await proxy.pass()
    expect(await (await redisClient(proxy.port)).call('INCR n')).toBe(':2')
  })

  test('a server killed at the cut keeps what it answered', async () => {
    const durable = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    const front = await startProxy(durable, { protocol: 'redis' })
    onTestFinished(async () => {
      await front.close()
      await durable.stop()
    })
    const client = await redisClient(front.port)
    let killed: Promise<void> | undefined
    front.cutAt(2, 'after', { onCut: () => (killed = durable.signal('SIGKILL')) })
    client.send('INCR n', 'INCR n')
    await client.broken
    await killed
    await durable.restart()
    expect(await (await redisClient(front.port)).call('GET n')).toContain('2')
  })

  test('a cut that is over, or that nobody counts to, is refused', async () => {
    const client = await redisClient(proxy.port)
    await client.call('INCR n')
    await expect(proxy.cutAt(1, 'before')).rejects.toThrow('Command 1 is over')
    const blind = await startProxy(redis)
    onTestFinished(() => blind.close())
    await expect(blind.cutAt(1, 'before')).rejects.toThrow('protocol')
  })
})

import { once } from 'node:events'
import { connect } from 'node:net'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createDatabase } from './support/engines.js'
import { startProxy, type TcpProxy } from './support/proxy.js'

const postgres = inject('pawlPostgres')

describe.skipIf(postgres === null)('in front of PostgreSQL', () => {
  let direct: Client
  let proxy: TcpProxy
  let url: URL
  beforeAll(async () => {
    url = new URL(await createDatabase(postgres as string))
    proxy = await startProxy({ port: Number(url.port) }, { protocol: 'postgres', ignore: sql => sql === 'select 1' })
    direct = new Client(url.href)
    await direct.connect()
    await direct.query('create table entries (n int)')
  })
  afterEach(async () => {
    await proxy.pass()
    proxy.resetCount()
    await direct.query('truncate entries')
  })
  afterAll(async () => {
    await proxy?.close()
    await direct?.end()
  })

  async function postgresClient() {
    const through = new URL(url)
    through.port = String(proxy.port)
    const client = new Client(through.href)
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }
  const entries = async () => (await direct.query('select n from entries order by n')).rows.map(({ n }) => n)

  const INSERTS = {
    simple: (n: number) => ({ text: `insert into entries values (${n})` }),
    extended: (n: number) => ({ text: 'insert into entries values ($1)', values: [n] }),
    prepared: (n: number) => ({ name: 'insert', text: 'insert into entries values ($1)', values: [n] }),
  }

  describe.each(['simple', 'extended', 'prepared'] as const)('with %s statements', kind => {
    test.each([1, 2, 3])('cut before command %i', async k => {
      const client = await postgresClient()
      await client.query('select 1')
      proxy.cutAt(k, 'before')
      for (let n = 1; n < k; n++) await client.query(INSERTS[kind](n))
      await expect(client.query(INSERTS[kind](k))).rejects.toThrow()
      expect(await entries()).toEqual([1, 2].slice(0, k - 1))
      expect(proxy.commands()).toBe(k)
    })

    test.each([1, 2, 3])('cut after command %i', async k => {
      const client = await postgresClient()
      await client.query('select 1')
      proxy.cutAt(k, 'after')
      for (let n = 1; n < k; n++) await client.query(INSERTS[kind](n))
      await expect(client.query(INSERTS[kind](k))).rejects.toThrow()
      expect(await entries()).toEqual([1, 2, 3].slice(0, k))
      expect(proxy.commands()).toBe(k)
    })
  })

  test('a transaction is undone before its commit is sent, and stands after', async () => {
    for (const [moment, left] of [
      ['before', []],
      ['after', [1]],
    ] as const) {
      proxy.resetCount()
      const client = await postgresClient()
      proxy.cutAt(3, moment)
      await client.query('begin')
      await client.query(INSERTS.extended(1))
      await expect(client.query('commit')).rejects.toThrow()
      await vi.waitFor(async () => expect(await entries()).toEqual(left))
    }
  })

  test('a failed statement is one command with one answer', async () => {
    const client = await postgresClient()
    await expect(client.query('select no_such_column', [])).rejects.toThrow('no_such_column')
    await expect(client.query('select $1::int / 0', [1])).rejects.toThrow('zero')
    expect(proxy.commands()).toBe(2)
    proxy.cutAt(3, 'after')
    await expect(client.query(INSERTS.extended(1))).rejects.toThrow()
    expect(await entries()).toEqual([1])
  })

  test('requests to encrypt are no commands', async () => {
    const socket = connect(proxy.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const request = Buffer.alloc(8)
    request.writeInt32BE(8)
    request.writeInt32BE(80877103, 4)
    socket.write(request)
    expect(String(await once(socket, 'data'))).toBe('N')
    const start = Buffer.from(`\0\0\0\0\0\x03\0\0user\0pawl\0database\0${url.pathname.slice(1)}\0\0`)
    start.writeInt32BE(start.length)
    for (const byte of start) socket.write(Buffer.from([byte]))
    let text = ''
    socket.on('data', chunk => (text += chunk.toString('latin1')))
    await vi.waitFor(() => expect(text).toContain('Z\0\0\0\x05I'))
    expect(proxy.commands()).toBe(0)
  })
})

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../src/server/env.js'

const ROOT = new URL('../', import.meta.url)
const textOf = (name: string) => readFileSync(new URL(name, ROOT), 'utf8')

/** A Dockerfile's instructions, with continued lines joined. */
const instructions = textOf('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))

test('the Dockerfile copies what is there and what .dockerignore lets through', () => {
  const admitted = textOf('.dockerignore')
  for (const line of instructions.filter(each => /^COPY (?!--from)/.test(each))) {
    for (const source of line.split(' ').slice(1, -1)) {
      expect(existsSync(fileURLToPath(new URL(source, ROOT))), source).toBe(true)
      const pattern = source.startsWith('tsconfig') ? '!tsconfig*.json' : `!${source}`
      expect(admitted.split('\n'), source).toContain(pattern)
    }
  }
})

test('the Dockerfile runs the server of the package, as nobody special, with settings that exist', () => {
  const { bin, engines } = JSON.parse(textOf('package.json'))
  expect(instructions.at(-1)).toBe(`CMD ["node", "${bin.pawl.replace('./', 'node_modules/pawl/')}", "serve"]`)
  expect(instructions).toContain('USER node')
  const [, major] = /^FROM node:(\d+)/.exec(instructions[0] as string) as unknown as [string, string]
  expect(Number(major)).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]))
  const names = [...textOf('Dockerfile').matchAll(/\b(PAWL_\w+)=/g)].map(([, name]) => name as string)
  for (const name of names) expect(Object.keys(SETTINGS)).toContain(name)
})

test('compose.yaml gives the server settings that exist, and engines set up as it needs them', () => {
  const { services, volumes } = parse(textOf('compose.yaml'))
  for (const name of Object.keys(services.pawl.environment)) expect(Object.keys(SETTINGS)).toContain(name)
  for (const name of Object.keys(services.pawl.depends_on)) {
    expect(services[name].healthcheck.test.length, name).toBeGreaterThan(1)
    for (const volume of services[name].volumes) expect(volumes, name).toHaveProperty(volume.split(':')[0])
  }
  expect(services.redis.command.join(' ')).toContain('--maxmemory-policy noeviction')
  expect(services.pawl.environment.REDIS_URL).toBe('redis://redis:6379')
})

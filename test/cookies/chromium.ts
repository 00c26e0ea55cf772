import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type LaunchOptions } from 'playwright-core'
import { afterAll } from 'vitest'
import { findProgram } from '../support/processes.js'

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']

function install(): void {
  const apt = findProgram('apt-get')
  if (process.getuid?.() !== 0 || apt === null) return
  console.error('Installing Chromium for the tests')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { status, stderr } = spawnSync(apt, args, { env, encoding: 'utf8', timeout: 600_000 })
    if (status !== 0) console.error(`apt-get ${args[0]} failed: ${stderr}`)
  }
}

/** Debian's Chromium, installed where it may be; null, loudly, where its tests are to be skipped. */
function find(): string | null {
  if (findProgram('chromium') === null) install()
  const path = findProgram('chromium')
  if (path !== null) return path
  if (process.env.CI || process.env.PAWL_REQUIRE_ENGINES) {
    throw new Error('Chromium is not installed, and CI or PAWL_REQUIRE_ENGINES says that no test may be skipped')
  }
  console.error('\n!!! Chromium is not installed.\n!!! SKIPPED: every test in a real browser.\n')
  return null
}

export const CHROMIUM = find()

const closing: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const options = (): LaunchOptions => ({ executablePath: CHROMIUM as string, args: FLAGS })

/** A browser without a past, closed after the tests of the file. */
export async function newBrowser(): Promise<{ newContext(): Promise<BrowserContext> }> {
  const browser = await chromium.launch(options())
  closing.push(() => browser.close())
  return browser
}

/** A folder in which a browser keeps what it is to remember when it is closed. */
export function newProfile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-browser-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opens a browser on a profile. */
export async function openProfile(folder: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, options())
  closing.push(() => context.close())
  return context
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type LaunchOptions } from 'playwright-core'
import { afterAll } from 'vitest'
import { findProgram } from '../support/processes.js'

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** Debian's Chromium; null where its tests are to be skipped. */
export const CHROMIUM = findProgram('chromium')

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

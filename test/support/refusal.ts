import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { newFolder, type ServerProcessOptions, startServer } from './server.js'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** What a server that will not start says, with its exit code. Fails, and stops the server, when it does start. */
export async function refusal(options: ServerProcessOptions = {}): Promise<string> {
  const started = await startServer(options).catch((error: Error) => error)
  if (started instanceof Error) return started.message
  await started.stop()
  throw new Error('the server started')
}

/** A temporary folder that is removed after the tests of the file. */
export function keptFolder(): string {
  const folder = newFolder()
  folders.push(folder)
  return folder
}

/** A project: a folder inside the package, so that its files may import `pawl`, with these files in it. */
export function projectWith(files: Readonly<Record<string, string>>): string {
  const parent = fileURLToPath(new URL('../../.tmp/', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'project-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

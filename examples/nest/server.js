// Compiles the app, and runs it: what `nest start` does. Run it with `node examples/nest/server.js`; see README.md.
// @ts-check
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', here], { stdio: 'inherit' })
await import(new URL('dist/main.js', import.meta.url).href)

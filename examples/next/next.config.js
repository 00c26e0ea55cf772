// @ts-check
import { fileURLToPath } from 'node:url'

/** @type {import('next').NextConfig} */
export default {
  // Argon2id is a native package: Next must leave it, and whoever imports it, alone.
  serverExternalPackages: ['pawl'],
  // This example lives in Pawl's own repository. An app of yours does not need it.
  turbopack: { root: fileURLToPath(new URL('../..', import.meta.url)) },
}

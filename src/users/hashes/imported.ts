import { scryptHashes } from '../scrypt.js'
import type { ReadHash } from '../stored-hash.js'
import { argon2Hashes } from './argon2.js'
import { aspNetHashes } from './asp-net.js'
import { bcryptHashes } from './bcrypt.js'
import { betterAuthHashes } from './better-auth.js'
import { djangoHashes } from './django.js'
import { passlibHashes } from './passlib.js'
import { werkzeugHashes } from './werkzeug.js'

/** For `reads`: every kind that needs no parameters of its own. Each looks at text of its own form alone. */
export const importedHashes: readonly ReadHash[] = [
  bcryptHashes,
  betterAuthHashes,
  djangoHashes,
  argon2Hashes,
  scryptHashes,
  passlibHashes,
  werkzeugHashes,
  aspNetHashes,
]

import { currentAuth } from 'pawl/next'
import { auth } from '../lib/auth.js'

export default async function Page() {
  const { user } = await currentAuth(auth)
  return <p>{user ? `Hello ${user.email}` : 'Nobody is signed in'}</p>
}

const find = id => document.getElementById(id)

/** @returns what went wrong in words; null when nothing did. */
async function call(method, path, body) {
  const headers = body ? { 'content-type': 'application/json' } : {}
  const response = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
  const { data, error } = await response.json()
  const fields = Object.entries(error?.errors ?? {}).map(([name, [first]]) => `${name} ${first}`)
  return { data, status: response.status, failed: error ? [error.message, ...fields].join(': ') : null }
}

const twice = ({ password, ...user }) => ({ ...user, password, password_confirmation: password })

/** What each form sends, and what it says when that worked. */
const FORMS = {
  'sign-in': [user => call('POST', '/session', { user }), ''],
  register: [user => call('POST', '/registration', { user: twice(user) }), 'Look into your mail.'],
  forgot: [user => call('POST', '/reset-password', { user }), 'Look into your mail.'],
  invite: [user => call('POST', '/invitations', { user }), 'Invited.'],
  'sign-out': [() => call('DELETE', '/session'), ''],
  'confirm-email': [() => call('POST', '/email-confirmation', { token }), 'Confirmed. Sign in now.'],
  'reset-password': [user => call('PATCH', '/reset-password', { token, user: twice(user) }), 'Done. Sign in now.'],
  'accept-invitation': [user => call('POST', '/invitations/accept', { token, user: twice(user) }), 'Welcome.'],
}

// The token stands after the `#`: no server sees it, and it leaves the address bar before anybody copies it from there.
const token = new URLSearchParams(location.hash.slice(1)).get('token')
/** The page behind a link. It sends nothing by itself: what opens links to look for viruses must use up none. */
let link = token && location.pathname.slice(1)
if (token) history.replaceState(null, '', location.pathname)

async function show() {
  for (const form of document.forms) if (!form.closest('main')) form.hidden = form.id !== link
  if (link) return
  const { data, status, failed } = await call('GET', '/session')
  // 401 means signed out, and nothing else does: where the store is away the page stays as it is.
  if (failed && status !== 401) return say(failed)
  find('outside').hidden = Boolean(data)
  find('inside').hidden = !data
  find('email').textContent = data?.user.email ?? ''
}

function say(text) {
  find('message').textContent = text
}

for (const form of document.forms) {
  form.onsubmit = async event => {
    event.preventDefault()
    const [send, done] = FORMS[form.id]
    const { failed } = await send(Object.fromEntries(new FormData(form)))
    say(failed ?? done)
    // A link that is used, or is none any more, has nothing left to show; a password that was refused can be changed.
    if (!failed) {
      form.reset()
      link = null
    }
    await show()
  }
}

if (!token && location.pathname !== '/') say('This link is not whole: open it from the mail once more.')
await show()
document.documentElement.dataset.ready = 'yes'

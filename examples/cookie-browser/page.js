// What any page does with `fetch`. The cookie goes along by itself: there is no token here to be stolen.
const find = id => document.getElementById(id)

async function call(method, path, body) {
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  })
  return { status: response.status, ...(await response.json()) }
}

function say(error) {
  const fields = Object.entries(error?.errors ?? {}).map(([name, [first]]) => `${name} ${first}`)
  find('message').textContent = error ? [error.message, ...fields].join(': ') : ''
}

function lineOf({ id, current, created_at }) {
  const line = document.createElement('li')
  line.textContent = `since ${new Date(created_at).toLocaleString()} ${current ? '(this one)' : ''}`
  if (current) return line
  const end = document.createElement('button')
  end.textContent = 'End'
  end.onclick = () => call('DELETE', `/sessions/${id}`).then(show)
  line.append(' ', end)
  return line
}

async function show() {
  const { data, error, status } = await call('GET', '/session')
  // 401 means signed out, and nothing else does: where the store is away the page stays as it is.
  if (error && status !== 401) return say(error)
  find('enter').hidden = Boolean(data)
  find('inside').hidden = !data
  if (!data) return
  find('email').textContent = data.user.email
  const { sessions } = (await call('GET', '/sessions')).data
  find('sessions').replaceChildren(...sessions.map(lineOf))
}

find('enter').onsubmit = async event => {
  event.preventDefault()
  const { email, password, remember } = event.target.elements
  const user = { email: email.value, password: password.value, remember_me: remember.checked }
  const { error } =
    event.submitter.name === 'register'
      ? await call('POST', '/registration', { user: { ...user, password_confirmation: user.password } })
      : await call('POST', '/session', { user })
  say(error)
  await show()
}

find('sign-out').onclick = async () => {
  const { error } = await call('DELETE', '/session')
  say(error)
  await show()
}

find('end-others').onclick = () => call('DELETE', '/sessions').then(show)

await show()
document.documentElement.dataset.ready = 'yes'

const mistakes = new WeakSet<object>()

/** A mistake in how Pawl was set up. Nobody's outage: a deadline passes it on as it is. */
export function mistake(message: string, options?: ErrorOptions): TypeError {
  const error = new TypeError(message, options)
  mistakes.add(error)
  return error
}

export function isMistake(error: unknown): boolean {
  return typeof error === 'object' && error !== null && mistakes.has(error)
}

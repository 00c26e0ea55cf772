/** A value, or the promise of one. Stores in this process answer at once; stores across a network promise. */
export type Awaitable<T> = T | Promise<T>

/** Tells a promise from a value. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as Promise<T> | null | undefined)?.then === 'function'
}

/**
 * Applies `next` to a value now, or to a promise later.
 * The checked path of a request uses it, because an `await` on a value that is already here costs a trip through the
 * microtask queue.
 */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value)
}

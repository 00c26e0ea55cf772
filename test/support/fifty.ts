/** Fifty callers at once. */
export const fifty = <T>(run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 50 }, (_, index) => run(index)))

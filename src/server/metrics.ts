/** Counts what happens since the start, in the text that Prometheus reads. Names and statuses alone: nobody's data. */
export interface Metrics {
  event(name: string): void
  request(status: number): void
  text(): string
}

function family(name: string, help: string, label: string, counts: ReadonlyMap<string | number, number>): string {
  const lines = [...counts].map(([value, count]) => `${name}{${label}="${value}"} ${count}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${lines.join('')}`
}

export function createMetrics(): Metrics {
  const events = new Map<string, number>()
  const requests = new Map<number, number>()
  const count = <Key>(counts: Map<Key, number>, key: Key) => counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    event: name => void count(events, name),
    request: status => void count(requests, status),
    text: () =>
      family('pawl_events_total', 'What happened, by the names of docs/lifecycle.md.', 'event', events) +
      family('pawl_requests_total', 'Requests answered, by status.', 'status', requests),
  }
}

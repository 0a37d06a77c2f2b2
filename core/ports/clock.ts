/** Time; core has no other. Milliseconds since the Unix epoch, UTC. */
export interface Clock {
  now(): number
  /** Contract: resolves after `ms`, at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

const infrastructure: Readonly<Record<string, true>> = {
  auth: true,
  quota: true,
  version: true,
  'rate-limit': true,
  overloaded: true,
  crashed: true,
}

/** Whether a turn failed because of the world and not of what it did: it burns no retry. */
export function isInfrastructure(kind: string): boolean {
  return Object.hasOwn(infrastructure, kind)
}

/** Whether trying again cannot help before a person does something. */
export function needsRepair(kind: string): boolean {
  return kind === 'auth' || kind === 'quota' || kind === 'version'
}

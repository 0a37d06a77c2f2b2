import { allowed, type Decision, deny, shown } from './denial.ts'

/** Only https, and only to a host that is granted exactly: `example.com` means port 443 of that name and no other. */
export function decideHost(url: string, hosts: readonly string[]): Decision {
  const parsed = URL.parse(url)
  if (parsed === null) return deny('schema', `'${shown(url)}' is not a URL.`)
  if (parsed.protocol !== 'https:')
    return deny('url-scheme', `'${shown(parsed.protocol)}' is not allowed; only https is.`)
  if (parsed.username !== '' || parsed.password !== '') {
    return deny('host-not-allowed', 'A URL with a user or password in it is not allowed.')
  }
  if (hosts.includes(parsed.host)) return allowed
  return deny(
    'host-not-allowed',
    `The host '${shown(parsed.host)}' is not granted. Granted: ${hosts.join(', ') || 'none'}.`,
  )
}

/** Shapes of secrets that are never in code by chance. */
const shapes: readonly { kind: string; shape: RegExp }[] = [
  { kind: 'private key', shape: /-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY-----/ },
  { kind: 'AWS key', shape: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { kind: 'GitHub token', shape: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})/ },
  { kind: 'GitLab token', shape: /\bglpat-[A-Za-z0-9_-]{20}/ },
  { kind: 'Anthropic key', shape: /\bsk-ant-[A-Za-z0-9_-]{20}/ },
  { kind: 'OpenAI key', shape: /\bsk-(?:proj-)?[A-Za-z0-9_-]{32}/ },
  { kind: 'Slack token', shape: /\bxox[abprs]-[A-Za-z0-9-]{10}/ },
  { kind: 'Google key', shape: /\bAIza[0-9A-Za-z_-]{35}/ },
  { kind: 'npm token', shape: /\bnpm_[A-Za-z0-9]{36}/ },
  { kind: 'Stripe key', shape: /\b[rs]k_live_[A-Za-z0-9]{20}/ },
]

/** The first added line of a unified diff that looks like a secret, never the secret itself. */
export function secretIn(patch: string): { path: string; kind: string } | undefined {
  let path = 'the change'
  for (const line of patch.split('\n')) {
    if (!line.startsWith('+')) continue
    const found = shapes.find(({ shape }) => shape.test(line))
    if (found) return { path, kind: found.kind }
    // An added line may look like a header, so a header is searched as well.
    if (line.startsWith('+++ ')) path = line.slice(4).replace(/^b\//, '')
  }
  return undefined
}

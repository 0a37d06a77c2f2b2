/** A review's result. It carries no commit and no author: core binds both to the turn. */
export interface Verdict {
  decision: 'approve' | 'request_changes' | 'escalate'
  findings: readonly Finding[]
  risk: Risk
  summary: string
}

export interface Finding {
  severity: 'Critical' | 'Risk' | 'Gap' | 'Suggestion'
  issue: string
  file?: string
  line?: number
  evidence?: string
  suggestion?: string
}

export type Risk = 'low' | 'medium' | 'high' | 'critical'

const order: readonly Risk[] = ['low', 'medium', 'high', 'critical']

export function higherRisk(a: Risk, b: Risk): Risk {
  return order.indexOf(a) >= order.indexOf(b) ? a : b
}

const decisions: readonly Verdict['decision'][] = ['approve', 'request_changes', 'escalate']

/** Two verdicts on the same thing as one that is no milder than either: the harsher decision, the higher risk, all findings. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  const known = new Set(a.findings.map((finding) => JSON.stringify(finding)))
  return {
    decision: decisions.indexOf(a.decision) >= decisions.indexOf(b.decision) ? a.decision : b.decision,
    findings: [...a.findings, ...b.findings.filter((finding) => !known.has(JSON.stringify(finding)))],
    risk: higherRisk(a.risk, b.risk),
    summary: [...new Set([a.summary, b.summary])].join('\n'),
  }
}

/** Whether a person must decide at this risk. */
export function needsPerson(risk: Risk, autoMerge: Risk | 'none'): boolean {
  return autoMerge === 'none' || order.indexOf(risk) > order.indexOf(autoMerge)
}

/** What the producer reads in its next round. */
export function renderFindings(verdict: Verdict): string {
  const lines = verdict.findings.map(({ severity, issue, file, line, evidence, suggestion }) =>
    [
      `- [${severity}] ${file ? `${file}${line ? `:${line}` : ''}: ` : ''}${issue}`,
      evidence && `  Evidence: ${evidence}`,
      suggestion && `  Suggestion: ${suggestion}`,
    ]
      .filter(Boolean)
      .join('\n'),
  )
  return [verdict.summary, ...lines].join('\n')
}

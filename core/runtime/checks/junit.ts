import { setImmediate as pause } from 'node:timers/promises'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { shown } from '../../boundary/denial.ts'
import { gather, mostTests, type Reported, type ReportedTest, type Unreadable } from './reported.ts'

const deepest = 100
const mostAttributes = 1000
/** Characters between two looks at the rest of the world. */
const piece = 256 * 1024

interface Suite {
  kind: 'suite'
  name: string
}

interface Case {
  kind: 'case'
  name: string
  classname: string
  outcome: ReportedTest['outcome']
}

/** What else stands in a report: output, properties, messages. */
interface Rest {
  kind: 'rest'
}

class Refused extends Error {}

/** Reads a JUnit report as XML that is well-formed to the letter, in one pass that keeps nothing but names. A document type, which no
 *  runner writes, is refused, so there is no entity to expand and nothing to fetch. */
export async function readJUnit(text: string, worktree: string): Promise<Reported | Unreadable> {
  const tests = gather(worktree)
  const open: (Suite | Case | Rest)[] = []
  let broken: string | undefined

  /** An element counts by where it stands: inside a test's output the same name says nothing. */
  function elementOf({ name, attributes }: SaxesTagPlain): Suite | Case | Rest {
    const parent = open.at(-1)
    if (parent === undefined) {
      if (name !== 'testsuites' && name !== 'testsuite')
        throw new Refused(`it begins with <${shown(name, 60)}>, not with <testsuites>`)
      noteCounts(name === 'testsuite' ? (attributes.name ?? '') : 'the run', attributes)
      return { kind: 'suite', name: name === 'testsuite' ? (attributes.name ?? '') : '' }
    }
    if (parent.kind === 'suite') {
      if (name === 'testsuite') {
        noteCounts(attributes.name ?? '', attributes)
        return { kind: 'suite', name: attributes.name ?? '' }
      }
      if (name === 'testcase') {
        const { name: own = '', classname = '' } = attributes
        return { kind: 'case', name: own, classname, outcome: outcomeOf(attributes) }
      }
      if (name === 'failure' || name === 'error') broken ??= parent.name || 'the run'
    } else if (parent.kind === 'case') {
      if (name === 'failure' || name === 'error') parent.outcome = 'failed'
      else if (name === 'skipped' && parent.outcome === 'passed') parent.outcome = 'skipped'
    }
    return { kind: 'rest' }
  }

  function noteCounts(name: string, { failures = '0', errors = '0' }: Record<string, string>): void {
    if (Number(failures) > 0 || Number(errors) > 0) broken ??= name || 'the run'
  }

  const parser = new SaxesParser()
  parser.on('error', (error) => {
    throw new Refused(`it is no well-formed XML (line and column ${shown(error.message, 200)})`)
  })
  parser.on('doctype', () => {
    throw new Refused('it holds a document type')
  })
  let attributes = 0
  parser.on('opentagstart', () => {
    attributes = 0
  })
  parser.on('attribute', () => {
    if (++attributes > mostAttributes)
      throw new Refused(`one of its elements has more than ${mostAttributes} attributes`)
  })
  parser.on('opentag', (tag) => {
    if (open.length >= deepest) throw new Refused(`its elements are nested more than ${deepest} deep`)
    open.push(elementOf(tag))
  })
  parser.on('closetag', () => {
    const ended = open.pop()
    if (ended?.kind !== 'case') return
    const groups = open.flatMap((one) => (one.kind === 'suite' ? [one.name] : []))
    const { name, classname, outcome } = ended
    if (!tests.add({ groups: [...groups, classname], name, outcome }))
      throw new Refused(`it names more than ${mostTests} tests`)
  })
  try {
    for (let at = 0; at < text.length; at += piece) {
      parser.write(text.slice(at, at + piece))
      if (text.length > piece) await pause()
    }
    parser.close()
  } catch (error) {
    if (error instanceof Refused) return { problem: error.message }
    throw error
  }
  return tests.done(broken)
}

/** Some runners say in an attribute that a test did not run. */
function outcomeOf({ status = '', result = '' }: Record<string, string>): ReportedTest['outcome'] {
  const says = (pattern: RegExp): boolean => pattern.test(status) || pattern.test(result)
  if (says(/^(fail(ed|ure)?|error)$/i)) return 'failed'
  return says(/^(notrun|disabled|skipped|ignored|pending|suppressed)$/i) ? 'skipped' : 'passed'
}

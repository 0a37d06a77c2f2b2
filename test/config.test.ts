import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../core/config.ts'
import { capabilitiesOf } from '../core/role/capabilities.ts'

const checksOf = (checks: unknown) => resolveConfig({ checks }, 'codeband.config.yaml', () => undefined).checks

describe('checks of a configuration', () => {
  test('both forms become one', () => {
    const given = [
      ['npm', 'run', 'lint'],
      { command: ['npm', 'test'], report: 'reports/junit.xml' },
      { command: ['a'] },
    ]
    expect(checksOf(given)).toEqual([
      { command: ['npm', 'run', 'lint'] },
      { command: ['npm', 'test'], report: 'reports/junit.xml' },
      { command: ['a'] },
    ])
    expect(capabilitiesOf([], [], { checks: given })).toEqual([
      'configuration: checks with a',
      'configuration: checks with npm run lint',
      'configuration: checks with npm test, which reports in reports/junit.xml',
    ])
  })

  test.each([
    ['/tmp/junit.xml', 'is absolute'],
    ['C:/junit.xml', 'is absolute'],
    ['../junit.xml', 'may leave the worktree'],
    ['reports/../../junit.xml', 'may leave the worktree'],
    ['reports\\junit.xml', 'holds a backslash'],
    ['reports/a\u0000.xml', 'holds a backslash or a control character'],
    ['./junit.xml', 'is no plain path'],
    ['reports//junit.xml', 'is no plain path'],
    ['.git/junit.xml', "lies at '.git', which is protected"],
    ['.github/junit.xml', "lies at '.github', which is protected"],
    ['a/.agents/junit.tap', "lies at '.agents', which is protected"],
    ['reports/junit.json', 'ends neither with .xml (JUnit) nor with .tap (TAP)'],
    ['', 'is no plain path'],
  ])('no report can be written to %j', (report, why) => {
    const act = () => checksOf([{ command: ['npm', 'test'], report }])
    expect(act).toThrow(expect.objectContaining({ code: 'CB_CONFIG_INVALID' }))
    expect(act).toThrow(`checks.0.report: '${report}' ${why}`)
    expect(act).toThrow("write a path inside the worktree, such as 'reports/junit.xml'")
  })

  test('what is wrong is said at its place', () => {
    expect(() => checksOf(['npm test'])).toThrow('checks.0: Invalid input: expected array, received string')
    expect(() => checksOf([['npm'], ['npm', 1]])).toThrow('checks.1.1: Invalid input: expected string, received number')
    expect(() => checksOf([{ report: 'a.xml' }])).toThrow('checks.0.command: Invalid input: expected array')
    expect(() => checksOf([{ command: [], report: 'a.xml' }])).toThrow('checks.0.command: ')
    expect(() => checksOf([{ command: ['a'], reports: 'a.xml' }])).toThrow('checks.0: Unrecognized key: "reports"')
  })
})

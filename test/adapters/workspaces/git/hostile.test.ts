import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { gitWorkspaces } from '../../../../adapters/workspaces/git.ts'
import { type Repository, removeTemporary, repository, snapshot, temporary, writeFiles } from '../repository.ts'

import { at, begin, change, saving, state } from '../world.ts'

afterAll(removeTemporary)

/** Everything git can be told to run, each leaving its own mark. */
function makeHostile(person: Repository): string {
  const marks = temporary('canaries')
  const fire = (name: string) => `touch ${join(marks, name)}`
  const config: [string, string][] = [
    ['core.fsmonitor', `${fire('fsmonitor')}; false`],
    ['core.hooksPath', join(person.path, '.git/evil-hooks')],
    ['core.sshCommand', fire('ssh')],
    ['core.pager', fire('pager')],
    ['core.editor', fire('editor')],
    ['core.askPass', fire('askpass')],
    ['core.gitProxy', fire('proxy')],
    ['core.alternateRefsCommand', fire('alternates')],
    ['core.attributesFile', join(person.folder, 'attributes')],
    ['filter.x.clean', `${fire('clean')}; cat`],
    ['filter.x.smudge', `${fire('smudge')}; cat`],
    ['filter.p.process', fire('process')],
    ['filter.p.required', 'true'],
    ['diff.x.textconv', fire('textconv')],
    ['diff.y.command', fire('diff-command')],
    ['diff.external', fire('diff-external')],
    ['merge.x.driver', `${fire('merge-driver')}; false`],
    ['alias.status', `!${fire('alias')}`],
    ['alias.diff-index', `!${fire('alias')}`],
    ['credential.helper', `!${fire('credential')}`],
    ['gpg.program', fire('gpg')],
    ['commit.gpgSign', 'true'],
    ['log.showSignature', 'true'],
    ['remote.origin.url', `ext::sh -c ${fire('ext')}`],
    ['remote.origin.uploadpack', fire('uploadpack')],
    ['remote.origin.promisor', 'true'],
    ['uploadpack.packObjectsHook', fire('pack-hook')],
    ['protocol.ext.allow', 'always'],
    ['sequence.editor', fire('sequence')],
    ['trailer.x.command', fire('trailer')],
    ['include.path', join(person.folder, 'included')],
    ['core.worktree', '/'],
  ]
  writeFiles(person.folder, {
    attributes: '* filter=x diff=y merge=x\n',
    included: `[core]\n\tfsmonitor = ${fire('included')}\n[filter "i"]\n\tclean = ${fire('included-clean')}\n`,
  })
  const hooks = [
    'pre-commit',
    'prepare-commit-msg',
    'commit-msg',
    'post-commit',
    'post-checkout',
    'post-merge',
    'post-rewrite',
    'pre-rebase',
    'pre-auto-gc',
    'reference-transaction',
    'post-index-change',
    'pre-receive',
    'update',
    'post-receive',
    'post-update',
    'fsmonitor-watchman',
    'proc-receive',
    'push-to-checkout',
  ]
  const scripts = Object.fromEntries(
    ['hooks', 'evil-hooks'].flatMap((folder) =>
      hooks.map((hook) => [`.git/${folder}/${hook}`, { run: `#!/bin/sh\n${fire(`hook-${hook}`)}\n` }]),
    ),
  )
  person.write({ ...scripts, '.git/info/attributes': '*.txt filter=x diff=x merge=x\n' })
  for (const [key, value] of config) person.git('config', key, value)
  return marks
}

describe('a hostile repository', () => {
  test('nothing it names is ever run, through any call of the port (GR-001, GR-005, GR-006, GR-008, GR-010)', async () => {
    const person = repository()
    const base = person.commit({
      '.gitattributes': '* filter=x diff=x merge=x\n*.p filter=p\n*.i filter=i diff=y\n',
      '.gitmodules': '[submodule "s"]\n\tpath = s\n\turl = -u./payload\n\tupdate = !touch /tmp/should-not-exist\n',
      'a.txt': 'one\n',
      'b.p': 'two\n',
      'c.i': 'three\n',
    })
    const linked = join(person.folder, 'linked')
    person.git('worktree', 'add', '--quiet', '-b', 'side', linked)
    const marks = makeHostile(person)
    // Stat data that git must distrust, so that it would look at the content, filtered.
    for (const name of ['a.txt', 'b.p', 'c.i']) utimesSync(join(person.path, name), 1, 1)

    const home = state()
    const workspaces = await gitWorkspaces({ root: person.path, home })
    expect([workspaces.root, await workspaces.currentBranch(), await workspaces.tip('main')]).toEqual([
      person.path,
      'main',
      base,
    ])
    const worktree = await workspaces.checkout('w', base)
    writeFiles(worktree.path, {
      'a.txt': 'ONE\n',
      'n.p': 'new\n',
      'n.i': 'new\n',
      '.gitattributes': '* filter=x diff=y merge=x text\n',
    })
    await worktree.changes()
    await worktree.files()
    await worktree.patch()
    await worktree.settle()
    writeFiles(worktree.path, { 'late.txt': 'x' })
    await worktree.restore(['c.i'])
    const one = (await worktree.save(saving))!
    await worktree.log(3)
    const two = await change(workspaces, 'v', base, { 'b.p': 'TWO\n', 'a.txt': 'one\nmore\n' })
    await workspaces.merge(base, [
      { commit: one.commit, message: 'm', at },
      { commit: two, message: 'm', at },
    ])
    const merged = await workspaces.merge(base, [{ commit: one.commit, message: 'm', at }])
    if ('conflict' in merged) throw new Error('conflict')
    await workspaces.reword(base, one.commit, { message: 'r', author: saving.author, at })
    await workspaces.diff(base, merged.commit)
    await workspaces.patch(base, merged.commit)
    await workspaces.keep(merged.commit)
    expect(await workspaces.land('main', base, merged.commit)).toEqual({ status: 'landed' })
    expect(await workspaces.land('side', base, merged.commit)).toEqual({ status: 'landed' })
    expect(await workspaces.land('main', base, merged.commit)).toEqual({ status: 'landed' })
    await workspaces.close()
    await gitWorkspaces({ root: linked, home: state() })
    expect(readFileSync(join(person.path, 'a.txt'), 'utf8')).toBe('ONE\n')
    expect(readFileSync(join(linked, 'a.txt'), 'utf8')).toBe('ONE\n')
    expect(readdirSync(marks)).toEqual([])
    expect(existsSync('/tmp/should-not-exist')).toBe(false)

    // The traps are armed: the person's own git falls into them.
    try {
      execFileSync('git', ['--work-tree=.', 'status'], { cwd: person.path, stdio: 'ignore' })
    } catch {
      // Whether it fails does not matter, only whether something fired.
    }
    expect(readdirSync(marks).length).toBeGreaterThan(0)
  })

  test('packed refs that nobody can read, left where core packs none, keep nothing from beginning', async () => {
    const { person, base, home, workspaces: before } = await begin()
    await before.keep(base)
    await before.close()
    writeFileSync(join(home, 'repo.git/packed-refs'), 'evil\n')
    const workspaces = await gitWorkspaces({ root: person.path, home })
    expect(await workspaces.tip('main')).toBe(base)
    const worktree = await workspaces.checkout('w', base)
    expect(await (await worktree.watch())()).toEqual([])
    expect(existsSync(join(home, 'repo.git/packed-refs'))).toBe(false)
    expect(person.gitIn(home, '--git-dir', 'repo.git', 'rev-parse', `refs/codeband/keep/${base}`)).toBe(base)
  })

  test('what is theirs stays byte for byte: index, stash, settings, hooks, untracked files, other branches', async () => {
    const { person, base, workspaces } = await begin()
    person.write({ 'a.txt': 'stashed\n' })
    person.git('stash', '--quiet')
    person.git('branch', 'other')
    person.git('tag', 'v1')
    person.git('config', 'user.name', 'Ada')
    person.write({ 'untracked.txt': 'u', '.git/hooks/post-commit': { run: '#!/bin/sh\n' } })
    person.git('switch', '--quiet', '--create', 'work')
    person.write({ 'a.txt': 'in progress\n' })
    person.git('add', 'a.txt')
    const before = snapshot(person.path)
    const refs = person.git('for-each-ref', '--format=%(refname) %(objectname)')
    const same = snapshot(person.path)
    expect(same).toEqual(before)
    const to = await change(workspaces, 'w', base, { 'src/b.txt': 'TWO\n' })
    expect(snapshot(person.path)).toEqual(before)
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    const after = snapshot(person.path)
    const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
      (name) => before[name] !== after[name],
    )
    expect(changed.filter((name) => !name.startsWith('.git/objects/pack/'))).toEqual([
      '.git/logs/refs/heads/main',
      '.git/refs/heads/main',
    ])
    expect(changed.filter((name) => /\.keep$|tmp|\.lock/.test(name))).toEqual([])
    expect(person.git('for-each-ref', '--format=%(refname) %(objectname)')).toBe(
      refs.replace(`refs/heads/main ${base}`, `refs/heads/main ${to}`),
    )
  })
})

/** Removes these, folders with all they hold; follows no link; fine where nothing is. In a process of its own, whose memory and time are
 *  nobody's: what a command left may be millions of files, or folders deeper than a path can name. */
export async function removeTrees(paths: readonly (string | Buffer)[]): Promise<void> {
  if (paths.length === 0) return
  const { run } = await import('./processes/process.ts')
  const input = Buffer.concat(paths.flatMap((path) => [Buffer.from(path), Buffer.of(0)]))
  const each = (...argv: string[]) =>
    run(['xargs', '-0', ...argv, '--'], {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin', LC_ALL: 'C' },
      maxOutput: 2_000,
      timeoutMs: 60 * 60_000,
      input,
    })
  if ((await each('rm', '-rf')).exitCode === 0) return
  // Folders without write permission hold their files even against their owner.
  await each('chmod', '-R', 'u+rwx')
  const { exitCode, output } = await each('rm', '-rf')
  if (exitCode !== 0) throw new Error(`nothing could be removed: ${output}`)
}

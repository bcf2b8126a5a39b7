/**
 * Names of environment variables: patterns of them, and those by which a program is made to run another
 * one, to load code, to trust somebody else, or to look for its settings elsewhere.
 */

/** A pattern is a name, or the beginning of names with a star behind it. */
export function matches(pattern: string, name: string): boolean {
  return isFamily(pattern) ? name.startsWith(beginning(pattern)) : name === pattern
}

/** In capitals; they hold in any case, because some are read in both. */
const GUARDED: readonly string[] = [
  // which programs run, and from where
  ...['PATH', 'HOME', 'SHELL', 'ENV', 'BASH_ENV', 'ZDOTDIR', 'IFS', 'CDPATH', 'PROMPT_COMMAND'],
  ...['EDITOR', 'VISUAL', 'PAGER', 'MANPAGER', 'BROWSER', 'LESSOPEN', 'LESSCLOSE', 'TMPDIR'],
  ...['XDG_*', 'AGENTMQ_*', 'SUDO_*', 'SSH_*', 'GIT_*', 'DOCKER_*', 'KUBE*'],
  // code that is loaded into what runs
  ...['LD_*', 'DYLD_*', 'GCONV_PATH', 'GLIBC_TUNABLES', 'LOCPATH', 'NLSPATH', 'OPENSSL_*'],
  ...['NODE_*', 'NPM_*', 'BUN_*', 'DENO_*', 'PYTHON*', 'PERL*', 'RUBY*', 'GEM_*', 'LUA_*'],
  ...['JAVA_*', '_JAVA_*', 'JDK_*', 'CLASSPATH', 'DOTNET_*', 'CARGO_*', 'RUST*', 'GO*'],
  // whom it talks to, and whom it trusts
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'FTP_PROXY', 'NO_PROXY', 'SSL_CERT_*'],
  ...['HOSTALIASES', 'RES_OPTIONS', 'LOCALDOMAIN', 'CURL_*', 'REQUESTS_CA_BUNDLE', 'AWS_*'],
  // where the CLIs look for their settings, tools and accounts
  ...['CLAUDE_*', 'ANTHROPIC_*', 'CODEX_*', 'OPENAI_*', 'OPENCODE_*', 'GEMINI_*', 'GOOGLE_*'],
]

/**
 * Whether this pattern is too wide to stand for this name. One that says the name, or the family that it is
 * of, says it in so many words; `*` says nothing.
 */
export function isGuarded(name: string, pattern: string): boolean {
  if (!isFamily(pattern)) return false
  const capitals = name.toUpperCase()
  const said = beginning(pattern).toUpperCase()
  return GUARDED.some((guarded) => {
    if (!matches(guarded, capitals)) return false
    return !isFamily(guarded) || !said.startsWith(beginning(guarded))
  })
}

function isFamily(pattern: string): boolean {
  return pattern.endsWith('*')
}

function beginning(pattern: string): string {
  return pattern.slice(0, -1)
}

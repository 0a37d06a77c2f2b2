export interface ConfigValues {
  model?: string
  /** Absolute path of the model catalogue. */
  catalogue: string
  /** Undefined: the built-in provider with the login of auth.json. */
  provider?: ProviderValues
  /** Folders whose own configuration must never be read. */
  untrusted: readonly string[]
}

export interface ProviderValues {
  baseUrl: string
  /** Name of the variable in the client's environment that holds what it sends for a key. */
  keyVariable?: string
  requestRetries: number
  streamRetries: number
  idleMs: number
}

/** Off: whatever speaks to the network by itself, starts a process, or adds a tool that is not ours. */
export const off = [
  'api_key_model_discovery',
  'apps',
  'browser_use',
  'browser_use_external',
  'computer_use',
  'daemon_auto_start',
  'goals',
  'hooks',
  'image_generation',
  'in_app_browser',
  'memories',
  'plugin_sharing',
  'plugins',
  'remote_plugin',
  'shell_snapshot',
  'shell_tool',
  'skill_mcp_dependency_install',
  'skill_search',
  'sleep_tool',
  'tool_suggest',
  'unified_exec',
  'view_image',
]

/** No place to run anything: the wall behind all the switches above, and the one that survives a resume. */
export const environmentsToml = 'default = "none"\ninclude_local = false\n'

/** `config.toml` of a worker's private CODEX_HOME. */
export function configToml({ model, catalogue, provider, untrusted }: ConfigValues): string {
  const lines = [
    ...(model === undefined ? [] : [`model = ${quoted(model)}`]),
    ...(provider ? ['model_provider = "codeband"'] : []),
    `model_catalog_json = ${quoted(catalogue)}`,
    'approval_policy = "never"',
    'sandbox_mode = "read-only"',
    'cli_auth_credentials_store = "file"',
    'check_for_update_on_startup = false',
    'web_search = "disabled"',
    'project_doc_max_bytes = 0',
    'include_permissions_instructions = false',
    'include_environment_context = false',
    'include_apps_instructions = false',
    'include_collaboration_mode_instructions = false',
    ...(provider ? providerLines(provider) : []),
    '[analytics]',
    'enabled = false',
    '[feedback]',
    'enabled = false',
    '[features]',
    ...off.map((feature) => `${feature} = false`),
    '[agents]',
    'enabled = false',
    '[skills]',
    'include_instructions = false',
    '[skills.bundled]',
    'enabled = false',
    '[shell_environment_policy]',
    'inherit = "core"',
    'ignore_default_excludes = false',
    ...untrusted.flatMap((folder) => [`[projects.${quoted(folder)}]`, 'trust_level = "untrusted"']),
  ]
  return `${lines.join('\n')}\n`
}

const providerLines = ({ baseUrl, keyVariable, requestRetries, streamRetries, idleMs }: ProviderValues) => [
  '[model_providers.codeband]',
  'name = "codeband"',
  `base_url = ${quoted(baseUrl)}`,
  'wire_api = "responses"',
  ...(keyVariable === undefined ? [] : [`env_key = ${quoted(keyVariable)}`]),
  'supports_websockets = false',
  `request_max_retries = ${requestRetries}`,
  `stream_max_retries = ${streamRetries}`,
  `stream_idle_timeout_ms = ${idleMs}`,
]

/** A TOML basic string: JSON's escapes are valid there, but DEL must be escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}

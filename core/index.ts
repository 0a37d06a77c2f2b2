export { z } from 'zod'
export { type Check, type Config, defineConfig, packageRegistries, type ResolvedConfig } from './config.ts'
export { CodebandError, type ErrorCode, errors } from './errors.ts'
export type { Clock } from './ports/clock.ts'
export type { EventStore, Lead } from './ports/event-store.ts'
export type {
  Failure,
  Framework,
  FrameworkCheck,
  JsonSchema,
  Session,
  SessionOptions,
  SessionTool,
  ToolResult,
  TurnEvent,
  Usage,
} from './ports/framework.ts'
export type { Bundle, Loader, SourceFile } from './ports/loader.ts'
export type { CommandResult, Sandbox, SandboxCommand } from './ports/sandbox.ts'
export type {
  FileDiff,
  LandingResult,
  MergeConflict,
  MergeItem,
  Workspaces,
  Worktree,
  WorktreeChange,
} from './ports/workspace.ts'
export type { Event, Recorded, TaskOutcome } from './protocol/events.ts'
export { type Approval, type Landing, type State, type Task, taskOf, tasksOf } from './protocol/state.ts'
export { type Diagnostic, showDiagnostic } from './role/diagnostic.ts'
export { type ChangeProduct, Finding, type MergeReport, Plan, Risk, Subtask, Verdict } from './role/products.ts'
export {
  type Adjustments,
  defineRole,
  type Limits,
  type McpServer,
  type Role,
  type RoleDefinition,
  type Roles,
  type StepsContext,
  type TurnContext,
} from './role/role.ts'
export type { Schema } from './role/schema.ts'
export { type Band as StepsBand, type Effect, EffectError, type Steps } from './role/steps.ts'
export {
  type BuiltinTool,
  defineTool,
  type Tool,
  type ToolContext,
  type ToolGrant,
  type ToolName,
  type Tools,
} from './role/tool.ts'
export type { LeadingBand, TaskResult } from './runtime/band.ts'

/** The roles that ship, as they are; a role file or a program spreads one to change a part of it. */
export { default as codeReviewer } from '../roles/code-reviewer.ts'
export { default as coder } from '../roles/coder.ts'
export { default as conductor } from '../roles/conductor.ts'
export { default as filePicker } from '../roles/file-picker.ts'
export { default as mergemaster } from '../roles/mergemaster.ts'
export { default as planReviewer } from '../roles/plan-reviewer.ts'
export { default as planner } from '../roles/planner.ts'
